#include <cmath>
#include <infoplane/compare/score_correlation.hpp>
#include <infoplane/core/error.hpp>

#include "compare/comparison.hpp"

namespace infoplane::compare {
namespace {

std::vector<std::string> metrics_of(const std::vector<runs::RunFile>& runs, const CorrelationOptions& options) {
  if (!options.metrics().empty()) {
    return options.metrics();
  }
  std::vector<std::string> metrics = {"complexity", "expressivity", "optimality", "distance"};
  if (have_curve_gap(runs, options.points())) {
    metrics.emplace_back("curve_gap");
  }
  return metrics;
}

}  // namespace

std::vector<ScoreCorrelation> correlate(const std::vector<runs::RunFile>& runs, const std::vector<Scores>& scores,
                                        const CorrelationOptions& options) {
  for (const auto& score : scores) {
    INFOPLANE_CHECK(score.values.size() == runs.size(), ArgumentError, "the score \"", score.name, "\" has ",
                    score.values.size(), " values for ", runs.size(), " runs: give NaN where a run has none");
  }
  std::vector<ScoreCorrelation> found;
  for (const auto& metric : metrics_of(runs, options)) {
    auto points = options.points();
    const auto comparison = compare(runs, points.metric(metric));
    std::vector<double> values;
    for (const auto& run : comparison.runs) {
      values.push_back(run.metric.value);
    }
    for (const auto& score : scores) {
      found.push_back({comparison.key, score.name, plane::pearson(values, score.values),
                       plane::spearman(values, score.values), comparison.plug_in});
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) {
          const auto& run = comparison.runs[i];
          found.back().left_out.push_back(
              {i, run.step < 0 ? run.reason : detail::concat("not defined at step ", run.step, " (", run.reason, ")")});
        } else if (!std::isfinite(score.values[i])) {
          found.back().left_out.push_back({i, "no score"});
        }
      }
    }
  }
  return found;
}

}  // namespace infoplane::compare
