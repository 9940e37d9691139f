#include "plane/statistics.hpp"

#include "plane/bounds.hpp"
#include "plane/layer_writer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <limits>
#include <string>
#include <utility>

namespace infoplane::plane {
namespace {

using estimator::Covariance;
using estimator::InformationEstimate;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

class Statistics {
 public:
  Statistics(LayerPoint& point, LayerWriter& out)
      : point_(point), out_(out), estimate_(out.estimate()), scale_(out.scale()) {}

  void add_entropy() {
    Value value{estimate_.corrected_entropy_nats / scale_, estimate_.entropy_standard_error_nats / scale_};
    if (estimate_.tokens == 0) {
      value.reason = "no token counted";
      point_.reasons.emplace("H(Z)", value.reason);
    }
    value.error_reason = out_.sequences();
    out_.add("H(Z)", value);
    if (point_.metrics.contains(anchors_in_use_key())) {
      const double in_use = std::exp(estimate_.corrected_entropy_nats);
      out_.add(anchors_in_use_key(),
               {in_use, in_use * estimate_.entropy_standard_error_nats, value.reason, value.error_reason});
    }
  }

  void add_set(std::size_t index) {
    const InformationEstimate& set = estimate_.sets[index];
    const auto key = information_key(set.name);
    auto& metrics = point_.metrics;
    const std::string name(name_of_set(set.name));
    metrics["tokens/" + name] = static_cast<double>(set.tokens);
    metrics["labels/" + name] = static_cast<double>(set.labels);
    metrics["share_1/" + name] = set.share_1;
    metrics["share_4/" + name] = set.share_4;
    metrics["share_32/" + name] = set.share_32;
    if (set.tokens == 0) {
      for (const auto& undefined : {key, "share_1/" + name, "share_4/" + name, "share_32/" + name}) {
        point_.reasons.emplace(undefined, kNoLabel);
      }
    }
    out_.add_null(key, set.chance_nats / scale_, set.reason);
    out_.add(key, {set.corrected_nats / scale_, set.standard_error_nats / scale_, set.reason, set.error_reason});
    if (!is_output(set.name)) {
      out_.add(regularity_key(set.name), regularity(index), 1, 0);
    }
  }

  void add_optimality(std::string_view order, std::size_t input, std::size_t output) {
    const Behind ratio = optimality(input, output);
    out_.add(optimality_key(order), ratio, 1, 0);
    out_.add(distance_key(order), ratio, -1, 1);
  }

 private:
  Behind regularity(std::size_t index) const {
    const InformationEstimate& set = estimate_.sets[index];
    Behind ratio;
    if (set.entropy_nats / scale_ > kInformationResolution) {
      ratio.null = set.chance_nats / set.entropy_nats;
    }
    const double entropy = set.corrected_entropy_nats;
    Value& corrected = ratio.corrected;
    if (!set.reason.empty() || set.tokens == 0) {
      corrected.reason = set.reason.empty() ? kNoLabel : set.reason;
    } else if (entropy / scale_ > kInformationResolution) {
      corrected.value = set.corrected_nats / entropy;
      const std::array<std::pair<std::size_t, double>, 2> gradient = {
          {{Covariance::information_of(index), 1 / entropy},
           {Covariance::entropy_of(index), -set.corrected_nats / (entropy * entropy)}}};
      corrected.error = out_.error(gradient);
      corrected.error_reason = set.error_reason;
    } else {
      corrected.reason = "H(Z) cannot be told from 0";
    }
    return ratio;
  }

  Behind optimality(std::size_t input, std::size_t output) const {
    const InformationEstimate& x = estimate_.sets[input];
    const InformationEstimate& y = estimate_.sets[output];
    Behind ratio;
    if (x.chance_nats / scale_ > kInformationResolution) {
      ratio.null = y.chance_nats / x.chance_nats;
    }
    Value& corrected = ratio.corrected;
    if (const std::string other = other_positions(estimate_, input, output); !other.empty()) {
      ratio.null = kNaN;
      corrected.reason = other;
    } else if (std::isnan(x.corrected_nats)) {
      corrected.reason = "no corrected complexity: " + x.reason;
    } else if (std::isnan(y.corrected_nats)) {
      corrected.reason = "no corrected expressivity: " + y.reason;
    } else if (std::isnan(x.standard_error_nats)) {
      corrected.reason = "the noise of complexity is not known: " + x.error_reason;
    } else if (!(x.corrected_nats / scale_ > kInformationResolution &&
                 x.corrected_nats > kNoiseErrors * x.standard_error_nats)) {
      corrected.reason = detail::concat("complexity cannot be told from its null: ", x.corrected_nats / scale_,
                                        " with a standard error of ", x.standard_error_nats / scale_, "; ",
                                        kNoiseErrors, " standard errors are needed");
    } else {
      corrected.value = y.corrected_nats / x.corrected_nats;
      const std::array<std::pair<std::size_t, double>, 2> gradient = {
          {{Covariance::information_of(output), 1 / x.corrected_nats},
           {Covariance::information_of(input), -corrected.value / x.corrected_nats}}};
      corrected.error = out_.error(gradient);
      corrected.error_reason = y.error_reason;
    }
    return ratio;
  }

  LayerPoint& point_;
  LayerWriter& out_;
  const estimator::Estimate& estimate_;
  double scale_;
};

}  // namespace

double error_of_combination(const RatioErrors& of, double r) {
  const double most = of.error_x * of.error_y;
  // ratio² error_ratio² x² = error_y² − 2 ratio c + ratio² error_x², solved for the covariance c.
  const double c = (of.error_y * of.error_y + of.ratio * of.ratio * of.error_x * of.error_x -
                    of.error_ratio * of.error_ratio * of.x * of.x) /
                   (2 * of.ratio);
  const double covariance = std::isfinite(c) ? std::clamp(c, -most, most) : -std::copysign(most, r);
  return std::sqrt(std::max(of.error_y * of.error_y - 2 * r * covariance + r * r * of.error_x * of.error_x, 0.0));
}

double error_of_difference(const Metrics& layer, std::string_view order, double r) {
  return error_of_combination({value_at(layer, corrected_key(complexity_key(order))),
                               value_at(layer, standard_error_key(complexity_key(order))),
                               value_at(layer, standard_error_key(expressivity_key(order))),
                               value_at(layer, corrected_key(optimality_key(order))),
                               value_at(layer, standard_error_key(optimality_key(order)))},
                              r);
}

void add_statistics(LayerPoint& point, const estimator::Estimate& estimate, double scale) {
  LayerWriter out(point, estimate, scale);
  Statistics statistics(point, out);
  statistics.add_entropy();
  for (std::size_t i = 0; i < estimate.sets.size(); ++i) {
    statistics.add_set(i);
    constexpr std::string_view kInput = "input_";
    const std::string_view name = estimate.sets[i].name;
    if (!name.starts_with(kInput)) {
      continue;
    }
    const auto order = name.substr(kInput.size());
    for (std::size_t j = 0; j < estimate.sets.size(); ++j) {
      if (estimate.sets[j].name == "output_" + std::string(order)) {
        statistics.add_optimality(order, i, j);
        forget_ratios_of_other_positions(point, order, other_positions(estimate, i, j));
      }
    }
  }
  add_bounds(point, out);
}

}  // namespace infoplane::plane
