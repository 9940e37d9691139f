#include <algorithm>
#include <cmath>
#include <ctime>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_header.hpp>

namespace infoplane::runs {
namespace {

template <typename T>
std::string difference(const char* field, const T& one, const T& other) {
  return detail::concat(field, " (", one, " and ", other, ")");
}

}  // namespace

std::vector<std::string> differing_fields(const RunHeader& one, const RunHeader& other) {
  std::vector<std::string> fields;
  if (one.anchors != other.anchors) {
    fields.push_back(difference("m", one.anchors, other.anchors));
  }
  if (one.width != other.width) {
    fields.push_back(difference("d", one.width, other.width));
  }
  const auto tolerance = 1e-9 * std::max(std::abs(one.temperature), std::abs(other.temperature));
  if (!(std::abs(one.temperature - other.temperature) <= tolerance)) {  // NaN differs from everything
    fields.push_back(difference("temperature", one.temperature, other.temperature));
  }
  if (one.anchor_hash != other.anchor_hash) {
    fields.push_back(difference("anchor hash", one.anchor_hash, other.anchor_hash));
  }
  return fields;
}

std::string utc_timestamp(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const auto length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

}  // namespace infoplane::runs
