#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/sinks/comparison.hpp>
#include <limits>

#include "sinks/series.hpp"

namespace infoplane::sinks {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool has_stream(const RunFile& run, const std::string& stream) {
  return std::any_of(run.points.begin(), run.points.end(),
                     [&](const plane::Point& point) { return point.stream == stream; });
}

bool has_key(const RunFile& run, const std::string& stream, const std::string& key) {
  return std::any_of(run.points.begin(), run.points.end(),
                     [&](const plane::Point& point) { return point.stream == stream && point.mean.contains(key); });
}

/// Corrected values only where every run has them: the two kinds do not mix.
std::string common_key(const std::vector<RunFile>& runs, const std::string& stream, const std::string& key) {
  const auto corrected = plane::corrected_key(key);
  const bool all =
      std::all_of(runs.begin(), runs.end(), [&](const RunFile& run) { return has_key(run, stream, corrected); });
  return all ? corrected : key;
}

struct Keys {
  std::string metric, error, complexity, expressivity, optimality;
};

const plane::Point* chosen(const RunFile& run, const std::string& stream, const std::string& key,
                           const ComparisonOptions& options, bool smaller_is_better) {
  const plane::Point* found = nullptr;
  for (const auto& point : run.points) {
    const auto value = plane::value_at(point.mean, key);
    if (point.stream != stream || !std::isfinite(value) || (options.step() && point.step != *options.step())) {
      continue;
    }
    const auto best = found == nullptr ? kNaN : plane::value_at(found->mean, key);
    const bool better = smaller_is_better ? value < best : value > best;
    if (found == nullptr || !options.at_best() || better) {
      found = &point;
    }
  }
  return found;
}

}  // namespace

std::vector<std::string> comparison_obstacles(const std::vector<RunFile>& runs, const std::vector<std::string>& names) {
  std::vector<std::string> obstacles;
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const auto &first = runs.front().header, &other = runs[i].header;
    auto fields = differing_fields(first, other);
    auto one = first.label_sets, two = other.label_sets;
    std::sort(one.begin(), one.end());
    std::sort(two.begin(), two.end());
    if (one != two) {
      fields.push_back("label sets (" + detail::join(first.label_sets) + " and " + detail::join(other.label_sets) +
                       ")");
    }
    if (!fields.empty()) {
      obstacles.push_back(names[i] + ": " + detail::join(fields));
    }
  }
  return obstacles;
}

Comparison compare(const std::vector<RunFile>& runs, const ComparisonOptions& options) {
  INFOPLANE_CHECK(!runs.empty(), ArgumentError, "a comparison was asked for without a run: give at least one");
  std::vector<std::string> names;
  for (const auto& run : runs) {
    names.push_back(run.header.run);
  }
  const auto obstacles = comparison_obstacles(runs, names);
  INFOPLANE_CHECK(obstacles.empty(), ArgumentError, "the runs cannot be compared with ", names.front(), ": ",
                  detail::join(obstacles, "; "));
  const bool gap = options.metric() == "curve_gap";
  const bool smaller_is_better = gap || options.metric() == "distance";
  const auto plain = gap ? plane::curve_gap_key(options.order()) : metric_key(options.metric(), options.order());
  Comparison result;
  result.stream = options.stream();
  if (result.stream.empty()) {
    const bool heldout =
        std::all_of(runs.begin(), runs.end(), [](const auto& run) { return has_stream(run, "heldout"); });
    result.stream = heldout ? "heldout" : "train";
  }
  result.key = common_key(runs, result.stream, plain);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    INFOPLANE_CHECK(has_key(runs[i], result.stream, result.key), ArgumentError, "run ", i + 1, " (", names[i],
                    ") has no ", result.key, " on the stream \"", result.stream, "\"; its orders are ",
                    detail::join(orders_of(runs[i].points)), ", its streams ",
                    detail::join(streams_of(runs[i].points)));
  }
  const auto common = [&](const std::string& key) { return common_key(runs, result.stream, key); };
  const Keys keys{result.key, plane::standard_error_key(plain), common(plane::complexity_key(options.order())),
                  common(plane::expressivity_key(options.order())), common(plane::optimality_key(options.order()))};
  std::vector<plane::Measured> values;
  for (const auto& run : runs) {
    const auto* point = chosen(run, result.stream, result.key, options, smaller_is_better);
    ComparedRun compared{-1, {kNaN, kNaN}, kNaN, kNaN, kNaN, kNaN};
    if (point != nullptr) {
      const auto at = [&](const std::string& key) { return plane::value_at(point->mean, key); };
      compared = {point->step,         {at(keys.metric), at(keys.error)},
                  at(keys.complexity), at(keys.expressivity),
                  at(keys.optimality), point->loss};
    }
    values.push_back(compared.metric);
    result.runs.push_back(compared);
  }
  result.ranking = plane::rank(values, smaller_is_better);
  return result;
}

}  // namespace infoplane::sinks
