#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/trust.hpp>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::estimator::trust;
using infoplane::estimator::TrustOptions;

namespace {

struct Made {
  at::Tensor z, says, says_nothing;
};

/// 64 sequences of 32 tokens, 16 dimensions; a cluster for each of 8 labels.
Made made() {
  const auto generator = at::detail::createCPUGenerator(5);
  const auto says = at::randint(8, {64, 32}, generator, at::kLong),
             nothing = at::randint(8, {64, 32}, generator, at::kLong);
  const auto clusters = at::randn({8, 16}, generator, at::kFloat);
  const auto noise = at::randn({64, 32, 16}, generator, at::kFloat);
  return {clusters.index_select(0, says.flatten()).view({64, 32, 16}) + noise, says, nothing};
}

}  // namespace

TEST_CASE("trust tells values that hold from labels that say nothing", "[estimator][trust]") {
  const auto data = made();
  const auto state = at::detail::getDefaultCPUGenerator().get_state();
  const auto sets = trust(data.z, {{"cluster", data.says}, {"nothing", data.says_nothing}});
  REQUIRE(at::equal(at::detail::getDefaultCPUGenerator().get_state(), state));
  REQUIRE(sets.size() == 2);
  const auto& says = sets[0];
  REQUIRE(says.name == "cluster");
  REQUIRE(says.value > 20 * says.error);
  REQUIRE(says.draw_spread > says.error);  // the largest noise between models
  REQUIRE(says.draw_spread < says.value / 4);
  REQUIRE(std::abs(says.half_bias) < 2 * says.error);
  for (const auto& set : sets) {
    CAPTURE(set.name);
    REQUIRE(set.half_cover > 0.7);
    REQUIRE(std::abs(set.shuffled_mean) < 0.003);
    REQUIRE(set.shuffled_error > set.shuffled_spread / 2);
    REQUIRE(set.shuffled_error < set.shuffled_spread * 2);
    REQUIRE(set.false_alarms < 0.25);
    REQUIRE(set.undefined == 0);
  }
  REQUIRE(std::abs(sets[1].value) < 4 * sets[1].error);
}

TEST_CASE("trust gives the same figures again, and says them in words", "[estimator][trust]") {
  const auto data = made();
  const auto options = TrustOptions().trials(4).draws(2);
  const auto once = to_text(trust(data.z, {{"cluster", data.says}}, options));
  REQUIRE(once == to_text(trust(data.z, {{"cluster", data.says}}, options)));
  REQUIRE(once != to_text(trust(data.z, {{"cluster", data.says}}, TrustOptions(options).seed(1))));
  REQUIRE_THAT(once, ContainsSubstring("cluster: 0.") && ContainsSubstring("between draws of the anchors") &&
                         ContainsSubstring("false alarms"));
}

TEST_CASE("trust refuses what it cannot try", "[estimator][trust]") {
  const auto data = made();
  const infoplane::estimator::NamedLabelTensors labels = {{"cluster", data.says}};
  REQUIRE_THROWS_MATCHES(trust(data.z.flatten(0, 1), labels), infoplane::ShapeError,
                         MessageMatches(ContainsSubstring("as [B, T, d], got [2048, 16]")));
  REQUIRE_THROWS_MATCHES(trust(data.z, {{"cluster", data.says.flatten()}}), infoplane::ShapeError,
                         MessageMatches(ContainsSubstring("labels as [B, T] = [64, 32], got cluster as [2048]")));
  REQUIRE_THROWS_AS(trust(data.z.slice(1, 0, 0), {{"cluster", data.says.slice(1, 0, 0)}}), infoplane::ShapeError);
  REQUIRE_THROWS_MATCHES(trust(data.z.slice(0, 0, 3), {{"cluster", data.says.slice(0, 0, 3)}}),
                         infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("at least 4 sequences to deal into halves, got 3")));
  REQUIRE_THROWS_MATCHES(trust(data.z, {}), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("at least one label set")));
  REQUIRE_THROWS_MATCHES(trust(data.z, labels, TrustOptions().trials(1)), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("got 1 and 8")));
}
