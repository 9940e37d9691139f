#include "report/layer_sentences.hpp"

#include <fmt/format.h>

#include <cmath>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/shown_metric.hpp>

#include "report/forgotten.hpp"
#include "report/words.hpp"

namespace infoplane::report {
namespace {

/// Of sites of several widths, or that read different tokens.
std::string groups_sentence(const plane::Point& point, const plane::ShownMetric& shown, const std::string& called) {
  std::string out;
  for (const auto& group : point.groups) {
    out += fmt::format("{}{} ({} {})", out.empty() ? "" : ", ", group.name, called,
                       number(plane::value_at(group.metrics, shown.key)));
  }
  return fmt::format(
      "The layers are in {} groups whose values do not compare: {}. What is said of the layers is of the main one.",
      point.groups.size(), out);
}

}  // namespace

std::string layers_sentence(const ReportRun& run, const std::string& order, const runs::Points& chosen) {
  const auto points = runs::with_layers(chosen);
  if (points.empty()) {
    return "";
  }
  const auto shown = plane::shown_metric(plane::optimality_key(order), run.file.points);
  if (!chosen.back()->groups.empty()) {
    return groups_sentence(*chosen.back(), shown, Words(order).called("optimality"));
  }
  const plane::LayerPoint *nearest = nullptr, *farthest = nullptr;
  const auto value = [&](const plane::LayerPoint& layer) { return plane::value_at(layer.metrics, shown.key); };
  for (const auto& layer : points.back()->layers) {
    if (std::isfinite(value(layer))) {
      nearest = nearest == nullptr || value(layer) > value(*nearest) ? &layer : nearest;
      farthest = farthest == nullptr || value(layer) < value(*farthest) ? &layer : farthest;
    }
  }
  if (nearest == farthest) {
    return "";
  }
  const auto when =
      points.back() == chosen.back() ? std::string("At the end") : fmt::format("At step {}", points.back()->step);
  return value(*nearest) > 1
             ? fmt::format("{} {} has the highest optimality ({}), {} the lowest ({}).", when, nearest->name,
                           number(value(*nearest)), farthest->name, number(value(*farthest)))
             : fmt::format("{} {} is nearest to the bound ({} {}), {} farthest from it ({}).", when, nearest->name,
                           Words(order).called("optimality"), number(value(*nearest)), farthest->name,
                           number(value(*farthest)));
}

std::string direction_sentence(const Movement& moved, const ReportRun& run) {
  if (run.file.header.centre) {
    return "";
  }
  std::string out;
  for (const auto& phase : moved.phases) {
    if (phase.goes_with_direction()) {
      const bool more = phase.mean_direction.value > 0;
      out += fmt::format("{}from step {} to {} the activations came to point {} one way (mean direction {}{})",
                         out.empty() ? "Caution: " : ", and ", phase.first_step, phase.last_step,
                         more ? "more" : "less", more ? "+" : "−", number(std::abs(phase.mean_direction.value)));
    }
  }
  return out.empty() ? ""
                     : out +
                           ", which moves complexity the way that it went, even where nothing is lost or gained: "
                           "measured with SoftEntropyOptions::centre(true), a run shows what is left of that.";
}

}  // namespace infoplane::report
