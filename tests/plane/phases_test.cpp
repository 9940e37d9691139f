#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cmath>
#include <cstdlib>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/phases.hpp>
#include <limits>

#include "plane/made_trajectories.hpp"

using Catch::Approx;
using Catch::Matchers::Message;
using infoplane::Trajectory;
using infoplane::plane::Phase;
using infoplane::plane::PhaseKind;
using infoplane::plane::PhaseOptions;
using infoplane::plane::phases;
using infoplane::test::made;
using infoplane::test::tent;

namespace {

std::vector<PhaseKind> decided(const std::vector<Phase>& all) {
  std::vector<PhaseKind> kinds;
  for (const auto& each : all) {
    if (each.kind != PhaseKind::kUndecided) {
      kinds.push_back(each.kind);
    }
  }
  return kinds;
}

const Phase& first_of(const std::vector<Phase>& all, PhaseKind kind) {
  for (const auto& each : all) {
    if (each.kind == kind) {
      return each;
    }
  }
  FAIL("no such phase");
  std::abort();
}

void require_a_cover(const std::vector<Phase>& all, std::int64_t last) {
  REQUIRE(all.front().first_step == 0);
  REQUIRE(all.back().last_step == last);
  for (std::size_t i = 1; i < all.size(); ++i) {
    REQUIRE(all[i].first_step == all[i - 1].last_step);
  }
}

}  // namespace

TEST_CASE("expansion, then compression, with the step of the turn", "[plane]") {
  for (const double noise : {0.0, 0.005, 0.01}) {
    for (const double turn : {8.0, 20.0, 30.0}) {
      for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(noise, turn, seed);
        const auto found = phases(made(
            41, [&](double i) { return tent(i, turn, 40); }, noise, seed));
        require_a_cover(found, 400);
        REQUIRE(decided(found) == std::vector{PhaseKind::kExpansion, PhaseKind::kCompression});
        const auto& expansion = first_of(found, PhaseKind::kExpansion);
        const auto& compression = first_of(found, PhaseKind::kCompression);
        REQUIRE(std::abs(static_cast<double>(expansion.last_step) - 10 * turn) <= 50 + 2000 * noise);
        REQUIRE(std::abs(static_cast<double>(compression.first_step) - 10 * turn) <= 50 + 6000 * noise);
        REQUIRE(expansion.complexity.evidence() > 4);
        REQUIRE(compression.complexity.evidence() < -4);
        REQUIRE(compression.complexity.value == Approx(-0.3).margin(0.02 + 8 * noise));
        REQUIRE(compression.expressivity.value == Approx(compression.complexity.value / 2).margin(8 * noise + 1e-9));
      }
    }
  }
}

TEST_CASE("a fall of the untrained net, expansion, a plateau, compression, a plateau", "[plane]") {
  const auto f = [](double i) {
    return i < 3    ? 0.23 - 0.2 * i / 3
           : i < 15 ? 0.03 + 0.4 * (i - 3) / 12
           : i < 40 ? 0.43
           : i < 60 ? 0.43 - 0.01 * (i - 40)
                    : 0.23;
  };
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    const auto found = phases(made(90, f, 0.004, seed));
    require_a_cover(found, 890);
    REQUIRE(decided(found) == std::vector{PhaseKind::kCompression, PhaseKind::kExpansion, PhaseKind::kCompression});
    REQUIRE(found.back().kind == PhaseKind::kUndecided);
    REQUIRE(std::abs(found.back().first_step - 600) <= 60);
    const auto& expansion = first_of(found, PhaseKind::kExpansion);
    REQUIRE(std::abs(expansion.first_step - 30) <= 10);
    REQUIRE(std::abs(expansion.last_step - 150) <= 30);
  }
}

TEST_CASE("noise alone is no phase", "[plane]") {
  for (const std::size_t points : {6U, 20U, 100U}) {
    int wrong = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      wrong += decided(phases(made(
                           points, [](double) { return 0.3; }, 0.01, seed)))
                       .empty()
                   ? 0
                   : 1;
    }
    CAPTURE(points, wrong);
    REQUIRE(wrong <= (points < 10 ? 20 : 6));
  }
}

TEST_CASE("what is too short or too small is not decided", "[plane]") {
  REQUIRE(phases(Trajectory()).empty());
  const auto four = phases(made(4, [](double i) { return i; }));
  REQUIRE(four.size() == 1);
  REQUIRE(four[0].kind == PhaseKind::kUndecided);
  REQUIRE(four[0].last_step == 30);
  REQUIRE(four[0].complexity.evidence() == 0);
  const auto small = phases(made(
      41, [](double i) { return 0.3 + 0.0001 * i; }, 0.01));
  REQUIRE(decided(small).empty());
  REQUIRE(small.size() == 1);
  const auto rising = phases(made(
      41, [](double i) { return 0.01 * i; }, 0.001));
  REQUIRE(decided(rising) == std::vector{PhaseKind::kExpansion});
  // More evidence may be asked for.
  REQUIRE(decided(phases(made(
                             41, [](double i) { return 0.01 * i; }, 0.001),
                         PhaseOptions().evidence(1e6)))
              .empty());
}

TEST_CASE("phases go by the corrected complexity where there is one", "[plane]") {
  Trajectory trajectory;
  for (int i = 0; i <= 40; ++i) {
    infoplane::plane::Point point;
    point.step = i;
    const double undefined = std::numeric_limits<double>::quiet_NaN();
    point.mean = {{"I(X;Z)/input_bigram", 0.3 + 0.005 * i},
                  {"I(X;Z)/input_bigram/corrected", i < 3 ? undefined : 0.3 - 0.005 * i},
                  {"I(Y;Z)/output_bigram", 0.1}};
    trajectory.append(point);
  }
  const auto found = phases(trajectory, PhaseOptions().order("bigram"));
  REQUIRE(decided(found) == std::vector{PhaseKind::kCompression});
  REQUIRE(found.front().first_step >= 3);
}

TEST_CASE("phases never fall back on plug-in values where the corrected ones are undefined", "[plane]") {
  Trajectory trajectory;
  const double undefined = std::numeric_limits<double>::quiet_NaN();
  for (int i = 0; i <= 40; ++i) {
    infoplane::plane::Point point;
    point.step = i;
    point.mean = {{"I(X;Z)/input_unigram", 0.3 + 0.005 * i},
                  {"I(X;Z)/input_unigram/corrected", i < 30 ? undefined : 0.3 - 0.005 * i},
                  {"I(Y;Z)/output_unigram", 0.1}};
    trajectory.append(point);
  }
  REQUIRE(decided(phases(trajectory)) == std::vector{PhaseKind::kCompression});  // the plug-in values rise
  Trajectory nowhere;
  for (auto point : trajectory.points()) {
    point.mean["I(X;Z)/input_unigram/corrected"] = undefined;
    nowhere.append(point);
  }
  const auto found = phases(nowhere);
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].kind == PhaseKind::kUndecided);
  REQUIRE(found[0].last_step == 40);
}

TEST_CASE("one layer at a time, and an order that was not measured", "[plane]") {
  const auto trajectory = made(41, [](double i) { return tent(i, 20, 40); });
  REQUIRE(decided(phases(trajectory, PhaseOptions().layer("blocks.0"))).size() == 2);
  REQUIRE_THROWS_MATCHES(phases(trajectory, PhaseOptions().layer("blocks.9")), infoplane::ArgumentError,
                         Message("no point of the trajectory has a defined I(X;Z)/input_unigram of blocks.9: phases "
                                 "need the label sets input_unigram and output_unigram"));
  REQUIRE_THROWS_AS(phases(trajectory, PhaseOptions().order("trigram")), infoplane::ArgumentError);
  REQUIRE(to_string(PhaseKind::kExpansion) == std::string("expansion"));
  REQUIRE(to_string(PhaseKind::kCompression) == std::string("compression"));
  REQUIRE(to_string(PhaseKind::kUndecided) == std::string("not decided"));
}

TEST_CASE("phases say where complexity goes with the mean direction", "[plane][direction]") {
  const auto with_direction = [](double from, double to, double noise) {
    Trajectory result;
    const auto plain = made(
        41, [](double i) { return tent(i, 20, 40); }, 0.002);
    for (auto point : plain.points()) {
      const double t = static_cast<double>(point.step) / 400;
      const double wave = point.step % 20 == 0 ? noise : -noise;
      point.mean["mean_direction"] = from + (to - from) * t + wave;
      result.append(point);
    }
    return phases(result);
  };
  const auto grows = with_direction(0.2, 0.6, 0.001);
  const auto& compression = first_of(grows, PhaseKind::kCompression);
  REQUIRE(compression.mean_direction.value > 0.1);
  REQUIRE(compression.mean_direction.evidence() > 4);
  REQUIRE(compression.goes_with_direction());
  REQUIRE_FALSE(first_of(grows, PhaseKind::kExpansion).goes_with_direction());  // both rise
  const auto shrinks = with_direction(0.6, 0.2, 0.001);
  REQUIRE(first_of(shrinks, PhaseKind::kExpansion).goes_with_direction());
  REQUIRE_FALSE(first_of(shrinks, PhaseKind::kCompression).goes_with_direction());
  for (const auto& phase : with_direction(0.2, 0.21, 0.001)) {  // less than matters
    REQUIRE_FALSE(phase.goes_with_direction());
  }
  for (const auto& phase : with_direction(0.2, 0.3, 0.05)) {  // within its noise
    REQUIRE_FALSE(phase.goes_with_direction());
  }
  for (const auto& phase : phases(made(41, [](double i) { return tent(i, 20, 40); }))) {  // not measured
    REQUIRE(std::isnan(phase.mean_direction.value));
    REQUIRE_FALSE(phase.goes_with_direction());
  }
}
