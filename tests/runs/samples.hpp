#pragma once

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <infoplane/plane/point.hpp>
#include <infoplane/runs/run_header.hpp>
#include <iterator>
#include <string>

namespace samples {

/// A folder that goes with the test case.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "infoplane-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name = "run.jsonl") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

inline infoplane::runs::RunHeader header() {
  infoplane::runs::RunHeader made;
  made.run = "tiny-gpt";
  made.started = "2026-11-25T04:05:45Z";
  made.seed = 18446744073709551615U;
  made.anchors = 100;
  made.width = 64;
  made.temperature = 0.037049475022;
  made.calibration = "exact";
  made.anchor_hash = "9f86d081";
  made.label_sets = {"input_unigram", "output_unigram"};
  made.sites = {"embedding", "blocks.0"};
  made.dtype = "float32";
  made.world_size = 2;
  made.every = 50;
  made.window = 16;
  made.library_version = "0.1.0";
  made.torch_version = "2.11.0";
  made.config = {{"amp", false}, {"batch", 16}, {"lr", 4e-3}, {"text", "c10 headers"}};
  return made;
}

inline infoplane::plane::Point point(std::int64_t step, std::string split = "train", double complexity = 0.25) {
  infoplane::plane::Point made;
  made.step = step;
  made.tokens = 16384;
  made.time = 0.1 * static_cast<double>(step);
  made.loss = 2.0431;
  made.split = std::move(split);
  const infoplane::plane::Metrics metrics = {{"H(Z)", 0.9},
                                             {"I(X;Z)/input_unigram", complexity},
                                             {"I(Y;Z)/output_unigram", 0.1},
                                             {"distance/unigram", 1 - 0.1 / complexity},
                                             {"optimality/unigram", 0.1 / complexity}};
  made.layers = {{"embedding", 16384, 0, metrics}, {"blocks.0", 16380, 4, metrics}};
  made.mean = metrics;
  return made;
}

/// Bit for bit, where every NaN is the same.
inline bool same(double a, double b) {
  return (a != a && b != b) || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

inline bool same(const infoplane::plane::Metrics& a, const infoplane::plane::Metrics& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.first == other.first && same(one.second, other.second);
  });
}

inline bool same(const infoplane::plane::Point& a, const infoplane::plane::Point& b) {
  return a.step == b.step && a.tokens == b.tokens && same(a.time, b.time) && same(a.loss, b.loss) &&
         a.split == b.split && a.reasons == b.reasons && same(a.mean, b.mean) &&
         std::equal(a.layers.begin(), a.layers.end(), b.layers.begin(), b.layers.end(),
                    [](const auto& one, const auto& other) {
                      return one.name == other.name && one.tokens == other.tokens && one.rejected == other.rejected &&
                             same(one.metrics, other.metrics) && one.reasons == other.reasons &&
                             one.sequences == other.sequences;
                    });
}

}  // namespace samples
