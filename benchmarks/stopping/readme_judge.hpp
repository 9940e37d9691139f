#pragma once

#include <cstdint>
#include <infoplane/callbacks/early_stopping.hpp>
#include <optional>
#include <string>
#include <vector>

#include "readme_runs.hpp"

namespace stopping_study {

/// A run as the rule sees it, and the held-out loss beside it as its judge.
struct ReadmeTrace {
  ReadmeRun run;
  std::vector<infoplane::plane::Point> points;  ///< of the training split
  std::vector<std::vector<double>> heldout;     ///< at each point: loss of each part of the held-out rows

  /// Held-out loss at a point.
  double loss(std::size_t index) const;
};

/// @throws std::runtime_error if the files of the run are not there, or not of the same steps.
ReadmeTrace read_readme_trace(const ReadmeRun& run, const std::string& folder);

/// A rule, and whether it is fed the held-out loss as `validation_loss`.
struct ReadmeRule {
  std::string name;
  infoplane::EarlyStoppingOptions options;
  bool fed = false;
};

/// What a rule did with a run. Losses are means over five points around the step, because a constant rate makes them
/// jump from one to the next.
struct Verdict {
  std::optional<std::int64_t> end;  ///< step at which it ended the run
  std::string reason;
  std::int64_t best = -1;  ///< step that it called best at the end
  bool untrained = false;  ///< it called step 0 the best at a check behind the first
  double at_best = 0;      ///< held-out loss at the best step
  double at_end = 0;       ///< at the end
  double reached = 0;      ///< the lowest from the end to the last step of the run
  double noise = 0;        ///< standard error of at_end − reached: the rows', paired, and the jitter's
  bool too_early() const { return at_end - reached > 2 * noise; }
  bool stands() const { return !too_early() && !untrained; }
};

Verdict judge(const ReadmeRule& rule, const ReadmeTrace& trace);

}  // namespace stopping_study
