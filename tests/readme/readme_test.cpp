// Compiles the C++ blocks of README.md, docs/getting-started.md and docs/stopping.md inside functions that provide the
// trainer around them, and runs the loops.
// clang-format off
#include "README_1_includes.inc"
#include "getting-started_1_includes.inc"
#include "stopping_4_includes.inc"
// clang-format on
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <infoplane/runs/run_file.hpp>
#include <utility>

#include "monitor/small_gpt.hpp"
#include "readme/support.hpp"

using namespace infoplane::test;  // NOLINT: what is around the blocks

// A program, and not run: it trains for a while.
namespace getting_started {
#include "getting-started_1.inc"
}  // namespace getting_started

namespace readme {

void loop(SmallGPT& model, Batches& batches, torch::optim::AdamW& optimizer, int64_t max_steps) {
#include "README_1.inc"
}

}  // namespace readme

namespace stopping_page {

double heldout_loss(SmallGPT& model, const std::pair<at::Tensor, at::Tensor>& heldout) {
  return criterion(model->forward(heldout.first), heldout.second).item<double>();
}

int heldout_loop(SmallGPT& model, torch::optim::AdamW& optimizer, const std::pair<at::Tensor, at::Tensor>& heldout,
                 int64_t max_steps, const std::function<void(int64_t)>& train){
#include "stopping_1.inc"
}

std::int64_t start_of_compression(int64_t every) {
#include "stopping_2.inc"
  return stopping.options().start_from_step();
}

void print_phases(const std::vector<infoplane::plane::Point>& points) {
#include "stopping_3.inc"
}

bool preference(infoplane::Monitor& monitor, int64_t step, const at::Tensor& tokens, const at::Tensor& targets,
                const at::Tensor& preferred, const at::Tensor& completion, const at::Tensor& counts) {
#include "stopping_4.inc"
  return static_cast<bool>(observation);
}

}  // namespace stopping_page

TEST_CASE("the README's loop trains, logs and leaves a readable run file", "[readme]") {
  const TemporaryFolder folder;
  SmallGPT model(11, 16, 2);
  torch::optim::AdamW optimizer(model->parameters(), torch::optim::AdamWOptions(1e-3));
  Batches batches;
  readme::loop(model, batches, optimizer, 101);
  const auto run = infoplane::read_run_file("run.jsonl");
  REQUIRE(run.points.size() == 3);
  REQUIRE(run.points.back().step == 100);
  REQUIRE_THROWS_AS(readme::loop(model, batches, optimizer, 101), infoplane::IoError);
  stopping_page::print_phases(run.points);
}

TEST_CASE("the stopping page's rule sees each held-out point and has no reason to stop at once", "[readme]") {
  const TemporaryFolder folder;
  SmallGPT model(11, 16, 2);
  torch::optim::AdamW optimizer(model->parameters(), torch::optim::AdamWOptions(1e-3));
  int64_t trained = 0;
  const auto code = stopping_page::heldout_loop(model, optimizer, Batches().next(), 101, [&](int64_t step) {
    REQUIRE(step == trained);
    ++trained;
  });
  REQUIRE(code == 0);
  REQUIRE(trained == 101);
  REQUIRE(stopping_page::start_of_compression(30) == 180);

  infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(1));
  const auto tokens = at::zeros({2, 3}, at::kLong), ones = at::ones({2, 3}, at::kBool);
  REQUIRE(stopping_page::preference(monitor, 0, tokens, {}, at::tensor({1, 0}), ones, ones));
}
