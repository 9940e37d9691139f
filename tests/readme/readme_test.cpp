// Compiles the C++ blocks of README.md inside functions that provide the trainer around them, and runs the first.
#include "includes_1.inc"
// clang-format off
#include "includes_2.inc"
#include "includes_3.inc"
// clang-format on
#include <torch/optim/adamw.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <infoplane/sinks/run_file.hpp>
#include <map>

#include "monitor/small_gpt.hpp"

namespace {

struct Batches {
  std::pair<at::Tensor, at::Tensor> next() {
    const auto tokens = at::randint(11, {4, 9}, at::kLong);
    return {tokens.slice(1, 0, 8), tokens.slice(1, 1)};
  }
};

at::Tensor criterion(const at::Tensor& logits, const at::Tensor& targets) {
  return at::cross_entropy_loss(logits.flatten(0, 1), targets.flatten());
}

void readme_loop(infoplane::test::SmallGPT& model, Batches& batches, torch::optim::AdamW& optimizer, int64_t max_steps){
#include "block_1.inc"
}

at::Tensor readme_tap(infoplane::test::SmallGPT& model, at::Tensor x) {
  const auto& blocks = model->blocks;
#include "block_2.inc"
  return x;
}

#include "block_3.inc"

std::map<std::string, double> readme_hooks(infoplane::test::SmallGPT& model, const at::Tensor& tokens, at::Tensor x,
                                           at::Tensor& y) {
  std::map<std::string, double> norms;
#include "block_4.inc"
  return norms;
}

}  // namespace

TEST_CASE("the README's loop trains, logs and leaves a readable run file", "[readme]") {
  static_assert(README_BLOCKS == 4, "README.md has another number of C++ blocks: compile each of them here");
  const auto folder = std::filesystem::temp_directory_path() / "infoplane-readme-test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  infoplane::test::SmallGPT model(11, 16, 2);
  torch::optim::AdamW optimizer(model->parameters(), torch::optim::AdamWOptions(1e-3));
  Batches batches;
  readme_loop(model, batches, optimizer, 101);
  std::filesystem::current_path(before);
  const auto run = infoplane::sinks::read_run_file((folder / "run.jsonl").string());
  REQUIRE(run.points.size() == 3);
  REQUIRE(run.points.back().step == 100);
  std::filesystem::remove_all(folder);

  const auto x = at::randn({2, 3, 16});
  REQUIRE(readme_tap(model, x).sizes() == x.sizes());
}

TEST_CASE("the README's hooks fire, and its watcher names embedding and blocks", "[readme]") {
  infoplane::test::SmallGPT model(11, 16, 2);
  at::Tensor y;
  const auto norms = readme_hooks(model, at::zeros({2, 3}, at::kLong), at::ones({2, 16}), y);
  REQUIRE(norms.size() == 3);
  REQUIRE(norms.at("embedding") > 0);
  REQUIRE(norms.at("blocks.1") > 0);
  REQUIRE(y.sizes() == at::IntArrayRef({2, 16}));
}
