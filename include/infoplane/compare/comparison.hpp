#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/plane/ranking.hpp>
#include <infoplane/plane/shown_metric.hpp>
#include <infoplane/runs/run_file.hpp>
#include <optional>
#include <string>
#include <vector>

namespace infoplane::compare {

/// What is compared, and where.
struct ComparisonOptions {
  /// "distance", "optimality", "curve_gap", "complexity" or "expressivity", or a key of Point::mean such as
  /// "I(X;Z)/preference"; small is good for distances and gaps, large for the others.
  INFOPLANE_ARG(std::string, metric) = "distance";
  /// n-grams of complexity, expressivity, optimality and distance.
  INFOPLANE_ARG(std::string, order) = "unigram";
  /// Stream that is compared; empty: held-out where all runs have it, else train.
  INFOPLANE_ARG(std::string, split);
  /// At which step; without a value at each run's last one.
  INFOPLANE_ARG(std::optional<std::int64_t>, step) = std::nullopt;
  /// At each run's best step instead: best by two of its standard errors, so that no step is best by its noise alone.
  /// The best of many noisy values looks better than it is all the same.
  INFOPLANE_ARG(bool, at_best) = false;
};

/// A value that a run had before the point that is compared.
struct EarlierValue {
  std::int64_t step = 0;  ///< where it was
  double value = 0;       ///< what it was
};

/// A run's mean over the blocks at the step that is compared. Corrected values where all runs have them.
struct ComparedRun {
  std::int64_t step = -1;                         ///< −1: the run has no such point
  plane::Measured metric;                         ///< the metric that is compared
  double complexity = 0;                          ///< mean over the blocks
  double expressivity = 0;                        ///< mean over the blocks
  double optimality = 0;                          ///< mean over the blocks
  double loss = 0;                                ///< of the point
  std::string reason = {};                        ///< why the metric is not defined there; empty where it is
  std::optional<EarlierValue> last_defined = {};  ///< where it is not: the last finite value before
};

/// Runs side by side, and their order.
struct Comparison {
  std::string key;                     ///< of Point::mean that is compared, such as "distance/unigram/corrected"
  bool plug_in = false;                ///< it is a plug-in value, because a run has no corrected ones
  plane::ShownMetric complexity;       ///< stands beside it
  plane::ShownMetric expressivity;     ///< stands beside it
  plane::ShownMetric optimality;       ///< stands beside it
  std::string split;                   ///< the split that was compared
  std::vector<ComparedRun> runs;       ///< in the order given
  std::vector<plane::Ranked> ranking;  ///< from the best
};

/// Why runs cannot be compared with the first of them, such as "b.jsonl: m (100 and 50), label sets (input_unigram and
/// input_bigram)"; `names` are the runs'. Gaps to different IB curves cannot be either. Empty where they can.
std::vector<std::string> comparison_obstacles(const std::vector<runs::RunFile>& runs,
                                              const std::vector<std::string>& names,
                                              const ComparisonOptions& options = {});

/// What keeps the values of runs from meaning the same though they can be compared, each against the first run:
///   * sites that read another kind of tensor, such as "b.jsonl reads blocks.0 as centred stream, a.jsonl as norm
///     input". A header of an older release does not tell its kinds; that is said where others do;
///   * other sites, so that a mean is over other layers; another number of draws;
///   * other IB curves of an order, and a detail named "text", "corpus", "data" or "dataset" that says another thing.
/// `names` are the runs'.
std::vector<std::string> comparison_notes(const std::vector<runs::RunHeader>& headers,
                                          const std::vector<std::string>& names);
/// The same, and held-out points whose last ones have other numbers of tokens or labels in a label set: they measure
/// another text.
std::vector<std::string> comparison_notes(const std::vector<runs::RunFile>& runs,
                                          const std::vector<std::string>& names);

/// Ranks runs. One whose metric is not defined at the point is last, with the reason.
/// @throws ArgumentError if the runs cannot be compared, naming the fields; if no metric has that name; if a run lacks
/// the metric on that split.
Comparison compare(const std::vector<runs::RunFile>& runs, const ComparisonOptions& options = {});

}  // namespace infoplane::compare
