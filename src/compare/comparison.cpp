#include <algorithm>
#include <array>
#include <cmath>
#include <infoplane/compare/comparison.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/draws.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <limits>
#include <string_view>

#include "compare/comparison.hpp"
#include "runs/series.hpp"

namespace infoplane::compare {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool has_split(const runs::RunFile& run, const std::string& split) {
  return std::any_of(run.points.begin(), run.points.end(),
                     [&](const plane::Point& point) { return point.split == split; });
}

bool has_key(const runs::RunFile& run, const std::string& split, const std::string& key) {
  return std::any_of(run.points.begin(), run.points.end(),
                     [&](const plane::Point& point) { return point.split == split && point.mean.contains(key); });
}

std::string split_of(const std::vector<runs::RunFile>& runs, const ComparisonOptions& options) {
  if (!options.split().empty()) {
    return options.split();
  }
  const bool heldout = std::all_of(runs.begin(), runs.end(), [](const auto& run) { return has_split(run, "heldout"); });
  return heldout ? "heldout" : "train";
}

std::vector<const std::vector<plane::Point>*> points_of_all(const std::vector<runs::RunFile>& runs) {
  std::vector<const std::vector<plane::Point>*> all;
  all.reserve(runs.size());
  for (const auto& run : runs) {
    all.push_back(&run.points);
  }
  return all;
}

/// What is measured against a curve.
constexpr std::array<std::string_view, 3> kOfCurve = {"curve_gap", "bound_gap", "efficiency"};
constexpr double kSameCorner = 1e-6;  // efficiencies

bool is_of_curve(std::string_view family) {
  return std::find(kOfCurve.begin(), kOfCurve.end(), family) != kOfCurve.end();
}

/// As the first of the runs has it.
std::string order_of(const std::vector<runs::RunFile>& runs, const ComparisonOptions& options) {
  return runs.empty() ? options.order() : runs::order_of(runs.front().points, options.order());
}

/// The key of Point::mean that the options ask for, not corrected.
std::string plain_key(const std::vector<runs::RunFile>& runs, const ComparisonOptions& options) {
  const auto& metric = options.metric();
  const auto order = order_of(runs, options);
  if (is_of_curve(metric)) {
    return metric + "/" + order;
  }
  if (metric == "context") {
    return plane::context_key();
  }
  const bool is_key = std::any_of(runs.begin(), runs.end(), [&](const runs::RunFile& run) {
    return std::any_of(run.points.begin(), run.points.end(),
                       [&](const plane::Point& point) { return point.mean.contains(metric); });
  });
  return is_key ? metric : runs::metric_key(metric, order);
}

/// The order of a "curve_gap/<order>…" and its like; empty for other keys.
std::string order_of_gap(const std::string& key) {
  const auto start = key.find('/');
  return start != std::string::npos && is_of_curve(std::string_view(key).substr(0, start))
             ? key.substr(start + 1, key.find('/', start + 1) - start - 1)
             : "";
}

/// Degrees of freedom of a mean's errors: those of the block with the fewest sequences; NaN where a point does not
/// tell.
double degrees_of(const plane::Point& point) {
  double degrees = kNaN;
  for (const auto& layer : point.layers) {
    if (layer.name != plane::kEmbeddingLayer && layer.sequences > 0) {
      degrees = std::fmin(degrees, static_cast<double>(layer.sequences - 1));
    }
  }
  return degrees;
}

/// The point that the options ask for: of one step, the last one, or the best.
const plane::Point* chosen(const runs::RunFile& run, const std::string& split, const std::string& key,
                           const ComparisonOptions& options, bool smaller_is_better) {
  runs::Points points = runs::points_of(run.points, split);
  if (options.step()) {
    std::erase_if(points, [&](const plane::Point* point) { return point->step != *options.step(); });
  }
  if (points.empty() || !options.at_best()) {
    return points.empty() ? nullptr : points.back();
  }
  const auto samples = runs::means_of(points, {key, false});
  const auto* best = runs::surest(samples, smaller_is_better);
  return best == nullptr ? points.back() : points[static_cast<std::size_t>(best - samples.data())];
}

/// What is told of a run whose metric is not defined where it is compared.
void explain(ComparedRun& compared, const runs::RunFile& run, const plane::Point* point, const std::string& split,
             const std::string& key, const ComparisonOptions& options) {
  if (point == nullptr) {
    compared.reason = options.step()
                          ? detail::concat("it has no point of the stream \"", split, "\" at step ", *options.step())
                          : detail::concat("it has no point of the stream \"", split, "\"");
    return;
  }
  compared.reason = runs::undefined_reason(*point, key);
  for (const auto* earlier : runs::points_of(run.points, split)) {
    const auto value = plane::value_at(earlier->mean, key);
    if (earlier->step < point->step && std::isfinite(value)) {
      compared.last_defined = EarlierValue{earlier->step, value};
    }
  }
}

}  // namespace

bool same_curve(const runs::RunHeader& one, const runs::RunHeader& other, const std::string& order) {
  const auto a = one.curves.find(order), b = other.curves.find(order);
  if (a == one.curves.end() || b == other.curves.end()) {
    return a == one.curves.end() && b == other.curves.end();
  }
  return std::equal(a->second.begin(), a->second.end(), b->second.begin(), b->second.end(),
                    [](const auto& p, const auto& q) {
                      return std::abs(p.first - q.first) <= kSameCorner && std::abs(p.second - q.second) <= kSameCorner;
                    });
}

std::string curve_name(const runs::RunHeader& header, const std::string& order) {
  const auto found = header.curves.find(order);
  return found == header.curves.end() || found->second.empty()
             ? "unknown"
             : detail::concat("up to ", found->second.back().second, " at ", found->second.back().first);
}

std::vector<std::string> comparison_obstacles(const std::vector<runs::RunFile>& runs,
                                              const std::vector<std::string>& names, const ComparisonOptions& options) {
  std::vector<std::string> obstacles;
  const auto order = is_of_curve(options.metric()) ? options.order() : order_of_gap(options.metric());
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const auto &first = runs.front().header, &other = runs[i].header;
    auto fields = runs::differing_fields(first, other);
    auto one = first.label_sets, two = other.label_sets;
    std::sort(one.begin(), one.end());
    std::sort(two.begin(), two.end());
    if (one != two) {
      fields.push_back("label sets (" + detail::join(first.label_sets) + " and " + detail::join(other.label_sets) +
                       ")");
    }
    if (!order.empty() && !same_curve(first, other, order)) {
      fields.push_back("IB curve of " + order + "s (" + curve_name(first, order) + " and " + curve_name(other, order) +
                       ")");
    }
    if (!fields.empty()) {
      obstacles.push_back(names[i] + ": " + detail::join(fields));
    }
  }
  return obstacles;
}

bool have_curve_gap(const std::vector<runs::RunFile>& runs, const ComparisonOptions& options) {
  const auto split = split_of(runs, options);
  return std::all_of(runs.begin(), runs.end(), [&](const runs::RunFile& run) {
    return has_key(run, split, plane::curve_gap_key(options.order())) &&
           same_curve(runs.front().header, run.header, options.order());
  });
}

Comparison compare(const std::vector<runs::RunFile>& runs, const ComparisonOptions& options) {
  INFOPLANE_CHECK(!runs.empty(), ArgumentError, "a comparison was asked for without a run: give at least one");
  std::vector<std::string> names;
  names.reserve(runs.size());
  for (const auto& run : runs) {
    names.push_back(run.header.run);
  }
  const auto obstacles = comparison_obstacles(runs, names, options);
  INFOPLANE_CHECK(obstacles.empty(), ArgumentError, "the runs cannot be compared with ", names.front(), ": ",
                  detail::join(obstacles, "; "));
  const auto plain = plain_key(runs, options), order = order_of(runs, options);
  const bool smaller_is_better =
      plain.starts_with("distance") || plain.starts_with("curve_gap") || plain.starts_with("bound_gap");
  const auto all = points_of_all(runs);
  Comparison result;
  result.split = split_of(runs, options);
  const auto common = [&](const std::string& key) { return runs::common_metric(key, all, result.split); };
  const auto metric = common(plain);
  result.key = metric.key;
  result.plug_in = metric.plug_in;
  result.complexity = common(plane::complexity_key(order));
  result.expressivity = common(plane::expressivity_key(order));
  result.optimality = common(plane::optimality_key(order));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    INFOPLANE_CHECK(has_key(runs[i], result.split, result.key), ArgumentError, "run ", i + 1, " (", names[i],
                    ") has no ", plain, " on the stream \"", result.split, "\"; its orders are ",
                    runs::names_of(runs::orders_of(runs[i].points)), ", its streams ",
                    detail::join(runs::splits_of(runs[i].points)));
  }
  std::vector<plane::Measured> values;
  for (const auto& run : runs) {
    const auto* point = chosen(run, result.split, result.key, options, smaller_is_better);
    ComparedRun compared{-1, {kNaN, kNaN}, kNaN, kNaN, kNaN, kNaN};
    if (point != nullptr) {
      const auto at = [&](const std::string& key) { return plane::value_at(point->mean, key); };
      compared = {point->step,
                  plane::measured_across_models(point->mean, result.key, degrees_of(*point), run.header.draws),
                  at(result.complexity.key),
                  at(result.expressivity.key),
                  at(result.optimality.key),
                  point->loss};
    }
    if (!std::isfinite(compared.metric.value)) {
      explain(compared, run, point, result.split, result.key, options);
    }
    values.push_back(compared.metric);
    result.runs.push_back(std::move(compared));
  }
  result.ranking = plane::rank(values, smaller_is_better);
  return result;
}

}  // namespace infoplane::compare
