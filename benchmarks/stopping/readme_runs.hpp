#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stopping_study {

/// One training under the loop of the README: a point of the training split every 50 steps, of one micro-batch.
struct ReadmeRun {
  std::string text;          ///< "headers" and "python" (see load_corpus), or "topics" (Markov text)
  std::int64_t bytes = 0;    ///< of the text that are trained on
  std::int64_t width = 0;    ///< of a model of two blocks
  std::int64_t rows = 0;     ///< of a micro-batch
  std::int64_t context = 0;  ///< tokens of a row
  std::int64_t steps = 0;    ///< that it is trained for, whatever the rule says
  double learning_rate = 0;
  bool decays = false;  ///< the rate falls linearly to 0 at the last step; otherwise it stays
  std::uint64_t seed = 0;

  std::int64_t tokens() const { return rows * context; }
  std::string name() const;
};

/// The runs of a seed. Rules are chosen on odd seeds and reported on even ones.
std::vector<ReadmeRun> readme_runs(std::uint64_t seed);

/// Two runs of some ten seconds each, for a quick check: one that still learns, one that overfits.
std::vector<ReadmeRun> small_readme_runs();

/// Trains the run to its last step and writes `<folder>/<name>.jsonl`, the run file, and `<folder>/<name>.judge.csv`:
/// at each logged step the held-out loss, and its mean over each of the 32 parts that the held-out rows are in. The
/// rule is not asked: equal points give equal verdicts, so it can look at them afterwards.
void train_readme_run(const ReadmeRun& run, const std::string& folder);

}  // namespace stopping_study
