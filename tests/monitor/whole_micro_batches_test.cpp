#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <stdexcept>

#include "monitor/point_checks.hpp"
#include "monitor/small_gpt.hpp"

using Catch::Matchers::ContainsSubstring;
using infoplane::BatchDetails;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::Observation;
using infoplane::test::require_same_values;
using infoplane::test::require_tokens;
using infoplane::test::SmallGPT;
using infoplane::test::text;

namespace {

constexpr std::int64_t kStep = 2;
constexpr const char* kThrew = "not counted: 48 tokens of step 2 (1 micro-batch), whose observation an exception ended";
constexpr const char* kThrewTwice =
    "not counted: 96 tokens of step 2 (2 micro-batches), whose observation an exception ended";
constexpr const char* kEndedEarly =
    "not counted: 48 tokens of step 2 (1 micro-batch), whose forward ended before the last site that it reached before "
    "(if it is to end there: rescan())";

/// Two monitors of one model: one of a trainer in trouble, one of a trainer without.
struct Trainers {
  explicit Trainers(const MonitorOptions& options = MonitorOptions().every(1))
      : monitor(model, options), undisturbed(model, options) {
    model->eval();
  }

  void observe(Monitor& by, std::int64_t part = 0) {
    const auto tokens = text(4, 12, part);
    const auto observation = by.observe(kStep, tokens);
    model->forward(tokens);
  }
  void observe_both(std::int64_t part = 0) {
    observe(monitor, part);
    observe(undisturbed, part);
  }
  /// A step that goes well, so that it is known where a forward ends.
  void begin() {
    observe_both(20);
    require_same_values(*monitor.end_step(kStep), *undisturbed.end_step(kStep));
  }
  /// The forward throws in front of block 2 of 3, and out of the observation.
  void break_forward(std::int64_t part = 0) {
    model->breaks = 2;
    REQUIRE_THROWS_AS(observe(monitor, part), std::runtime_error);
    model->breaks = -1;
  }
  void require_undisturbed(std::int64_t tokens, const std::string& why) {
    const auto point = monitor.end_step(kStep);
    const auto expected = undisturbed.end_step(kStep);
    require_tokens(*point, tokens);
    require_same_values(*point, *expected);
    REQUIRE(point->reasons.at("tokens") == why);
    for (const auto& layer : point->layers) {
      REQUIRE(layer.reasons.at("tokens") == why);
    }
  }

  SmallGPT model{11, 16, 3};
  Monitor monitor;
  Monitor undisturbed;
};

}  // namespace

TEST_CASE("a forward that throws half-way and is retried counts once, in every layer", "[monitor][windows]") {
  Trainers trainers;
  SECTION("the first that was ever observed") {}
  SECTION("after one that went well") { trainers.begin(); }
  trainers.break_forward();
  trainers.break_forward();
  trainers.observe_both();
  trainers.require_undisturbed(48, kThrewTwice);
}

TEST_CASE("a micro-batch that breaks between others is taken out of all layers", "[monitor][windows]") {
  const std::int64_t window = GENERATE(1, 2);  // 2: every step is of a window, so that layers keep their memory
  Trainers trainers(MonitorOptions().every(window).window(window));
  if (window == 2) {
    trainers.begin();
    trainers.break_forward(5);
  }
  trainers.observe_both(1);
  trainers.break_forward(2);
  trainers.observe_both(3);
  if (window == 1) {
    trainers.break_forward(4);
  }
  trainers.require_undisturbed(96, kThrewTwice);
}

TEST_CASE("an exception behind the forward takes the micro-batch back while the observation lasts",
          "[monitor][windows]") {
  Trainers trainers;
  trainers.begin();
  const auto tokens = text(4, 12);
  const auto train = [&](bool breaks) {
    auto observation = trainers.monitor.observe(kStep, tokens);
    trainers.model->forward(tokens);
    if (breaks) {
      throw std::runtime_error("the criterion found a NaN");
    }
    return trainers.monitor.end_step(kStep);
  };
  REQUIRE_THROWS_AS(train(true), std::runtime_error);
  const auto point = train(false);
  require_tokens(*point, 48);
  REQUIRE(point->reasons.at("tokens") == kThrew);
}

TEST_CASE("an observation that ends in the handler of its exception is taken back", "[monitor][windows]") {
  Trainers trainers;
  trainers.begin();
  const auto tokens = text(4, 12);
  {
    auto observation = trainers.monitor.observe(kStep, tokens);
    auto elsewhere = std::move(observation);
    try {
      trainers.model->forward(tokens);
      throw std::runtime_error("the loss is not finite");
    } catch (const std::runtime_error&) {
      elsewhere.finish();
    }
  }
  trainers.observe_both();
  trainers.require_undisturbed(48, kThrew);
}

TEST_CASE("training that itself runs in a handler counts", "[monitor][windows]") {
  Trainers trainers;
  try {
    throw std::runtime_error("no GPU: train on the CPU");
  } catch (const std::runtime_error&) {
    trainers.observe_both();
    const auto point = trainers.monitor.end_step(kStep);
    require_same_values(*point, *trainers.undisturbed.end_step(kStep));
    REQUIRE(!point->reasons.contains("tokens"));
  }
}

TEST_CASE("a forward that ends early counts in no layer, whatever became of its exception", "[monitor][windows]") {
  Trainers trainers;
  SECTION("the first that was ever observed") {}
  SECTION("after one that went well") { trainers.begin(); }
  const auto tokens = text(4, 12, 1);
  for (int attempt = 0; attempt < 1; ++attempt) {
    const auto observation = trainers.monitor.observe(kStep, tokens);
    trainers.model->breaks = 2;
    try {
      trainers.model->forward(tokens);
    } catch (const std::runtime_error&) {
      continue;  // the handler is left before the observation ends
    }
  }
  trainers.model->breaks = -1;
  trainers.observe_both();
  trainers.require_undisturbed(48, kEndedEarly);
}

TEST_CASE("an attempt that fails and one that works in one observation are one forward", "[monitor][windows]") {
  Trainers trainers;
  trainers.begin();
  const auto tokens = text(4, 12);
  {
    const auto observation = trainers.monitor.observe(kStep, tokens);
    trainers.model->breaks = 2;
    try {
      trainers.model->forward(tokens);
    } catch (const std::runtime_error&) {
      trainers.model->breaks = -1;
    }
    trainers.model->forward(tokens);
  }
  trainers.observe(trainers.undisturbed);
  require_same_values(*trainers.monitor.end_step(kStep), *trainers.undisturbed.end_step(kStep));
}

TEST_CASE("discard takes a micro-batch back", "[monitor][windows]") {
  Trainers trainers;
  trainers.begin();
  const auto tokens = text(4, 12, 1);
  auto observation = trainers.monitor.observe(kStep, tokens);
  trainers.model->forward(tokens);
  observation.discard();
  REQUIRE_FALSE(static_cast<bool>(observation));
  observation.discard();  // nothing happens
  trainers.observe_both();
  trainers.require_undisturbed(48, "not counted: 48 tokens of step 2 (1 micro-batch), which discard() took back");
}

TEST_CASE("a step of which nothing counts has no point where its trainer knows, else one of NaN that says why",
          "[monitor][windows]") {
  Trainers trainers;
  trainers.begin();
  const auto tokens = text(4, 12);
  SECTION("it threw") {
    trainers.break_forward();
    REQUIRE_FALSE(trainers.monitor.end_step(kStep).has_value());
    trainers.observe_both();
    trainers.require_undisturbed(48, kThrew);
  }
  SECTION("the forward ended early, or did not run inside the observation") {
    auto observation = trainers.monitor.observe(kStep, tokens);
    const auto point = trainers.monitor.end_step(kStep);
    REQUIRE(point->tokens == 0);
    REQUIRE(point->layers.size() == 4);
    for (const auto& layer : point->layers) {
      REQUIRE(layer.tokens == 0);
      REQUIRE(std::isnan(layer.metrics.at("H(Z)")));
      REQUIRE(layer.reasons.at("H(Z)") == kEndedEarly);
    }
    REQUIRE(std::isnan(point->mean.at("H(Z)")));
    REQUIRE(point->reasons.at("tokens") == kEndedEarly);
  }
}

TEST_CASE("a model that is to end earlier from now on is looked over again", "[monitor][windows]") {
  Monitor monitor(MonitorOptions().every(1));
  const auto tokens = text(4, 12);
  const auto z = at::arange(4 * 12 * 8).sin().view({4, 12, 8});
  const auto forward = [&](int blocks) {
    const auto observation = monitor.observe(kStep, tokens);
    for (int block = 0; block < blocks; ++block) {
      infoplane::tap("blocks", z);
    }
    return *monitor.end_step(kStep);
  };
  REQUIRE(forward(3).tokens == 48);
  REQUIRE_THAT(forward(2).reasons.at("tokens"), ContainsSubstring("if it is to end there: rescan()"));
  monitor.rescan();
  const auto point = forward(2);
  require_tokens(point, 48);
  REQUIRE(point.layers.size() == 2);
}

TEST_CASE("a held-out forward that is retried counts once", "[monitor][windows]") {
  Trainers trainers;
  trainers.begin();
  const auto tokens = text(4, 12);
  const auto evaluate = [&] {
    const auto observation = trainers.monitor.observe_heldout(kStep, tokens);
    trainers.model->forward(tokens);
  };
  trainers.model->breaks = 1;
  REQUIRE_THROWS_AS(evaluate(), std::runtime_error);
  trainers.model->breaks = -1;
  evaluate();
  trainers.observe_both();
  const auto heldout = trainers.monitor.end_heldout(kStep);
  require_tokens(*heldout, 48);
  REQUIRE(heldout->reasons.at("tokens") == kThrew);
  const auto train = trainers.monitor.end_step(kStep);  // the other split knows nothing of it
  require_same_values(*train, *trainers.undisturbed.end_step(kStep));
  REQUIRE(train->reasons.empty());
}

TEST_CASE("a micro-batch of padding alone adds nothing", "[monitor][windows]") {
  Trainers trainers;
  const auto tokens = text(4, 12, 1);
  const auto padding = [&] {
    const auto observation =
        trainers.monitor.observe(kStep, tokens, {}, BatchDetails().mask(at::zeros({4, 12}, at::kBool)));
    trainers.model->forward(tokens);
  };
  padding();
  REQUIRE_FALSE(trainers.monitor.end_step(kStep).has_value());
  padding();
  trainers.observe_both();
  padding();
  const auto point = trainers.monitor.end_step(kStep);
  require_same_values(*point, *trainers.undisturbed.end_step(kStep));
  REQUIRE(!point->reasons.contains("tokens"));
}

TEST_CASE("a tap that comes in some forwards only is not where a forward ends", "[monitor][windows]") {
  Trainers trainers;
  const auto tokens = text(4, 12);
  for (const bool with_tap : {true, false}) {
    const auto observation = trainers.monitor.observe(kStep, tokens);
    trainers.model->forward(tokens);
    if (with_tap) {
      infoplane::tap("auxiliary.0", trainers.model->streams.back());
    }
  }
  const auto point = trainers.monitor.end_step(kStep);
  REQUIRE(!point->reasons.contains("tokens"));
  REQUIRE(point->layer("blocks.2")->tokens == 96);
  REQUIRE(point->layer("auxiliary.0")->tokens == 48);
}

TEST_CASE("the numbers of a model of taps begin anew where a forward broke", "[monitor][windows]") {
  Monitor monitor(MonitorOptions().every(1));
  const auto tokens = text(4, 12);
  const auto z = at::arange(4 * 12 * 8).sin().view({4, 12, 8});
  const auto forward = [&](int blocks) {
    const auto observation = monitor.observe(kStep, tokens);
    for (int block = 0; block < 3; ++block) {
      if (block == blocks) {
        throw std::runtime_error("out of memory");
      }
      infoplane::tap("blocks", z);
    }
  };
  forward(3);
  REQUIRE_THROWS_AS(forward(1), std::runtime_error);
  forward(3);
  const auto point = monitor.end_step(kStep);
  REQUIRE(point->layers.size() == 3);
  require_tokens(*point, 96);
}
