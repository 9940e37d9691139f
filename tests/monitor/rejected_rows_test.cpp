#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <limits>

#include "monitor/point_checks.hpp"

using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::plane::Point;
using infoplane::test::text;

namespace {

constexpr const char* kAll = "all 24 rows had NaN, infinity or norm 0";

/// [4, 6, 8], another for each site.
at::Tensor stream(double shift) { return (at::arange(4 * 6 * 8) * 0.37 + shift).sin().view({4, 6, 8}).to(at::kFloat); }

Point measure(Monitor& monitor, const at::Tensor& first, const at::Tensor& second, std::int64_t step = 1) {
  const auto observation = monitor.observe(step, text(4, 6));
  infoplane::tap("blocks.0", first);
  infoplane::tap("blocks.1", second);
  return *monitor.end_step(step);
}

}  // namespace

TEST_CASE("a layer of which no row is good says that, not that it did not come", "[monitor][messages]") {
  Monitor monitor(MonitorOptions().every(1));
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 0.0}) {
    const auto point = measure(monitor, at::full({4, 6, 8}, bad), stream(1));
    const auto* broken = point.layer("blocks.0");
    REQUIRE(broken->tokens == 0);
    REQUIRE(broken->rejected == 24);
    for (const auto* key : {"H(Z)", "I(X;Z)/input_unigram", "distance/unigram", "I(Y;Z)/output_bigram/corrected"}) {
      INFO(key);
      REQUIRE(std::isnan(broken->metrics.at(key)));
      REQUIRE(broken->reasons.at(key) == kAll);
    }
    REQUIRE(broken->reasons.at("tokens") == kAll);
    REQUIRE(point.layer("blocks.1")->reasons.find("tokens") == point.layer("blocks.1")->reasons.end());
    REQUIRE(point.layer("blocks.1")->tokens == 24);
    REQUIRE(std::isnan(point.mean.at("H(Z)")));
    REQUIRE(!point.reasons.contains("tokens"));  // nothing was dropped
  }
}

TEST_CASE("every layer of NaN, as of a run that diverged", "[monitor][messages]") {
  Monitor monitor(MonitorOptions().every(1));
  const auto point = measure(monitor, stream(0) * std::nan(""), stream(1) * std::nan(""));
  REQUIRE(point.tokens == 24);
  REQUIRE(point.layers.size() == 2);
  for (const auto& layer : point.layers) {
    REQUIRE(layer.reasons.at("H(Z)") == kAll);
  }
}

TEST_CASE("rows that are left out are counted, and the others measured", "[monitor][messages]") {
  auto some = stream(0);
  some[1].slice(0, 2, 5).fill_(std::nan(""));
  Monitor monitor(MonitorOptions().every(1));
  const auto point = measure(monitor, some, stream(1));
  const auto* layer = point.layer("blocks.0");
  REQUIRE(layer->tokens == 21);
  REQUIRE(layer->rejected == 3);
  REQUIRE(layer->reasons.at("tokens") == "3 of 24 rows had NaN, infinity or norm 0");
  REQUIRE(std::isfinite(layer->metrics.at("H(Z)")));
  REQUIRE_FALSE(layer->reasons.contains("H(Z)"));
}

TEST_CASE("a layer that did not come says so", "[monitor][messages]") {
  Monitor monitor(MonitorOptions().every(1));
  measure(monitor, stream(0), stream(1));
  const auto observation = monitor.observe(2, text(4, 6));
  infoplane::tap("blocks.1", stream(1));
  const auto point = *monitor.end_step(2);
  REQUIRE(point.layer("blocks.0")->rejected == 0);
  REQUIRE(point.layer("blocks.0")->reasons.at("H(Z)").starts_with("the site did not come at this step"));
}
