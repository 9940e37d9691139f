#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <infoplane/plane/metric_keys.hpp>

#include "report/draw.hpp"
#include "report/forgotten.hpp"

namespace infoplane::report {
namespace {

using svg::at;

constexpr double kWidth = 430, kHeight = 212, kLeft = 56, kRight = 420, kTop = 58, kBottom = 180;
using plane::kOrders;
constexpr std::array kNames = {"the last token", "the one before", "the third", "the fourth"};

/// Keys of the parts that the run has, with what a reader is told they are.
std::vector<std::pair<std::string, std::string>> parts_of(const ReportRun& run) {
  std::vector<std::pair<std::string, std::string>> parts;
  std::string before;
  for (std::size_t i = 0; i < kOrders.size(); ++i) {
    const auto whole = plane::complexity_key(kOrders[i]);
    const auto key = before.empty() ? whole : fmt::format("{}|{}", whole, before);
    if (has_metric(run.file, key)) {
      const bool follows = i == 0 || before == kOrders[i - 1];
      parts.emplace_back(key, follows          ? kNames[i]
                              : before.empty() ? fmt::format("the last {} tokens", i + 1)
                                               : fmt::format("those up to the last {}", i + 1));
      before = kOrders[i];
    }
  }
  if (const auto rest = plane::context_key() + "|" + before; !before.empty() && has_metric(run.file, rest)) {
    parts.emplace_back(rest, "the rest of the context");
  }
  return parts;
}

}  // namespace

Bands bands_of(const ReportRun& run, const std::string& split, const std::string& layer, std::size_t max_steps) {
  Bands bands{layer.empty() ? "mean over the blocks" : layer, {}, {}};
  const auto parts = parts_of(run);
  if (parts.size() < 2) {
    return bands;
  }
  const auto choice = choice_of(run);
  const auto chosen = runs::thinned(runs::with_layers(runs::points_of(run.file.points, split)), max_steps);
  for (const auto& [key, name] : parts) {
    bands.parts.push_back({name, {}});
    const auto shown = choice(key);
    for (const auto* point : chosen) {
      const auto* const of_layer = layer.empty() ? nullptr : point->layer(layer);
      const auto& metrics = of_layer != nullptr ? of_layer->metrics : point->mean;
      bands.parts.back().values.push_back(layer.empty() || of_layer != nullptr ? plane::value_at(metrics, shown.key)
                                                                               : std::nan(""));
    }
  }
  for (const auto* point : chosen) {
    bands.steps.push_back(point->step);
  }
  const bool any = std::any_of(bands.parts.begin(), bands.parts.end(), [](const Bands::Part& part) {
    return std::any_of(part.values.begin(), part.values.end(), [](double value) { return std::isfinite(value); });
  });
  if (!any || bands.steps.size() < 2) {
    bands.parts.clear();
  }
  return bands;
}

Drawing draw(const Bands& bands) {
  const auto count = bands.steps.size();
  // What noise takes below nothing is drawn as nothing; where a part is not known, neither is the whole.
  std::vector<std::vector<double>> tops(bands.parts.size() + 1, std::vector<double>(count, 0.0));
  svg::Extent extent;
  extent.add(0);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t part = 0; part < bands.parts.size(); ++part) {
      const double value = bands.parts[part].values[i];
      tops[part + 1][i] = tops[part][i] + (value < 0 ? 0.0 : value);
    }
    extent.add(tops.back()[i]);
  }
  const svg::Scale x{static_cast<double>(bands.steps.front()), static_cast<double>(bands.steps.back()), kLeft + 4,
                     kRight - 4};
  const svg::Scale y{0, extent.high > 0 ? extent.high * 1.05 : 1, kBottom, kTop};
  std::string body = fmt::format("<text class=\"h\" x=\"8\" y=\"16\">{}</text>", svg::escape(bands.title));
  double legend = 8;
  for (std::size_t part = 0; part < bands.parts.size(); ++part) {
    const auto color = svg::step_color((static_cast<double>(part) + 0.5) / static_cast<double>(bands.parts.size()));
    std::string upper, lower, areas;
    const auto close = [&] {
      areas += upper.empty() ? "" : "M" + upper.substr(1) + lower + "Z";
      upper.clear();
      lower.clear();
    };
    for (std::size_t i = 0; i < count; ++i) {
      if (!std::isfinite(tops[part + 1][i])) {
        close();
        continue;
      }
      const auto column = at(x(static_cast<double>(bands.steps[i])));
      upper += fmt::format("L{} {}", column, at(y(tops[part + 1][i])));
      lower.insert(0, fmt::format("L{} {}", column, at(y(tops[part][i]))));
    }
    close();
    body += fmt::format("<path class=\"f{}\" d=\"{}\"/>", color, areas);
    body += fmt::format(
        "<rect class=\"f{}\" x=\"{}\" y=\"26\" width=\"10\" height=\"10\"/>"
        "<text class=\"s\" x=\"{}\" y=\"35\">{}</text>",
        color, at(legend), at(legend + 14), svg::escape(bands.parts[part].name));
    legend += 26 + 6.2 * static_cast<double>(bands.parts[part].name.size());
  }
  body += svg::step_axes(x, y, kLeft, kRight, kBottom);
  std::string alt = "Where complexity lies, " + bands.title + ", at the last step";
  for (const Bands::Part& part : bands.parts) {
    alt += fmt::format("; {}: {}", part.name, svg::value(part.values.back()));
  }
  return {std::max(kWidth, legend), kHeight, body, "", alt};
}

}  // namespace infoplane::report
