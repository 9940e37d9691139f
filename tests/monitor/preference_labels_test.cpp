#include <ATen/Functions.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/monitor/preference_labels.hpp>

#include "monitor/small_gpt.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::preference_labels;
using infoplane::ShapeError;

TEST_CASE("positions of a completion have the label of their row, others none", "[monitor]") {
  const auto completion = at::tensor({0, 0, 1, 1, 0, 1, 1, 0}, at::kInt).view({2, 4});
  const auto expected = at::tensor({-1, -1, 1, 1, -1, 0, 0, -1}, at::kLong).view({2, 4});
  const auto labels = preference_labels(at::tensor({1, 0}, at::kInt).to(at::kBool), completion);
  REQUIRE(labels.scalar_type() == at::kLong);
  REQUIRE(at::equal(labels, expected));
  REQUIRE(at::equal(preference_labels(at::tensor({7, 0}), completion.to(at::kBool)), expected));
  REQUIRE(preference_labels(at::ones({0}, at::kBool), at::ones({0, 4}, at::kBool)).sizes() == at::IntArrayRef{0, 4});
}

TEST_CASE("preferences that do not fit their completions are named with both shapes", "[monitor]") {
  const auto two = at::ones({2}, at::kBool);
  const auto fails = [](const at::Tensor& preferred, const at::Tensor& completion, const char* what) {
    REQUIRE_THROWS_MATCHES(preference_labels(preferred, completion), ShapeError,
                           MessageMatches(ContainsSubstring(what)));
  };
  fails(two, at::ones({3, 4}, at::kBool), "preferred has 2 rows and completion 3: give one preference a row");
  fails(two.unsqueeze(1), at::ones({2, 4}, at::kBool), "preferred must be [B], got [2, 1]");
  fails(two, two, "completion must be [B, T], got [2]");
  fails(two, at::ones({2, 4}), "completion must be bool or of integers, got Float");
  fails({}, at::ones({2, 4}, at::kBool), "preferred must be a tensor, got an undefined one");
}

TEST_CASE("preference information: none where completions are alike, all of the label where they are not",
          "[monitor]") {
  const int64_t rows = 64, length = 16, prompt = 4;
  infoplane::test::SmallGPT model(8, 16, 1);
  const auto preferred = at::arange(rows).remainder(2);
  auto completion = at::ones({rows, length}, at::kBool);
  completion.narrow(1, 0, prompt).fill_(false);
  const auto measure = [&](const at::Tensor& tokens) {
    infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(1));
    const auto observation = monitor.observe(
        1, tokens, {}, infoplane::BatchDetails().labels({{"preference", preference_labels(preferred, completion)}}));
    model->forward(tokens);
    return *monitor.end_step(1);
  };
  const auto text = at::arange(rows * length).view({rows, length}).mul(5).div(3, "floor").remainder(4);
  const auto alike = measure(text);
  const auto& none = alike.layers.at(0).metrics;
  REQUIRE(none.at("tokens/preference") == static_cast<double>(rows * (length - prompt)));
  REQUIRE(none.at("labels/preference") == 2);
  const double error = none.at("I(X;Z)/preference/standard_error");
  REQUIRE(std::abs(none.at("I(X;Z)/preference/corrected")) < 3 * error + 1e-3);

  // Other tokens in the preferred completions: the embedding says it all.
  const auto apart = measure(text + (preferred.unsqueeze(1) * completion.to(at::kLong)) * 4);
  const auto& all = apart.layers.at(0).metrics;
  REQUIRE(all.at("I(X;Z)/preference/corrected") > 10 * std::abs(none.at("I(X;Z)/preference/corrected")));
  REQUIRE(all.at("I(X;Z)/preference/corrected") > 0.02);
}
