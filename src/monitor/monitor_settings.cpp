#include <torch/version.h>

#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/core/version.hpp>

#include "monitor/monitor_impl.hpp"
#include "monitor/site_groups.hpp"

// What a monitor says of itself: to other ranks, in a saved state, and in a run's header.
namespace infoplane {

namespace {

/// When and on which labels a monitor measures.
runs::MeasurementSettings schedule_of(const MonitorOptions& options) {
  const auto& labels = options.labels();
  runs::MeasurementSettings result;
  result.every = options.every();
  result.window = options.window();
  result.input_orders = detail::join(labels.input_orders());
  result.output_orders = detail::join(labels.output_orders());
  result.common_positions = labels.common_positions();
  result.same_positions = labels.same_positions();
  return result;
}

template <typename Site>
std::vector<std::string> names_of(const std::vector<Site>& sites) {
  std::vector<std::string> names;
  names.reserve(sites.size());
  for (const auto& site : sites) {
    names.push_back(site.name);
  }
  return names;
}

}  // namespace

RankSettings Monitor::Impl::settings_for_others(const Split& split) const {
  const auto& estimator = options_.estimator();
  RankSettings result;
  result.pipeline = options_.pipeline();
  result.sites = own_sites();
  for (std::size_t i = 0; i < result.sites.size(); ++i) {
    const auto& own = watcher_->sites()[i];
    result.sites[i].width = split.width_of(own.name);
    result.sites[i].row = split.row_of(own);
  }
  result.dtype = split.dtype();
  result.label_sets = split.label_sets();
  auto& measurement = result.measurement = schedule_of(options_);
  measurement.library_version = version();
  measurement.anchors = estimator.anchors();
  measurement.seed = estimator.seed();
  measurement.seed_rule = estimator.raw_seed() ? "raw" : "mixed";
  measurement.draws = options_.draws();
  measurement.centre = estimator.centre();
  measurement.calibration = estimator.calibration().name();
  measurement.label_weights = estimator.label_weights() == estimator::LabelWeights::kUniform ? "uniform" : "empirical";
  measurement.max_labels = estimator.max_labels();
  if (!result.pipeline) {
    measurement.blocks = options_.blocks();
  }
  if (split.prototype() != nullptr) {  // a rank that measures nothing may not know its sites
    result.width = split.prototype()->dimension();
    measurement.width = result.width;
    measurement.sites = names_of(result.sites);
  }
  return result;
}

/// What a saved state depends on, beside what the accumulators say themselves.
runs::MeasurementSettings Monitor::Impl::settings_for_state() const {
  auto settings = schedule_of(options_);
  settings.sites = names_of(watcher_->sites());
  if (options_.estimator().centre()) {  // a state of an older version does not say
    settings.centre = true;
  }
  if (options_.draws() > 1) {
    settings.draws = options_.draws();
  }
  return settings;
}

runs::RunHeader Monitor::Impl::header_of(const Ranks::Meeting& meeting) const {
  runs::RunHeader header;
  const auto groups = groups_of(meeting.sites);
  const auto main = main_group(groups, meeting.sites);
  const estimator::SoftEntropyAccumulator measured(main < groups.size() ? groups[main].width : meeting.width,
                                                   options_.estimator());
  header.run = options_.run();
  header.started = runs::utc_timestamp(wall_start_);
  header.seed = options_.estimator().seed();
  header.anchors = options_.estimator().anchors();
  header.width = measured.dimension();
  header.draws = options_.draws();
  header.centre = options_.estimator().centre();
  header.temperature = measured.temperature();
  header.calibration = options_.estimator().calibration().name();
  header.anchor_hash = measured.anchors().identity();
  header.label_sets = meeting.label_sets;
  for (const auto& site : meeting.sites) {
    header.sites.push_back(site.name);
    header.site_kinds.emplace(site.name, site.kind);
  }
  for (const auto& group : groups) {
    for (std::size_t i = 0; i < group.sites.size() && groups.size() > 1; ++i) {
      header.site_groups.emplace(meeting.sites[group.sites[i]].name, group.name);
    }
  }
  header.dtype = meeting.dtype;
  header.world_size = ranks_.size();
  header.every = options_.every();
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
