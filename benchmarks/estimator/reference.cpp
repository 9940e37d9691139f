#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <infoplane/estimator/accumulator.hpp>
#include <sstream>

#include "benchmark.hpp"
#include "estimator/oracle.hpp"

namespace infoplane::benchmark {
namespace {

constexpr std::int64_t kTokens = 8192, kDimension = 768;
constexpr int kSets = 8;

void write(const std::filesystem::path& path, const void* data, std::size_t bytes, bool append) {
  std::ofstream(path, append ? std::ios::binary | std::ios::app : std::ios::binary)
      .write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
}

/// What the program prints, and its exit status.
std::pair<int, std::string> run(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    return {-1, ""};
  }
  std::string text;
  std::array<char, 512> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe) != nullptr) {
    text += buffer.data();
  }
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text};
}

}  // namespace

bool reference() {
  const at::Tensor values = estimator::normal({kTokens, kDimension});
  const auto stem = std::filesystem::temp_directory_path() / ("infoplane-bench-" + std::to_string(getpid()));
  const std::string z_file = stem.string() + ".z", label_file = stem.string() + ".labels";
  write(z_file, values.const_data_ptr(), static_cast<std::size_t>(values.nbytes()), false);
  for (int s = 0; s < kSets; ++s) {
    write(label_file, ngrams(kTokens, s / 2 + 1, s % 2 == 1).data(), kTokens * sizeof(std::int64_t), s > 0);
  }
  std::ostringstream command;
  if (const char* const path = std::getenv("INFOPLANE_REFERENCE_PYTHONPATH")) {
    command << "PYTHONPATH='" << path << "' ";
  }
  command << "python3 '" << INFOPLANE_REFERENCE_BENCHMARK << "' '" << z_file << "' '" << label_file << "' " << kTokens
          << ' ' << kDimension << ' ' << kSets << ' ' << at::get_num_threads() << " 2 "
          << (uses_processor_time() ? "thread_time" : "perf_counter");
  const auto [status, text] = run(command.str());
  std::filesystem::remove(z_file);
  std::filesystem::remove(label_file);
  if (status != 0) {
    std::printf(
        "skipped: the Python reference cannot be run: %s(pip install soft-entropy, or set "
        "INFOPLANE_REFERENCE_PYTHONPATH)\n",
        text.c_str());
    return status == 77;
  }
  std::printf(
      "Labels: n-grams of text of 50k tokens by Zipf's law, orders 1 (2 sets) and 1 to 4 (8 sets), in and out.\n");
  bool fine = true;
  std::istringstream lines(text);
  int sets = 0;
  std::string type;
  double took = 0, entropy = 0;
  while (lines >> sets >> type >> took >> entropy) {
    const at::Tensor z = values.to(type == "float32" ? at::kFloat : at::kBFloat16);
    const labels::Grouping labels = ngram_grouping(kTokens, sets);
    estimator::SoftEntropyAccumulator accumulator(
        kDimension, estimator::SoftEntropyOptions().raw_seed(true).calibration(estimator::Calibration::find_eps()));
    accumulator.update(z, labels);
    const estimator::Estimate estimate = accumulator.estimate();
    const double unit = std::log(100.0);
    double error = std::abs(estimate.entropy_nats / unit - entropy);
    for (int s = 0; s < sets; ++s) {
      double information = 0;
      lines >> information;
      error =
          std::max(error, std::abs(estimate.sets[static_cast<std::size_t>(s)].information_nats / unit - information));
    }
    if (error > 2e-6) {  // the reference sums in float32
      std::printf("%d sets, %s: differs from the reference by %.1e: nothing to compare\n", sets, type.c_str(), error);
      fine = false;
      continue;
    }
    const double ours = fastest(25, [&] { accumulator.update(z, labels); });
    std::printf("%d label sets, z %-8s: update %7.2f ms, reference %8.2f ms; values differ by %.1e\n", sets,
                type.c_str(), ours, took, error);
    fine = at_least("times as fast", took / ours, sets == 8 ? 50 : sets == 2 ? 15 : 1) && fine;
  }
  return fine;
}

}  // namespace infoplane::benchmark
