// What the estimator's values are worth: bias, error and cover of its intervals over simulated runs whose information
// is known. Exits with 1 where a promised figure is not met.

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "real_activations.hpp"
#include "simulation_cases.hpp"

namespace {

using namespace infoplane::simulation;

/// One estimator's values over the runs of a case.
struct Values {
  double sum = 0;
  double squares = 0;
  int runs = 0;
  void add(double value) {
    sum += value;
    squares += value * value;
    ++runs;
  }
  double mean() const { return sum / runs; }
  double spread() const { return std::sqrt(std::max(0.0, squares / runs - mean() * mean())); }
  double rmse(double truth) const { return std::hypot(mean() - truth, spread()); }
};

class Study {
 public:
  static void print_heading() {
    std::printf("%-32s %4s %7s | %23s | %20s | %6s %6s\n", "", "", "", "bias of", "RMSE of", "error", "cover");
    std::printf("%-32s %4s %7s | %8s %7s %6s | %6s %6s %6s | %6s %6s\n", "", "runs", "truth", "plug-in", "- null",
                "corr.", "plugin", "-null", "corr.", "/spr.", "of 90%");
  }

  /// `values`: a file for those of each run, or null.
  bool run(const Case& each, std::FILE* values_of_runs) {
    const double scale = std::log(100.0);
    const double truth = each.truth->information() / scale;
    Values plugin, less_null, corrected, error;
    int covered = 0;
    for (int r = 0; r < each.runs; ++r) {
      const auto sample = each.truth->draw(each.sampling, 5000 + static_cast<std::uint64_t>(r));
      infoplane::estimator::SoftEntropyAccumulator accumulator(
          Truth::kDimension,
          infoplane::estimator::SoftEntropyOptions().stream(static_cast<std::uint64_t>(r)).max_labels(each.max_labels));
      // Other labels in each run, where which ones are kept is part of what varies.
      const std::int64_t others = each.max_labels > 0 ? r * each.truth->population().labels : 0;
      accumulator.update(sample.z, {{"x", sample.labels.add(others)}});
      const auto estimate = accumulator.estimate();
      const auto& set = estimate.sets[0];
      plugin.add(set.information_nats / scale);
      less_null.add((set.information_nats - set.chance_nats) / scale);
      corrected.add(set.corrected_nats / scale);
      error.add(set.standard_error_nats / scale);
      covered += std::abs(set.corrected_nats / scale - truth) <= 1.6449 * set.standard_error_nats / scale ? 1 : 0;
      if (values_of_runs != nullptr) {
        std::fprintf(values_of_runs, "\"%s\",%d,%.6f,%.6f,%.6f,%.6f,%.6f\n", each.name.c_str(), r, truth,
                     set.information_nats / scale, set.chance_nats / scale, set.corrected_nats / scale,
                     set.standard_error_nats / scale);
        std::fflush(values_of_runs);
      }
    }
    const double cover = 100.0 * covered / each.runs;
    std::printf("%-32s %4d %7.4f |", each.name.c_str(), each.runs, truth);
    for (const Values* values : {&plugin, &less_null, &corrected}) {
      const int width = values == &plugin ? 8 : values == &corrected ? 6 : 7;
      if (truth > 0) {
        std::printf(" %+*.1f%%", width - 1, 100 * (values->mean() / truth - 1));
      } else {
        std::printf(" %+*.3f", width, values->mean());
      }
    }
    std::printf(" |");
    for (const Values* values : {&plugin, &less_null, &corrected}) {
      std::printf(" %6.4f", values->rmse(truth));
    }
    std::printf(" | %6.2f %5.1f%%", error.mean() / corrected.spread(), cover);
    bool fine = true;
    const auto check = [&fine](bool met, const char* what) {
      if (!met) {
        std::printf("  FAILED: %s", what);
        fine = false;
      }
    };
    check(std::isnan(each.most_bias) || std::abs(100 * (corrected.mean() / truth - 1)) <= each.most_bias, "bias");
    check(std::isnan(each.most_absolute) || std::abs(corrected.mean()) <= each.most_absolute, "not 0");
    // Fewer runs than 200 say less about the cover: by twice its own error.
    const double slack = each.runs < 200 ? 2 * 100 * std::sqrt(0.9 * 0.1 / each.runs) : 0.0;
    check(!(cover < each.least_cover - slack) && !(cover > each.most_cover + slack), "cover");
    std::printf("\n");
    std::fflush(stdout);
    return fine;
  }
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Bias, error and cover of the estimator over simulated runs");
  bool quick = false, held_out = false;
  int runs = 0;
  std::vector<std::string> only;
  std::string file;
  app.add_flag("--quick", quick, "A quarter of the runs, nothing larger than 16384 tokens");
  app.add_flag("--held-out", held_out, "The populations that nothing was chosen on, instead; checks nothing");
  app.add_option("--runs", runs, "Runs of each case; else 1000, and 200 of Zipf labels");
  app.add_option("--only", only, "Cases whose name has one of these in it");
  std::optional<double> shared;
  std::int64_t max_labels = 0;
  app.add_option("--shared", shared, "Part of the variance that tokens of a sequence share, else 0.2; checks nothing")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--max-labels", max_labels, "Keep a sample of the labels, of no more than this; checks nothing");
  app.add_option("--values", file, "A CSV file for the values of each run, as efficiencies");
  std::string activations;
  app.add_option("--activations", activations, "A folder of a real model's activations and tokens, instead");
  CLI11_PARSE(app, argc, argv);
  const auto start = std::chrono::steady_clock::now();

  at::set_num_threads(1);  // small operators: threads would only wait for each other
  if (!activations.empty()) {
    return study_real_activations(activations) ? 0 : 1;
  }
  Cases cases(held_out, quick);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> values(file.empty() ? nullptr : std::fopen(file.c_str(), "w"),
                                                               std::fclose);
  if (!file.empty() && !values) {
    std::fprintf(stderr, "%s cannot be written\n", file.c_str());
    return 2;
  }
  if (values) {
    std::fprintf(values.get(), "case,run,truth,plugin,null,corrected,standard_error\n");
  }
  Study::print_heading();
  bool fine = true;
  for (Case& each : cases.all()) {
    const bool wanted = std::any_of(only.begin(), only.end(), [&each](const std::string& part) {
      return each.name.find(part) != std::string::npos;
    });
    if (only.empty() || wanted) {
      each.runs = runs > 0 ? runs : each.runs / (quick ? 4 : 1);
      each.sampling.shared = shared.value_or(each.sampling.shared);
      each.max_labels = max_labels;
      if (shared || max_labels > 0) {  // of which nothing is promised
        each.most_bias = each.most_absolute = each.least_cover = each.most_cover = NAN;
      }
      fine = Study().run(each, values.get()) && fine;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%.0f s on %d threads: %s\n", took.count(), at::get_num_threads(),
              shared || max_labels > 0 ? "nothing was to be met"
              : fine                   ? "all figures are met"
                                       : "FIGURES ARE NOT MET");
  return fine ? 0 : 1;
}
