#pragma once

#include <cstdint>
#include <infoplane/estimator/estimate_each.hpp>
#include <infoplane/monitor/monitor_options.hpp>
#include <infoplane/plane/point.hpp>
#include <optional>
#include <string>
#include <vector>

#include "monitor/rank_report.hpp"

namespace infoplane {

/// What was measured for a point, by all ranks together. Borrowed.
struct Measured {
  const std::string& split;
  std::int64_t step;
  std::optional<double> loss;
  bool cross_entropy;  // what the loss is
  const std::vector<SharedSite>& sites;
  const std::vector<estimator::NamedEstimate>& estimates;
  const std::string& dropped;  // what does not count, in words
};

/// The point, but for its time and bytes, with layers in the order of the sites. Its tokens are those of the layer that
/// saw the most, whether their rows counted or not. A layer that came before, but not since the last point, has NaN and
/// the reason.
plane::Point assemble_point(const Measured& measured, const MonitorOptions& options);

}  // namespace infoplane
