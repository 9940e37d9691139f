#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/bound/joint_builder.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/plane/coordinates.hpp>

#include "monitor/point_checks.hpp"
#include "monitor/small_gpt.hpp"

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::test::SmallGPT;

namespace {

constexpr int64_t kVocabulary = 11;
constexpr int64_t kWidth = 16;

at::Tensor tokens_of(int64_t batch, int64_t length, int64_t start = 0) {
  return (at::arange(start, start + batch * length) * 7 + at::arange(batch * length).div(3, "floor"))
      .remainder(kVocabulary)
      .view({batch, length});
}

struct Recorder : infoplane::sinks::Sink {
  Recorder() : Sink("recorder") {}
  void write_header(const infoplane::runs::RunHeader& header) override { headers.push_back(header); }
  void write_point(const infoplane::plane::Point& point) override { points.push_back(point); }
  std::vector<infoplane::runs::RunHeader> headers;
  std::vector<infoplane::plane::Point> points;
};

std::optional<infoplane::plane::Point> step_of(Monitor& monitor, SmallGPT& model, int64_t step,
                                               const at::Tensor& tokens) {
  auto observation = monitor.observe(step, tokens);
  model->forward(tokens);
  return monitor.end_step(step, 1.5);
}

}  // namespace

TEST_CASE("a point holds the embedding and each block, measured as the estimator would", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 3);
  Monitor monitor(model, MonitorOptions().every(10));
  const auto tokens = tokens_of(4, 12);
  const auto point = step_of(monitor, model, 10, tokens);
  REQUIRE(point.has_value());
  REQUIRE(point->step == 10);
  REQUIRE(point->tokens == 48);
  REQUIRE(point->loss == 1.5);
  REQUIRE(point->split == "train");
  REQUIRE(point->layers.size() == 4);

  infoplane::labels::LabelIndex index;
  const auto* data = tokens.const_data_ptr<int64_t>();
  const auto grouping = index.group({infoplane::labels::IntegerView(data, 4, 12)});
  const std::vector<std::string> names = {"embedding", "blocks.0", "blocks.1", "blocks.2"};
  for (size_t i = 0; i < names.size(); ++i) {
    infoplane::estimator::SoftEntropyAccumulator direct(kWidth);
    direct.update(model->streams[i], *grouping);
    const auto expected = infoplane::plane::layer_point(names[i], direct.estimate());
    REQUIRE(point->layers[i].name == names[i]);
    REQUIRE(point->layers[i].tokens == 48);
    for (const auto& [key, value] : expected.metrics) {
      INFO(names[i] << " " << key);
      REQUIRE(infoplane::test::same_value(point->layers[i].metrics.at(key), value));
    }
  }
  REQUIRE(point->mean.at("H(Z)") == Approx((point->layers[1].metrics.at("H(Z)") + point->layers[2].metrics.at("H(Z)") +
                                            point->layers[3].metrics.at("H(Z)")) /
                                           3));
}

TEST_CASE("a monitor says how many bytes it holds", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 3);
  Monitor monitor(model, MonitorOptions().every(10).window(10));
  const auto empty = 2 * infoplane::labels::LabelIndex().memory_bytes();  // of the two splits
  REQUIRE(monitor.memory_bytes() == empty);
  const auto observed = [&](std::int64_t step, std::int64_t rows) {
    auto observation = monitor.observe(step, tokens_of(rows, 12));
    model->forward(tokens_of(rows, 12));
  };
  observed(1, 4);
  const auto of_train = monitor.memory_bytes() - empty / 2;
  infoplane::labels::LabelIndex index;
  const auto tokens = tokens_of(4, 12);
  const auto grouping = index.group({infoplane::labels::IntegerView(tokens.const_data_ptr<int64_t>(), 4, 12)});
  infoplane::estimator::SoftEntropyAccumulator direct(kWidth);
  auto expected = direct.memory_bytes() + index.memory_bytes();  // the empty one that the layers are copied from
  for (const auto& stream : model->streams) {
    infoplane::estimator::SoftEntropyAccumulator layer(kWidth);
    layer.update(stream, *grouping);
    expected += layer.memory_bytes() - direct.memory_bytes() + 100 * 8;  // the anchors are there once, sums are not
  }
  for (const auto& set : grouping->sets) {
    expected += static_cast<std::int64_t>(4 * set.rows.size());
  }
  REQUIRE(of_train == expected);
  observed(2, 30);
  REQUIRE(monitor.memory_bytes() > of_train + empty / 2);
  const auto before = monitor.memory_bytes();
  {
    auto observation = monitor.observe_heldout(2, tokens);
    model->forward(tokens);
  }
  REQUIRE(monitor.memory_bytes() == before - empty / 2 + of_train);
}

TEST_CASE("points come at the logged steps, from the micro-batches of the window", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 1);
  Monitor monitor(model, MonitorOptions().every(5).window(2));
  for (int64_t step = 0; step <= 10; ++step) {
    const bool observed = step % 5 == 0 || step % 5 == 4;
    REQUIRE(monitor.observes(step) == observed);
    const auto tokens = tokens_of(2, 8, step);
    {
      auto observation = monitor.observe(step, tokens);
      REQUIRE(static_cast<bool>(observation) == observed);
      model->forward(tokens);
    }
    const auto point = monitor.end_step(step, 0.0);
    REQUIRE(point.has_value() == (step % 5 == 0));
    if (point) {
      REQUIRE(point->tokens == (step == 0 ? 16 : 32));
    }
  }
}

TEST_CASE("micro-batches of one step add up to what one large batch gives", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 2);
  model->eval();
  Monitor one(model, MonitorOptions().every(1));
  Monitor two(model, MonitorOptions().every(1));
  const auto tokens = tokens_of(6, 8);
  const auto whole = step_of(one, model, 1, tokens);
  for (const auto& part : tokens.split(2)) {
    const auto observation = two.observe(1, part);
    model->forward(part);
  }
  const auto parts = two.end_step(1);
  REQUIRE(std::isnan(parts->loss));
  REQUIRE(parts->tokens == whole->tokens);
  for (const auto& [key, value] : whole->mean) {
    INFO(key);
    REQUIRE(infoplane::test::near(parts->mean.at(key), value));
  }
}

TEST_CASE("the held-out stream is kept apart from the training stream", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 2);
  auto recorder = std::make_shared<Recorder>();
  Monitor monitor(model, MonitorOptions().every(2));
  monitor.add_sink(recorder);
  const auto tokens = tokens_of(2, 8);
  const auto heldout_tokens = tokens_of(5, 8, 3);
  {
    const auto observation = monitor.observe(2, tokens);
    model->forward(tokens);
  }
  {
    const auto observation = monitor.observe_heldout(2, heldout_tokens);
    model->forward(heldout_tokens);
  }
  SECTION("ended by itself") {
    const auto heldout = monitor.end_heldout(2, 0.25);
    REQUIRE(heldout->split == "heldout");
    REQUIRE(heldout->tokens == 40);
    REQUIRE(heldout->loss == 0.25);
    REQUIRE_FALSE(monitor.end_heldout(2).has_value());
  }
  const auto train = monitor.end_step(2, at::scalar_tensor(0.5));
  REQUIRE(train->tokens == 16);
  REQUIRE(train->loss == 0.5);
  REQUIRE(recorder->headers.size() == 1);
  REQUIRE(recorder->points.size() == 2);
  REQUIRE(recorder->points[0].split == "heldout");
  REQUIRE(recorder->points[1].split == "train");
}

TEST_CASE("the header says what the points were measured with", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 2);
  auto recorder = std::make_shared<Recorder>();
  Monitor monitor(model, MonitorOptions().every(1).run("trial").details({{"lr", "0.1"}}));
  monitor.add_sink(recorder);
  step_of(monitor, model, 1, tokens_of(2, 8));
  const auto& header = recorder->headers.at(0);
  REQUIRE(header.run == "trial");
  REQUIRE(header.anchors == 100);
  REQUIRE(header.width == kWidth);
  REQUIRE(header.temperature == Approx(infoplane::estimator::temperature(kWidth, 100)));
  REQUIRE(header.calibration == "exact");
  REQUIRE(header.anchor_hash.size() == 16);
  REQUIRE(header.label_sets ==
          std::vector<std::string>{"input_unigram", "input_bigram", "output_unigram", "output_bigram"});
  REQUIRE(header.sites == std::vector<std::string>{"embedding", "blocks.0", "blocks.1"});
  REQUIRE(header.site_kinds == std::map<std::string, std::string, std::less<>>{{"embedding", "norm input"},
                                                                               {"blocks.0", "norm input"},
                                                                               {"blocks.1", "norm input"}});
  REQUIRE(header.dtype == "Float");
  REQUIRE(header.every == 1);
  REQUIRE(std::get<std::string>(header.config.at("lr")) == "0.1");
  REQUIRE_FALSE(header.torch_version.empty());

  auto late = std::make_shared<Recorder>();
  monitor.add_sink(late);
  REQUIRE(late->headers.size() == 1);
}

TEST_CASE("with the curve of the data points have both bounds, and the header the curve", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 2);
  const auto tokens = tokens_of(64, 24);
  infoplane::bound::NgramJointBuilder pairs(1, 1);
  for (int64_t row = 0; row < tokens.size(0); ++row) {
    pairs.add(std::span(tokens[row].const_data_ptr<int64_t>(), 24));
  }
  const auto curve = infoplane::bound::IbCurve::solve(pairs.build());
  const auto options = MonitorOptions().every(1).bound("unigram", curve);
  REQUIRE(options.curves().size() == 1);
  auto recorder = std::make_shared<Recorder>();
  Monitor monitor(model, options);
  monitor.add_sink(recorder);
  const auto point = step_of(monitor, model, 1, tokens);

  const auto& layer = point->layers.at(1).metrics;
  REQUIRE(layer.at("curve_gap/unigram") ==
          Approx(curve.gap(layer.at("I(X;Z)/input_unigram"), layer.at("I(Y;Z)/output_unigram"), 100)));
  REQUIRE(
      layer.at("curve_gap/unigram/corrected") ==
      Approx(curve.gap(layer.at("I(X;Z)/input_unigram/corrected"), layer.at("I(Y;Z)/output_unigram/corrected"), 100)));
  REQUIRE(layer.at("curve_gap/unigram/standard_error") > 0);
  REQUIRE(layer.contains("distance/unigram/corrected"));
  REQUIRE_FALSE(layer.contains("curve_gap/bigram"));
  for (const std::string key : {"curve_gap/unigram", "curve_gap/unigram/corrected"}) {  // the embedding is in no mean
    REQUIRE(point->mean.at(key) ==
            Approx((point->layers.at(1).metrics.at(key) + point->layers.at(2).metrics.at(key)) / 2));
  }

  const auto& drawn = recorder->headers.at(0).curves.at("unigram");
  REQUIRE(drawn.size() == curve.points().size());
  REQUIRE(drawn.front() == std::pair(0.0, 0.0));
  REQUIRE(drawn.back().first == Approx(curve.points().back().complexity / std::log(100)));
  REQUIRE(drawn.back().second == Approx(curve.points().back().expressivity / std::log(100)));
}

TEST_CASE("a curve of an order that is not watched is an error that names the label sets", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 1);
  infoplane::bound::JointBuilder pairs;
  pairs.add(0, 0);
  pairs.add(1, 1);
  const auto curve = infoplane::bound::IbCurve::solve(pairs.build());
  REQUIRE_THROWS_MATCHES(
      Monitor(model, MonitorOptions().bound("trigram", curve)), infoplane::ArgumentError,
      MessageMatches(ContainsSubstring("MonitorOptions::bound of the order \"trigram\": the gap to its curve needs the "
                                       "label sets input_trigram and output_trigram, but MonitorOptions::labels has "
                                       "input orders 1, 2 and output orders 1, 2")));
  REQUIRE_THROWS_AS(Monitor(model, MonitorOptions().bound("unigrams", curve)), infoplane::ArgumentError);
  auto options = MonitorOptions().labels(infoplane::labels::LabelOptions().output_orders({2}));
  options.bound("unigram", curve);
  REQUIRE_THROWS_AS(Monitor(model, options), infoplane::ArgumentError);
}

TEST_CASE("targets, masks, documents and named labels reach the estimator", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 1);
  Monitor monitor(model, MonitorOptions().every(1));
  const auto tokens = tokens_of(2, 8).to(at::kInt);
  auto mask = at::ones({2, 8}, at::kBool);
  mask.select(0, 0).slice(0, 6).fill_(false);
  const auto language = at::arange(2).view({2, 1}).expand({2, 8});
  auto observation = monitor.observe(1, tokens, tokens.roll(-1, 1).to(at::kLong),
                                     infoplane::BatchDetails().mask(mask).labels({{"language", language}}));
  model->forward(tokens);
  const auto point = monitor.end_step(1);
  REQUIRE(point->tokens == 14);
  REQUIRE(point->layers.at(1).tokens == 14);
  REQUIRE(point->mean.at("I(X;Z)/language") > 0);
}

TEST_CASE("activations of [T, B, d] are matched to tokens of [B, T]", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 1);
  model->eval();
  Monitor batch_first(model, MonitorOptions().every(1));
  Monitor time_first(model, MonitorOptions().every(1));
  const auto tokens = tokens_of(3, 8);
  const auto expected = step_of(batch_first, model, 1, tokens);
  model->time_major = true;
  const auto got = step_of(time_first, model, 1, tokens);
  for (const auto& [key, value] : expected->mean) {
    INFO(key);
    REQUIRE(infoplane::test::near(got->mean.at(key), value));
  }
}

TEST_CASE("an observation ends with its scope, with finish and with end_step", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 1);
  Monitor monitor(model, MonitorOptions().every(1));
  const auto tokens = tokens_of(2, 8);
  auto first = monitor.observe(1, tokens);
  REQUIRE(static_cast<bool>(first));
  REQUIRE_THROWS_MATCHES(monitor.observe(1, tokens), infoplane::StateError,
                         MessageMatches(ContainsSubstring("an observation is open already")));
  model->forward(tokens);
  first.finish();
  REQUIRE_FALSE(static_cast<bool>(first));
  auto second = monitor.observe(1, tokens);
  model->forward(tokens);
  REQUIRE(monitor.end_step(1)->tokens == 32);
  REQUIRE_FALSE(static_cast<bool>(second));
  auto moved = std::move(second);
  REQUIRE_FALSE(static_cast<bool>(moved));
}

TEST_CASE("an observation may outlive its monitor", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 1);
  const auto tokens = tokens_of(2, 8);
  infoplane::Observation observation;
  {
    Monitor monitor(model, MonitorOptions().every(1));
    observation = monitor.observe(1, tokens);
  }
  REQUIRE_NOTHROW(model->forward(tokens));
}

TEST_CASE("a site that does not fire is named after the first observed step", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 2);
  Monitor monitor(model, MonitorOptions().every(1));
  const auto tokens = tokens_of(2, 8);
  { const auto observation = monitor.observe(1, tokens); }
  REQUIRE_THROWS_MATCHES(monitor.end_step(1), infoplane::SiteError, MessageMatches(ContainsSubstring("blocks.1")));
  REQUIRE(step_of(monitor, model, 2, tokens).has_value());
}

TEST_CASE("a layer that comes no longer is named: an error where its norm was replaced, else NaN and why",
          "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 3);
  Monitor monitor(model, MonitorOptions().every(1));
  const auto tokens = tokens_of(2, 8);
  const auto replace = [](infoplane::test::BlockImpl& block) {
    block.ln1 = block.replace_module("ln1", torch::nn::LayerNorm(torch::nn::LayerNormOptions({kWidth})));
  };
  REQUIRE(step_of(monitor, model, 1, tokens)->layers.size() == 4);

  replace(*model->blocks[1]->as<infoplane::test::Block>());
  REQUIRE_THROWS_MATCHES(step_of(monitor, model, 2, tokens), infoplane::SiteError,
                         MessageMatches(ContainsSubstring("parameters that the model no longer has") &&
                                        ContainsSubstring("blocks.0: was read at blocks.1.ln1.weight, 1 hits") &&
                                        !ContainsSubstring("blocks.1:") && ContainsSubstring("Call rescan()")));
  monitor.rescan();
  const auto whole = step_of(monitor, model, 3, tokens);
  REQUIRE(whole->layers.size() == 4);
  REQUIRE(whole->layer("blocks.0")->reasons.empty());

  model->dropped = 1;
  const auto dropped = step_of(monitor, model, 4, tokens);
  REQUIRE(dropped->layers.size() == 4);
  const auto* gone = dropped->layer("blocks.0");  // read where the dropped block begins
  REQUIRE(gone->tokens == 0);
  REQUIRE(std::isnan(gone->metrics.at("H(Z)")));
  REQUIRE_THAT(gone->reasons.at("H(Z)"), ContainsSubstring("the forward dropped the layer"));
  REQUIRE(std::isfinite(dropped->layer("blocks.1")->metrics.at("H(Z)")));
  REQUIRE(dropped->layer("blocks.1")->reasons.empty());
  REQUIRE(std::isnan(dropped->mean.at("H(Z)")));  // a mean over other layers would not compare

  model->dropped = -1;
  const auto back = step_of(monitor, model, 5, tokens);
  REQUIRE(back->layer("blocks.0")->reasons.empty());
  REQUIRE(std::isfinite(back->mean.at("H(Z)")));
}

TEST_CASE("a window with a forward that drops a layer measures the layer in the others", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 3);
  Monitor monitor(model, MonitorOptions().every(1));
  const auto tokens = tokens_of(2, 8);
  step_of(monitor, model, 1, tokens);
  for (const int64_t drop : {1, -1}) {
    model->dropped = drop;
    const auto micro_batch = monitor.observe(2, tokens);
    model->forward(tokens);
  }
  const auto point = monitor.end_step(2);
  REQUIRE(point->layer("blocks.0")->tokens == 16);
  REQUIRE(point->layer("blocks.0")->reasons.empty());
  REQUIRE(point->layer("blocks.1")->tokens == 32);
}

TEST_CASE("an error inside the forward's hooks comes out of end_step, and the next step works", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 1);
  Monitor monitor(model, MonitorOptions().every(1));
  const auto tokens = tokens_of(2, 8);
  {
    const auto observation = monitor.observe(1, tokens);
    model->forward(tokens_of(2, 9));
  }
  REQUIRE_THROWS_MATCHES(
      monitor.end_step(1), infoplane::SiteError,
      MessageMatches(ContainsSubstring("[2, 9, 16]") && ContainsSubstring("2 sequences of 8 tokens")));
  const auto point = step_of(monitor, model, 2, tokens);
  REQUIRE(point->tokens == 16);
}

TEST_CASE("wrong options and wrong steps are refused with their values", "[monitor]") {
  SmallGPT model(kVocabulary, kWidth, 1);
  REQUIRE_THROWS_MATCHES(Monitor(model, MonitorOptions().every(0)), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("every must be at least 1, got 0")));
  REQUIRE_THROWS_MATCHES(Monitor(model, MonitorOptions().every(4).window(5)), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("between 1 and every (4), or 0 to be chosen, got 5")));
  Monitor monitor(model, MonitorOptions().every(1));
  const auto tokens = tokens_of(2, 8);
  {
    const auto observation = monitor.observe(3, tokens);
    model->forward(tokens);
  }
  REQUIRE_THROWS_MATCHES(monitor.end_step(4), infoplane::StateError,
                         MessageMatches(ContainsSubstring("step 4 ends, but the last observation was of step 3")));
  REQUIRE_THROWS_MATCHES(monitor.end_step(3, at::zeros({2})), infoplane::ShapeError,
                         MessageMatches(ContainsSubstring("one number, got a tensor of 2")));
  REQUIRE_THROWS_AS(monitor.add_sink(std::shared_ptr<Recorder>()), infoplane::ArgumentError);
}

TEST_CASE("a failing sink does not stop the run", "[monitor]") {
  struct Broken : Recorder {
    void write_point(const infoplane::plane::Point&) override { throw std::runtime_error("no space"); }
  };
  SmallGPT model(kVocabulary, kWidth, 1);
  Monitor monitor(model, MonitorOptions().every(1));
  auto broken = std::make_shared<Broken>();
  auto recorder = std::make_shared<Recorder>();
  monitor.add_sink(broken);
  monitor.add_sink(recorder);
  REQUIRE(step_of(monitor, model, 1, tokens_of(2, 8)).has_value());
  REQUIRE(broken->failures() == 1);
  REQUIRE(recorder->points.size() == 1);
}
