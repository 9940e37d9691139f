#include "sinks/movement.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/plane/metric_keys.hpp>

namespace infoplane::sinks {

bool differ(const Sample& a, const Sample& b) {
  const auto noise = std::isfinite(a.standard_error) && std::isfinite(b.standard_error)
                         ? 2 * std::hypot(a.standard_error, b.standard_error)
                         : 0.0;
  const auto size = std::max(std::abs(a.value), std::abs(b.value));
  return std::abs(a.value - b.value) > std::max(noise, 0.02 * size);
}

Movement movement_of(const RunFile& run, const std::string& order) {
  const auto key = plane::complexity_key(order);
  const auto samples = means_of(points_of(run.points, main_stream(run.points)), shown_key(run.points, key), key);
  const auto *first = first_finite(samples), *last = last_finite(samples), *peak = largest(samples);
  if (first == nullptr || first == last) {
    return {};
  }
  return {*first, *peak, *last, true, peak != first && differ(*first, *peak), peak != last && differ(*peak, *last)};
}

std::vector<ReportPhase> phases_of(const ReportRun& run, const std::string& order) {
  if (!run.phases.empty()) {
    return run.phases;
  }
  const auto movement = movement_of(run.file, order);
  std::vector<ReportPhase> phases;
  if (movement.rose) {
    phases.push_back({"expansion", movement.first.step, movement.peak.step});
  }
  if (movement.fell) {
    phases.push_back({"compression", movement.peak.step, movement.last.step});
  }
  return phases;
}

}  // namespace infoplane::sinks
