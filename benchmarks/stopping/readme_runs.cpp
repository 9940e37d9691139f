#include "readme_runs.hpp"

namespace stopping_study {

std::string ReadmeRun::name() const {
  return text + "-" + std::to_string(bytes / 1000) + "k-w" + std::to_string(width) + "-" + std::to_string(rows) + "x" +
         std::to_string(context) + (decays ? "-decay" : "") + "-s" + std::to_string(seed);
}

std::vector<ReadmeRun> readme_runs(std::uint64_t seed) {
  // text, bytes, width, rows, context, steps, rate, decays
  std::vector<ReadmeRun> runs = {
      {"topics", 4'000'000, 32, 8, 32, 8000, 3e-3},   {"topics", 4'000'000, 32, 16, 64, 4000, 3e-3},
      {"topics", 4'000'000, 32, 64, 64, 2000, 3e-3},  {"headers", 2'000'000, 32, 8, 32, 10000, 3e-3},
      {"python", 30'000, 64, 8, 32, 10000, 3e-3},     {"python", 2'000'000, 64, 16, 64, 5000, 3e-3},
      {"headers", 30'000, 64, 16, 64, 4000, 3e-3},    {"headers", 2'000'000, 64, 16, 64, 4000, 3e-3, true},
      {"headers", 2'000'000, 32, 64, 64, 3000, 3e-3}, {"python", 30'000, 32, 64, 64, 3000, 3e-3}};
  for (auto& run : runs) {
    run.seed = seed;
  }
  return runs;
}

std::vector<ReadmeRun> small_readme_runs() {
  return {{"headers", 2'000'000, 32, 8, 32, 1500, 3e-3, false, 2},
          {"headers", 8'000, 32, 16, 32, 1200, 3e-3, false, 2}};
}

}  // namespace stopping_study
