#pragma once

#include <cstdint>
#include <string>

#include "grid.hpp"
#include "text.hpp"

namespace stopping_study {

struct TrainSettings {
  std::string out = "build/stopping";
  std::int64_t steps = 0;  ///< 0: of each run its own
  std::int64_t every = 30;
  std::int64_t window = 8;
};

/// Whether the run's files are there, to its last step.
bool complete(const Run& run, const TrainSettings& settings);

/// Trains the run on `text`, already cut to its size, and writes `<out>/<name>.jsonl`, the run file with points of both
/// splits, and `<out>/<name>.beside.csv`: at each held-out point the loss of the averaged weights, and what rivals read
/// off the block outputs (mean over the blocks). `<out>/<corpus>.curve.json` has the IB curve of the held-out batch.
void train_run(const Run& run, const train_text::Text& text, const TrainSettings& settings);

}  // namespace stopping_study
