#pragma once

#include <infoplane/compare/comparison.hpp>
#include <infoplane/core/option.hpp>
#include <infoplane/plane/correlation.hpp>
#include <infoplane/runs/run_file.hpp>
#include <string>
#include <vector>

namespace infoplane::compare {

/// What a benchmark, or people, gave the runs.
struct Scores {
  std::string name;            ///< of the score
  std::vector<double> values;  ///< in the order of the runs; NaN: that run has none
};

/// What is correlated with the scores, and where.
struct CorrelationOptions {
  /// As ComparisonOptions::metric, so keys such as "I(X;Z)/preference" too. Empty: complexity, expressivity,
  /// optimality, distance and, where all runs have it against one curve, curve_gap.
  INFOPLANE_ARG(std::vector<std::string>, metrics) = {};
  /// Order, split and step of the values; the metric there is not looked at.
  INFOPLANE_ARG(ComparisonOptions, points) = {};
};

/// A run that does not enter a correlation, and why.
struct LeftOut {
  std::size_t run = 0;  ///< in the order given
  std::string reason;   ///< why it is not in the correlation
};

/// One metric against one score, over the runs.
struct ScoreCorrelation {
  std::string key;                     ///< of Point::mean, such as "optimality/unigram/corrected"
  std::string score;                   ///< Scores::name
  plane::Correlation pearson;          ///< of the two as they are
  plane::Correlation spearman;         ///< of their ranks
  bool plug_in = false;                ///< the key is that of a plug-in value, because a run has no corrected ones
  std::vector<LeftOut> left_out = {};  ///< runs without one of the two
};

/// Correlates where runs stand on the plane with their scores: for each metric all scores. Runs whose value or score is
/// not finite are left out, and told.
/// @throws ArgumentError where compare() does, or if a score has not one value a run.
std::vector<ScoreCorrelation> correlate(const std::vector<runs::RunFile>& runs, const std::vector<Scores>& scores,
                                        const CorrelationOptions& options = {});

}  // namespace infoplane::compare
