#include <torch/version.h>

#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/core/version.hpp>

#include "monitor/monitor_impl.hpp"

// What a monitor says of itself: to other ranks, in a saved state, and in a run's header.
namespace infoplane {

RankSettings Monitor::Impl::settings_for_others(const Stream& stream) const {
  const auto& estimator = options_.estimator();
  const auto& labels = options_.labels();
  RankSettings result;
  result.fields = {
      {"library version", version()},
      {"every", std::to_string(options_.every())},
      {"window", std::to_string(options_.window())},
      {"input orders", detail::join(labels.input_orders())},
      {"output orders", detail::join(labels.output_orders())},
      {"common positions", labels.common_positions() ? "yes" : "no"},
      {"m", std::to_string(estimator.anchors())},
      {"seed", std::to_string(estimator.seed())},
      {"seed rule", estimator.raw_seed() ? "raw" : "mixed"},
      {"calibration", estimator.calibration().name()},
      {"label weights", estimator.label_weights() == estimator::LabelWeights::kUniform ? "uniform" : "empirical"},
      {"max_labels", std::to_string(estimator.max_labels())}};
  if (!options_.pipeline()) {
    result.fields.emplace_back("blocks", options_.blocks());
  }
  result.sites = own_sites();
  result.may_differ_in_sites = options_.pipeline();
  result.width = stream.prototype() == nullptr ? 0 : stream.prototype()->dimension();
  result.dtype = stream.dtype();
  result.label_sets = stream.label_sets();
  return result;
}

/// What a saved state depends on, beside what the accumulators say themselves.
std::string Monitor::Impl::settings() const {
  std::vector<std::string> sites;
  for (const auto& site : watcher_->sites()) {
    sites.push_back(site.name);
  }
  const labels::LabelOptions& labels = options_.labels();
  return detail::concat("every ", options_.every(), ", window ", options_.window(), ", input orders ",
                        detail::join(labels.input_orders()), ", output orders ", detail::join(labels.output_orders()),
                        labels.common_positions() ? ", common positions" : "", ", sites ", detail::join(sites));
}

runs::RunHeader Monitor::Impl::header_of(const std::vector<SharedSite>& sites, std::int64_t width,
                                         const std::string& dtype, const std::vector<std::string>& label_sets) const {
  runs::RunHeader header;
  const estimator::SoftEntropyAccumulator measured(width, options_.estimator());
  header.run = options_.run();
  header.started = runs::utc_timestamp(wall_start_);
  header.seed = options_.estimator().seed();
  header.anchors = options_.estimator().anchors();
  header.width = measured.dimension();
  header.temperature = measured.temperature();
  header.calibration = options_.estimator().calibration().name();
  header.anchor_hash = measured.anchors().identity();
  header.label_sets = label_sets;
  for (const auto& site : sites) {
    header.sites.push_back(site.name);
    header.site_kinds.emplace(site.name, site.kind);
  }
  header.dtype = dtype;
  header.world_size = ranks_.size();
  header.every = options_.every();
  header.window = options_.window();
  header.library_version = version();
  header.torch_version = TORCH_VERSION;
  header.config = options_.details();
  const double scale = std::log(static_cast<double>(header.anchors));
  for (const auto& [order, curve] : options_.curves()) {
    auto& points = header.curves[order];
    for (const auto& point : curve.points()) {
      points.emplace_back(point.complexity / scale, point.expressivity / scale);
    }
  }
  return header;
}

}  // namespace infoplane
