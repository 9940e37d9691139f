#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <memory>
#include <sstream>

#include "monitor/point_checks.hpp"
#include "monitor/signals.hpp"
#include "monitor/site_groups.hpp"

// Sites of several widths in one point.
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::BatchDetails;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::SharedSite;
using infoplane::plane::Point;
using infoplane::test::signal_of;

namespace {

struct Recorder : infoplane::sinks::Sink {
  Recorder() : Sink("recorder") {}
  void write_header(const infoplane::runs::RunHeader& given) override { header = given; }
  void write_point(const Point& given) override { points.push_back(given); }
  infoplane::runs::RunHeader header;
  std::vector<Point> points;
};

/// Stages of widths 8 and 16, the second with a quarter of the positions, as where patches are merged.
void forward(const at::Tensor& y, double noise = 0.7) {
  infoplane::tap("stages.0", signal_of(y, 16, noise, 8));
  infoplane::tap("stages.1", signal_of(y, 4, noise, 16));
  infoplane::tap("stages.2", signal_of(y, 4, noise / 2, 16));
}

Point observe(Monitor& monitor, std::int64_t step, const at::Tensor& y) {
  const auto observation = monitor.observe(step, BatchDetails().outputs({{"class", y}}));
  forward(y);
  return *monitor.end_step(step);
}

}  // namespace

TEST_CASE("sites of other widths are groups of their own, with their own means", "[monitor][groups]") {
  const auto y = at::arange(64).remainder(4);
  Monitor monitor(MonitorOptions().every(1));
  const auto sink = std::make_shared<Recorder>();
  monitor.add_sink(sink);
  const auto point = observe(monitor, 0, y);
  REQUIRE(point.groups.size() == 2);
  CHECK(point.groups[0].name == "d8");
  CHECK(point.groups[1].name == "d16");
  CHECK(point.groups[0].metrics.at("share/class") == point.layer("stages.0")->metrics.at("share/class"));
  CHECK(point.groups[1].metrics.at("share/class") ==
        (point.layer("stages.1")->metrics.at("share/class") + point.layer("stages.2")->metrics.at("share/class")) / 2);
  infoplane::test::require_same_bits(point.mean, point.groups[1].metrics);  // of the most blocks
  CHECK(sink->header.width == 16);
  CHECK(sink->header.site_groups.at("stages.0") == "d8");
  CHECK(sink->header.site_groups.at("stages.2") == "d16");
  // Each as a monitor of its own has it.
  Monitor alone(MonitorOptions().every(1).sites("stages.0"));
  const auto own = observe(alone, 0, y);
  infoplane::test::require_same_bits(own.layer("stages.0")->metrics, point.layer("stages.0")->metrics);
  CHECK(own.groups.empty());
}

TEST_CASE("a rule may watch the mean of a group", "[monitor][groups]") {
  const auto y = at::arange(64).remainder(4);
  Monitor monitor(MonitorOptions().every(1));
  infoplane::EarlyStopping stopping(
      infoplane::EarlyStoppingOptions().monitor("distance/class").layer("d8").stopping_threshold(1.0));
  CHECK(stopping.update(observe(monitor, 0, y)));
}

TEST_CASE("a state goes on with several widths", "[monitor][groups][state]") {
  const auto y = at::arange(64).remainder(4);
  const auto options = MonitorOptions().every(4).window(4);
  Monitor whole(options), resumed(options);
  const auto step = [&](Monitor& monitor, std::int64_t number) {
    const auto observation = monitor.observe(number, BatchDetails().outputs({{"class", y}}));
    forward(y, 0.5 + 0.1 * static_cast<double>(number));
    return monitor.end_step(number);
  };
  step(whole, 1);
  step(whole, 2);
  std::stringstream state;
  whole.save(state);
  resumed.load(state);
  step(whole, 3);
  step(resumed, 3);
  const auto expected = *step(whole, 4), point = *step(resumed, 4);
  REQUIRE(point.layers.size() == 3);
  for (std::size_t i = 0; i < point.layers.size(); ++i) {
    infoplane::test::require_same_bits(point.layers[i].metrics, expected.layers[i].metrics);
  }
}

TEST_CASE("a site keeps its width", "[monitor][groups][messages]") {
  const auto y = at::arange(64).remainder(4);
  Monitor monitor(MonitorOptions().every(2).window(2));
  const auto see = [&](std::int64_t step, std::int64_t width) {
    const auto observation = monitor.observe(step, BatchDetails().outputs({{"class", y}}));
    infoplane::tap("blocks", signal_of(y, 4, 0.5, width));
  };
  see(1, 8);
  monitor.end_step(1);
  see(2, 16);
  CHECK_THROWS_MATCHES(monitor.end_step(2), infoplane::SiteError,
                       MessageMatches(ContainsSubstring("is 16 wide, and was 8 before")));
}

TEST_CASE("groups by row of tokens and width, and which of them is the main one", "[monitor][groups]") {
  using infoplane::groups_of;
  const std::vector<SharedSite> one = {
      {"embedding", -1, "", 8, ""}, {"blocks.0", 0, "", 8, ""}, {"tap", -2, "", 0, ""}};
  REQUIRE(groups_of(one).size() == 1);
  CHECK(groups_of(one)[0].name.empty());
  CHECK(groups_of(one)[0].sites == std::vector<std::size_t>{0, 1});
  CHECK(main_group(groups_of(one), one) == 0);
  const std::vector<SharedSite> both = {{"a.0", 0, "", 8, "*encoder*"},
                                        {"a.1", 1, "", 8, "*encoder*"},
                                        {"b.0", 0, "", 16, "decoder.*"},
                                        {"b.1", 1, "", 16, "decoder.*"}};
  REQUIRE(groups_of(both).size() == 2);
  CHECK(groups_of(both)[0].name == "encoder d8");
  CHECK(groups_of(both)[1].name == "decoder d16");
  CHECK(main_group(groups_of(both), both) == 1);
  const std::vector<SharedSite> none = {{"a", -2, "", 8, ""}};
  CHECK(main_group(groups_of(none), none) == 1);
}
