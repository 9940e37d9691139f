// Compiles the C++ blocks of the other pages of docs/ and of CONTRIBUTING.md, and runs those that can run alone.
// clang-format off
#include "trainers_2_includes.inc"
#include "trainers_11_includes.inc"
#include "trainers_12_includes.inc"
#include "trainers_13_includes.inc"
#include "trainers_14_includes.inc"
#include "hooks_1_includes.inc"
#include "hooks_2_includes.inc"
#include "hooks_3_includes.inc"
#include "bound_2_includes.inc"
#include "estimator_3_includes.inc"
#include "run-file_1_includes.inc"
#include "CONTRIBUTING_1_includes.inc"
// clang-format on
#include <torch/types.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <infoplane/infoplane.hpp>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "monitor/small_gpt.hpp"
#include "readme/support.hpp"

using namespace infoplane::test;  // NOLINT: what is around the blocks

namespace trainers_page {

std::optional<infoplane::plane::Point> loop(SmallGPT& model, int64_t step, const at::Tensor& inputs,
                                            const at::Tensor& targets) {
#include "trainers_1.inc"
  return point;
}

at::Tensor tapped(SmallGPT& model, at::Tensor x) {
  const auto& blocks = model->blocks;
#include "trainers_2.inc"
  return x;
}

bool with_details(infoplane::Monitor& monitor, int64_t step, const at::Tensor& inputs, const at::Tensor& targets,
                  const at::Tensor& key_padding_mask, const at::Tensor& documents, const at::Tensor& classes) {
#include "trainers_3.inc"
  return static_cast<bool>(observation);
}

std::optional<infoplane::plane::Point> without_tokens(infoplane::Monitor& monitor, int64_t step, const at::Tensor& y,
                                                      double loss) {
#include "trainers_4.inc"
  return point;
}

bool with_bins(infoplane::Monitor& monitor, int64_t step, const at::Tensor& training_returns,
               const at::Tensor& returns) {
#include "trainers_5.inc"
  return static_cast<bool>(observation);
}

bool other_positions(infoplane::Monitor& monitor, int64_t step, const at::Tensor& patches, const at::Tensor& y) {
#include "trainers_6.inc"
  return static_cast<bool>(rest) || static_cast<bool>(one);
}

bool masked_set(infoplane::Monitor& monitor, int64_t step, const at::Tensor& inputs, const at::Tensor& targets) {
#include "trainers_7.inc"
  return static_cast<bool>(observation);
}

void masked(SmallGPT& model) {
#include "trainers_8.inc"
  static_cast<void>(monitor);
}

void skip(infoplane::Observation& observation, const at::Tensor& loss) {
#include "trainers_9.inc"
}

/// Stands for a model with an encoder and a decoder; not run.
struct TranslatorImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& source, const at::Tensor& target) const { return source + target; }
};
TORCH_MODULE(Translator);

void two_stacks(infoplane::Monitor& monitor, Translator& model, int64_t step, const at::Tensor& source,
                const at::Tensor& target, const at::Tensor& next, const at::Tensor& source_mask) {
#include "trainers_10.inc"
}

struct LayerImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) { return x + 1; }
};
INFOPLANE_MODULE(Layer);

void tap_outputs(std::vector<Layer>& layers){
#include "trainers_11.inc"
}

std::optional<infoplane::plane::Point> raw(int64_t step, const std::vector<int64_t>& tokens, int64_t batch,
                                           int64_t length, int64_t width,
                                           const std::vector<std::vector<float>>& activations, double loss) {
#include "trainers_12.inc"
  return point;
}

void script(int64_t step, const at::Tensor& inputs, const at::Tensor& targets) {
#include "trainers_13.inc"
  static_cast<void>(loss);
  static_cast<void>(checkpoint);
}

void routed(const at::Tensor& rows, const at::Tensor& positions){
#include "trainers_14.inc"
}

/// Stands for torch::nn::parallel::data_parallel.
at::Tensor data_parallel(SmallGPT& model, const at::Tensor& inputs) {
  return model->forward(inputs);
}

at::Tensor replicas(infoplane::Monitor& monitor, SmallGPT& model, int64_t step, const at::Tensor& inputs) {
#include "trainers_15.inc"
  return logits;
}

}  // namespace trainers_page

namespace hooks_page {

std::map<std::string, double> watched(SmallGPT& model, const at::Tensor& tokens) {
  std::map<std::string, double> norms;
#include "hooks_1.inc"
  return norms;
}

at::Tensor tapped(at::Tensor x) {
#include "hooks_2.inc"
  return x;
}

#include "hooks_3.inc"

at::Tensor hooked(const at::Tensor& x, at::Tensor& expected) {
  at::Tensor y;
#include "hooks_4.inc"
  expected = at::relu(mlp->map(x + 1)) * 2;
  return y;
}

}  // namespace hooks_page

namespace other_pages {

void print_metrics(infoplane::Monitor& monitor, int64_t step, double loss) {
#include "metrics_1.inc"
}

double corrected(const at::Tensor& z, const at::Tensor& labels) {
#include "estimator_1.inc"
  return set.corrected_nats;
}

template <typename Model>
bool takes_a_centre(const Model& model) {
#include "estimator_2.inc"
  return monitor.options().estimator().centre();
}

bool spans_rows() {
#include "estimator_4.inc"
  return options.labels().documents_span_rows();
}

std::size_t tried(const at::Tensor& z, const at::Tensor& tokens) {
#include "estimator_3.inc"
  return sets.size();
}

void shares(infoplane::Monitor& monitor, int64_t step, double loss){
#include "bound_1.inc"
}

std::size_t bound(SmallGPT& model, std::span<const int64_t> tokens) {
#include "bound_2.inc"
  return curve.points().size();
}

int ranks(SmallGPT& model) {
#include "ranks_1.inc"
  return monitor.world_size();
}

bool on_device(infoplane::Monitor& monitor, SmallGPT& model, Batches& batches, int64_t step, at::Device device) {
#include "cuda_1.inc"
  return point.has_value();
}

void read_run() {
#include "run-file_1.inc"
}

/// One start after another: each closes its sink.
struct Starts {
  void add_sink(infoplane::JsonLinesSink sink) {
    sink.open();
    seen.emplace_back(sink.path(), std::filesystem::file_size(sink.path()));
  }
  std::vector<std::pair<std::string, std::uintmax_t>> seen;
};

void all_sinks(infoplane::Monitor& monitor){
#include "files_1.inc"
}

Starts second_starts() {
  Starts monitor;
#include "files_2.inc"
  return monitor;
}

}  // namespace other_pages

namespace contributing {
#include "CONTRIBUTING_1.inc"
}  // namespace contributing

TEST_CASE("the pages' loops give points", "[docs]") {
  const TemporaryFolder folder;
  SmallGPT model(11, 16, 2);
  Batches batches;
  const auto [inputs, targets] = batches.next();
  const auto point = trainers_page::loop(model, 0, inputs, targets);
  REQUIRE(point);
  REQUIRE(point->layers.size() == 3);

  const auto bytes = std::filesystem::file_size("run.jsonl");
  other_pages::read_run();
  const auto starts = other_pages::second_starts().seen;
  REQUIRE(starts == decltype(starts){{"run-2.jsonl", 0}, {"run.jsonl", bytes}, {"run.jsonl", 0}});

  std::filesystem::remove("run.jsonl");
  infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(1));
  other_pages::all_sinks(monitor);
  monitor.add_sink(contributing::LossSink("losses.txt"));
  REQUIRE(other_pages::on_device(monitor, model, batches, 0, at::kCPU));
  for (const auto* written : {"losses.txt", "run.jsonl", "run.csv", "run.html"}) {
    REQUIRE(std::filesystem::file_size(written) > 0);
  }
  auto measured = monitor.observe(1, inputs, targets);
  model->forward(inputs);
  measured.finish();
  other_pages::print_metrics(monitor, 1, 2.0);
  const auto none = at::zeros(inputs.sizes(), at::kBool);
  REQUIRE(trainers_page::with_details(monitor, 2, inputs, targets, none, at::zeros_like(inputs), inputs));
  auto observation = monitor.observe(2, inputs, targets);
  trainers_page::skip(observation, at::tensor(NAN));
  REQUIRE_FALSE(observation);
}

TEST_CASE("the pages' taps and hooks see what they say", "[docs]") {
  SmallGPT model(11, 16, 2);
  const auto x = at::randn({2, 3, 16});
  REQUIRE(trainers_page::tapped(model, x).sizes() == x.sizes());
  REQUIRE(hooks_page::tapped(x).is_same(x));
  std::vector<trainers_page::Layer> layers(2);
  trainers_page::tap_outputs(layers);
  REQUIRE(layers[1](x).sizes() == x.sizes());

  const auto norms = hooks_page::watched(model, at::zeros({2, 3}, at::kLong));
  REQUIRE(norms.size() == 3);
  REQUIRE(norms.at("embedding") > 0);
  REQUIRE(norms.at("blocks.1") > 0);
  at::Tensor expected;
  const auto y = hooks_page::hooked(at::ones({2, 16}), expected);
  REQUIRE(at::equal(y, expected));
  REQUIRE(y.abs().sum().item<double>() > 0);

  const std::vector<int64_t> tokens = {1, 2, 3, 1, 2, 4};
  const std::vector<std::vector<float>> activations = {std::vector<float>(24, 1.F), std::vector<float>(24, 2.F)};
  const auto point = trainers_page::raw(0, tokens, 2, 3, 4, activations, 1.0);
  REQUIRE(point);
  REQUIRE(point->layers.size() == 2);
  REQUIRE(point->layers[1].name == "blocks.1");
}

TEST_CASE("the pages' estimates, curves and ranks", "[docs]") {
  const TemporaryFolder folder;
  SmallGPT model(11, 16, 2);
  const auto labels = at::arange(512).remainder(4).view({32, 16});
  const auto z = at::one_hot(labels, 16).to(at::kFloat) + 0.1 * at::randn({32, 16, 16});
  REQUIRE(other_pages::corrected(z, labels) > 0);
  REQUIRE(other_pages::tried(z, labels) == 1);
  REQUIRE(other_pages::takes_a_centre(model));
  REQUIRE(other_pages::spans_rows());
  REQUIRE(other_pages::bound(model, std::vector<int64_t>{1, 2, 3, 1, 2, 4, 1, 2, 3}) > 1);
  REQUIRE(std::filesystem::exists("text.curve.json"));
  REQUIRE(other_pages::ranks(model) == 1);
}
