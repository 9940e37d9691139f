#include "monitor/point_assembly.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/curve_gap.hpp>
#include <infoplane/plane/draws.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <limits>

#include "monitor/site_groups.hpp"
#include "monitor/split.hpp"

namespace infoplane {

namespace {

constexpr const char* kHasNoCentre =
    "the first window of a site finds the centre that is taken from the next (SoftEntropyOptions::centre)";

constexpr const char* kDidNotCome =
    "the site did not come at this step: the forward dropped the layer, or took another way past its norm";

std::int64_t rows_of(const estimator::Estimate& estimate) noexcept { return estimate.tokens + estimate.rejected; }

std::int64_t most_rows(const std::vector<estimator::NamedEstimate>& estimates) noexcept {
  std::int64_t most = 0;
  for (const auto& [name, estimate] : estimates) {
    most = std::max(most, rows_of(estimate));
  }
  return most;
}

const estimator::Estimate* find(const std::vector<estimator::NamedEstimate>& estimates, const std::string& site) {
  const auto found = std::find_if(estimates.begin(), estimates.end(),
                                  [&](const estimator::NamedEstimate& each) { return each.name == site; });
  return found == estimates.end() ? nullptr : &found->estimate;
}

/// The layer, as the mean of its draws.
plane::LayerPoint layer_of(const std::string& site, const std::vector<estimator::NamedEstimate>& estimates,
                           const MonitorOptions& options) {
  std::vector<plane::LayerPoint> draws;
  for (std::size_t draw = 0; const auto* estimate = find(estimates, name_of_draw(site, draw)); ++draw) {
    auto& layer = draws.emplace_back(plane::layer_point(site, *estimate));
    for (const auto& [order, curve] : options.curves()) {
      plane::add_curve_gap(layer, order, curve, options.estimator().anchors());
    }
  }
  return plane::mean_over_draws(draws);
}

bool is_count(std::string_view key) noexcept {
  return key.starts_with("tokens/") || key.starts_with("labels/") || key.starts_with("share_");
}

/// With a centre, values without one do not compare with those that follow.
void forget_values(plane::LayerPoint& layer) {
  for (auto& [key, value] : layer.metrics) {
    if (!is_count(key)) {
      value = std::numeric_limits<double>::quiet_NaN();
      layer.reasons.insert_or_assign(key, kHasNoCentre);
    }
  }
}

/// Empty where no row was rejected.
std::string rejected_rows(const estimator::Estimate& estimate) {
  if (estimate.rejected == 0) {
    return "";
  }
  const auto which = estimate.tokens == 0 ? detail::concat("all ", rows_of(estimate))
                                          : detail::concat(estimate.rejected, " of ", rows_of(estimate));
  return which + " rows had NaN, infinity or norm 0";
}

/// Says of a layer what its values do not rest on; `undefined`: why it has none, where no row of it counts.
void add_reasons(plane::LayerPoint& layer, const std::string& rejected, const std::string& dropped,
                 const std::string& undefined) {
  if (layer.tokens == 0) {
    for (const auto& [key, value] : layer.metrics) {
      layer.reasons.insert_or_assign(key, undefined);
    }
  }
  if (!rejected.empty() || !dropped.empty()) {
    const bool both = !rejected.empty() && !dropped.empty();
    layer.reasons.emplace("tokens", detail::concat(rejected, both ? "; " : "", dropped));
  }
}

/// Of each group of sites; `blocks`: the blocks of each.
void add_means(plane::Point& point, const std::vector<SiteGroup>& groups,
               const std::vector<std::vector<plane::LayerPoint>>& blocks, std::size_t main) {
  for (std::size_t group = 0; group < groups.size(); ++group) {
    auto mean = plane::mean_over_blocks(blocks[group]);
    if (groups.size() > 1 && !blocks[group].empty()) {
      auto& added = point.groups.emplace_back(plane::LayerPoint{groups[group].name});
      added.tokens = blocks[group].front().tokens;
      added.sequences = blocks[group].front().sequences;
      added.metrics = mean;
    }
    if (group == main) {
      point.mean = std::move(mean);
    }
  }
}

/// H(Y) − loss, with the H(Y) of the layer that saw the most.
void add_predicted(plane::Point& point, const std::vector<estimator::NamedEstimate>& estimates) {
  const estimator::InformationEstimate* best = nullptr;
  double scale = 1;
  for (const auto& [name, estimate] : estimates) {
    for (const auto& set : estimate.sets) {
      if (set.name == "output_unigram" && (best == nullptr || set.tokens > best->tokens)) {
        best = &set;
        scale = std::log(static_cast<double>(estimate.anchors));
      }
    }
  }
  if (best != nullptr && !std::isnan(best->label_entropy_nats)) {  // of labels that were dropped it is not known
    const auto key = plane::predicted_key("unigram");
    point.mean[key] = (best->label_entropy_nats - point.loss) / scale;
    point.mean[plane::corrected_key(key)] = (best->corrected_label_entropy_nats - point.loss) / scale;
  }
}

}  // namespace

plane::Point assemble_point(const Measured& measured, const MonitorOptions& options) {
  plane::Point point;
  point.step = measured.step;
  point.tokens = most_rows(measured.estimates);
  point.loss = measured.loss.value_or(std::numeric_limits<double>::quiet_NaN());
  point.split = measured.split;
  if (!measured.dropped.empty()) {
    point.reasons.emplace("tokens", measured.dropped);
  }
  const bool all_dropped = point.tokens == 0 && !measured.dropped.empty();
  const auto groups = groups_of(measured.sites);
  std::vector<std::vector<plane::LayerPoint>> blocks(groups.size());  // means leave out embeddings and other sites
  for (const auto& site : measured.sites) {
    const auto* estimate = find(measured.estimates, site.name);
    if (estimate == nullptr) {
      continue;
    }
    auto& layer = point.layers.emplace_back(layer_of(site.name, measured.estimates, options));
    if (options.estimator().centre() && !estimate->centred && estimate->tokens > 0) {
      forget_values(layer);
    }
    const auto rejected = rejected_rows(*estimate);
    add_reasons(layer, rejected, measured.dropped,
                !rejected.empty() ? rejected
                : all_dropped     ? measured.dropped
                                  : kDidNotCome);
    const auto group = group_of(groups, static_cast<std::size_t>(&site - measured.sites.data()));
    if (site.index >= 0 && group < groups.size()) {
      blocks[group].push_back(layer);
    }
  }
  add_means(point, groups, blocks, main_group(groups, measured.sites));
  if (measured.cross_entropy && measured.loss) {
    add_predicted(point, measured.estimates);
  }
  return point;
}

}  // namespace infoplane
