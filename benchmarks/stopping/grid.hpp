#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace stopping_study {

/// One run of the study.
struct Run {
  std::string corpus;
  std::int64_t bytes = 0;
  std::int64_t width = 0;
  std::int64_t layers = 0;
  std::uint64_t seed = 0;

  /// Optimizer steps. Of the smallest text more: only a run that goes on after its best step has steps to save, and the
  /// smaller model gets there later.
  std::int64_t steps() const { return bytes > 30'000 ? 1200 : width > 32 ? 1500 : 2100; }
  std::string text() const { return corpus + "-" + std::to_string(bytes / 1000) + "k"; }
  std::string name() const { return text() + "-w" + std::to_string(width) + "-s" + std::to_string(seed); }
};

/// Rules are chosen on the runs of odd seeds and reported on those of even ones.
inline constexpr bool chooses(std::uint64_t seed) { return seed % 2 == 1; }

/// All runs: two seeds at a time, their cheap runs first, so that a study that was cut short has both to choose on and
/// to report.
inline std::vector<Run> all_runs(std::uint64_t seeds) {
  std::vector<Run> runs;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const auto& [width, layers] : {std::pair<std::int64_t, std::int64_t>{32, 2}, {64, 3}}) {
      for (const std::int64_t bytes : {30'000, 120'000, 2'000'000}) {
        for (const char* corpus : {"headers", "python"}) {
          runs.push_back({corpus, bytes, width, layers, seed});
        }
      }
    }
  }
  std::stable_sort(runs.begin(), runs.end(), [](const Run& one, const Run& other) {
    const auto rank = [](const Run& run) {
      return std::pair((run.seed - 1) / 2, run.width > 32 && run.bytes > 30'000);
    };
    return rank(one) < rank(other);
  });
  return runs;
}

}  // namespace stopping_study
