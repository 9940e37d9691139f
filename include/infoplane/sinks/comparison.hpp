#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/plane/ranking.hpp>
#include <infoplane/sinks/run_file.hpp>
#include <optional>
#include <string>
#include <vector>

namespace infoplane::sinks {

struct ComparisonOptions {
  /// "distance", "optimality", "curve_gap", "complexity" or "expressivity", or a key of Point::mean such as
  /// "I(X;Z)/preference"; small is good for distances and gaps, large for the others.
  INFOPLANE_ARG(std::string, metric) = "distance";
  INFOPLANE_ARG(std::string, order) = "unigram";
  /// Stream that is compared; empty: held-out where all runs have it, else train.
  INFOPLANE_ARG(std::string, stream) = "";
  /// At which step; without a value at each run's last one with a finite value.
  INFOPLANE_ARG(std::optional<std::int64_t>, step) = std::nullopt;
  /// At each run's best step instead. The best of many noisy values looks better than it is, the more so the more there
  /// are.
  INFOPLANE_ARG(bool, at_best) = false;
};

/// A run's mean over the blocks at the step that is compared. Corrected values where all runs have them.
struct ComparedRun {
  std::int64_t step = -1;  ///< −1: the run has no finite value there
  plane::Measured metric;
  double complexity = 0, expressivity = 0, optimality = 0, loss = 0;
};

struct Comparison {
  std::string key;  ///< of Point::mean that is compared, such as "distance/unigram/corrected"
  std::string stream;
  std::vector<ComparedRun> runs;       ///< in the order given
  std::vector<plane::Ranked> ranking;  ///< from the best
};

/// Why runs cannot be compared with the first of them, such as "b.jsonl: m (100 and 50), label sets (input_unigram and
/// input_bigram)"; `names` are the runs'. Gaps to different IB curves cannot be either. Empty where they can.
std::vector<std::string> comparison_obstacles(const std::vector<RunFile>& runs, const std::vector<std::string>& names,
                                              const ComparisonOptions& options = {});

/// Ranks runs.
/// @throws ArgumentError if the runs cannot be compared, naming the fields; if no metric has that name; if a run lacks
/// the metric on that stream.
Comparison compare(const std::vector<RunFile>& runs, const ComparisonOptions& options = {});

}  // namespace infoplane::sinks
