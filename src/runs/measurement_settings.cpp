#include "runs/measurement_settings.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <type_traits>

namespace infoplane::runs {
namespace {

template <typename T>
void compare(Differences& found, const char* name, const T& mine, const T& theirs) {
  found.compare(name, mine, theirs);
}

void compare(Differences& found, const char* name, bool mine, bool theirs) {
  const auto word = [](bool flag) { return std::string(flag ? "yes" : "no"); };
  found.compare(name, word(mine), word(theirs));
}

void compare(Differences& found, const char* name, double mine, double theirs) {
  constexpr double kTolerance = 1e-9;
  const auto tolerance = kTolerance * std::max(std::abs(mine), std::abs(theirs));
  if (!(std::abs(mine - theirs) <= tolerance)) {  // NaN differs from everything
    found.add(name, detail::concat(mine), detail::concat(theirs));
  }
}

void compare(Differences& found, const char* name, const std::vector<std::string>& mine,
             const std::vector<std::string>& theirs) {
  found.compare(detail::concat("number of ", name), mine.size(), theirs.size());
  found.compare(name, detail::join(mine), detail::join(theirs));
}

template <typename T>
std::string words(const char* name, const T& value) {
  return detail::concat(name, ' ', value);
}

std::string words(const char* name, bool flag) { return flag ? name : ""; }

std::string words(const char* name, const std::vector<std::string>& values) {
  return detail::concat(name, ' ', detail::join(values));
}

}  // namespace

MeasurementSettings settings_of(const RunHeader& header) {
  MeasurementSettings settings;
  settings.anchors = header.anchors;
  settings.width = header.width;
  settings.centre = header.centre;
  settings.temperature = header.temperature;
  settings.anchor_hash = header.anchor_hash;
  return settings;
}

Differences differences(const MeasurementSettings& mine, const MeasurementSettings& theirs, bool may_differ_in_sites) {
  Differences found;
  MeasurementSettings::each([&](const char* name, auto field) {
    constexpr bool kSites = std::is_same_v<decltype(field), decltype(&MeasurementSettings::sites)>;
    if (mine.*field && theirs.*field && !(kSites && may_differ_in_sites)) {
      compare(found, name, *(mine.*field), *(theirs.*field));
    }
  });
  return found;
}

std::string text_of(const MeasurementSettings& settings) {
  std::vector<std::string> fields;
  MeasurementSettings::each([&](const char* name, auto field) {
    if (settings.*field) {
      fields.push_back(words(name, *(settings.*field)));
    }
  });
  std::erase(fields, "");
  return detail::join(fields);
}

}  // namespace infoplane::runs
