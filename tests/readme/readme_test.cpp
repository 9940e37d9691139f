// Compiles the C++ blocks of README.md inside functions that provide the trainer around them, and runs the first.
#include "includes_1.inc"
// clang-format off
#include "includes_3.inc"
#include "includes_4.inc"
#include "includes_6.inc"
#include "includes_7.inc"
// clang-format on
#include <torch/optim/adamw.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <infoplane/runs/run_file.hpp>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

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

void readme_loop(infoplane::test::SmallGPT& model, Batches& batches, torch::optim::AdamW& optimizer,
                 int64_t max_steps) {
#include "block_1.inc"
}

/// One start after another: each closes its sink.
struct Starts {
  void add_sink(const infoplane::JsonLinesSink& sink) {
    seen.emplace_back(sink.path(), std::filesystem::file_size(sink.path()));
  }
  std::vector<std::pair<std::string, std::uintmax_t>> seen;
};

Starts readme_second_starts() {
  Starts monitor;
#include "block_2.inc"
  return monitor;
}

at::Tensor readme_tap(infoplane::test::SmallGPT& model, at::Tensor x) {
  const auto& blocks = model->blocks;
#include "block_3.inc"
  return x;
}

#include "block_4.inc"

std::map<std::string, double> readme_hooks(infoplane::test::SmallGPT& model, const at::Tensor& tokens, at::Tensor x,
                                           at::Tensor& y, at::Tensor& expected) {
  std::map<std::string, double> norms;
#include "block_5.inc"
  expected = at::relu(mlp->map(x + 1)) * 2;
  return norms;
}

double heldout_loss(infoplane::test::SmallGPT& model, const std::pair<at::Tensor, at::Tensor>& heldout) {
  return criterion(model->forward(heldout.first), heldout.second).item<double>();
}

int readme_stopping(infoplane::test::SmallGPT& model, torch::optim::AdamW& optimizer, std::span<const int64_t> text,
                    const std::pair<at::Tensor, at::Tensor>& heldout, int64_t max_steps,
                    const std::function<void(int64_t)>& train) {
#include "block_6.inc"
}

int readme_ranks(infoplane::test::SmallGPT& model) {
#include "block_7.inc"
  return monitor.world_size();
}

}  // namespace

TEST_CASE("the README's loop trains, logs and leaves a readable run file", "[readme]") {
  static_assert(README_BLOCKS == 7, "README.md has another number of C++ blocks: compile each of them here");
  const auto folder = std::filesystem::temp_directory_path() / "infoplane-readme-test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  infoplane::test::SmallGPT model(11, 16, 2);
  torch::optim::AdamW optimizer(model->parameters(), torch::optim::AdamWOptions(1e-3));
  Batches batches;
  readme_loop(model, batches, optimizer, 101);
  const auto run = infoplane::runs::read_run_file("run.jsonl");
  REQUIRE(run.points.size() == 3);
  REQUIRE(run.points.back().step == 100);
  REQUIRE_THROWS_AS(readme_loop(model, batches, optimizer, 101), infoplane::IoError);
  const auto bytes = std::filesystem::file_size("run.jsonl");
  const auto starts = readme_second_starts().seen;
  REQUIRE(starts == decltype(starts){{"run-2.jsonl", 0}, {"run.jsonl", bytes}, {"run.jsonl", 0}});
  std::filesystem::current_path(before);
  std::filesystem::remove_all(folder);

  const auto x = at::randn({2, 3, 16});
  REQUIRE(readme_tap(model, x).sizes() == x.sizes());
}

TEST_CASE("the README's hooks fire, and its watcher names embedding and blocks", "[readme]") {
  infoplane::test::SmallGPT model(11, 16, 2);
  at::Tensor y;
  at::Tensor expected;
  const auto norms = readme_hooks(model, at::zeros({2, 3}, at::kLong), at::ones({2, 16}), y, expected);
  REQUIRE(norms.size() == 3);
  REQUIRE(norms.at("embedding") > 0);
  REQUIRE(norms.at("blocks.1") > 0);
  REQUIRE(at::equal(y, expected));
  REQUIRE(y.abs().sum().item<double>() > 0);
}

TEST_CASE("the README's ranks are one where no launcher started them", "[readme]") {
  infoplane::test::SmallGPT model(11, 16, 2);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(std::filesystem::temp_directory_path());
  REQUIRE(readme_ranks(model) == 1);
  std::filesystem::remove("run.jsonl");
  std::filesystem::current_path(before);
}

TEST_CASE("the README's stopping rule sees each held-out point and has no reason to stop at once", "[readme]") {
  infoplane::test::SmallGPT model(11, 16, 2);
  torch::optim::AdamW optimizer(model->parameters(), torch::optim::AdamWOptions(1e-3));
  const std::vector<int64_t> text{1, 2, 3, 1, 2, 4, 1, 2, 3};
  int64_t trained = 0;
  const auto code = readme_stopping(model, optimizer, text, Batches().next(), 101, [&](int64_t step) {
    REQUIRE(step == trained);
    ++trained;
  });
  REQUIRE(code == 0);
  REQUIRE(trained == 101);
}

TEST_CASE("each trainer of the zoo has a row in the README's table, and each file that a row names exists",
          "[readme]") {
  const std::filesystem::path source(README_SOURCE);
  const auto zoo = source / "tests/hooks/zoo";
  std::ifstream readme(source / "README.md");
  std::set<std::string> named;
  std::string line;
  while (std::getline(readme, line) && !line.starts_with("| kind of trainer |")) {
  }
  while (std::getline(readme, line) && line.starts_with('|')) {
    const auto cell = line.substr(line.rfind('|', line.size() - 2));
    for (auto begin = cell.find('`'); begin != std::string::npos;) {
      const auto end = cell.find('`', begin + 1);
      const auto file = cell.substr(begin + 1, end - begin - 1);
      INFO(line);
      REQUIRE(std::filesystem::exists(zoo / file));
      named.insert(file);
      begin = cell.find('`', end + 1);
    }
  }
  REQUIRE(named.size() > 10);
  for (const auto& entry : std::filesystem::directory_iterator(zoo)) {
    const auto file = entry.path().filename().string();
    if (file != "zoo.cpp" && file != "zoo.hpp") {
      INFO(file);
      REQUIRE(named.contains(file));
    }
  }
}
