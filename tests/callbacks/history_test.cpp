#include "callbacks/history.hpp"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "callbacks/noise.hpp"

using Catch::Approx;
using infoplane::callbacks::add;
using infoplane::callbacks::History;
using infoplane::callbacks::Mode;

TEST_CASE("a history keeps all checks in at most 128 means", "[callbacks]") {
  History history;
  for (int i = 0; i < 127; ++i) {
    REQUIRE(add(history, i, 0.2));
  }
  REQUIRE(history.means.size() == 127);
  REQUIRE(history.checks_a_mean == 1);
  REQUIRE(add(history, 127, 0.2));
  REQUIRE(history.means.size() == 64);
  REQUIRE(history.checks_a_mean == 2);
  REQUIRE(history.means[0] == 0.5);
  REQUIRE(history.means[63] == 126.5);
  REQUIRE(history.errors[5] == Approx(0.2 / std::sqrt(2)));
  REQUIRE_FALSE(add(history, 128, 0.2));
  REQUIRE(history.open == 1);
  REQUIRE(add(history, 130, 0.2));
  REQUIRE(history.means.back() == 129);
  REQUIRE(history.errors.back() == Approx(0.2 / std::sqrt(2)));
  for (int i = 131; i < 100000; ++i) {
    add(history, i, 0.2);
    REQUIRE(history.means.size() < 128);
  }
  double sum = history.sum;
  for (const double mean : history.means) {
    sum += mean * static_cast<double>(history.checks_a_mean);
  }
  REQUIRE(sum == Approx(99999.0 * 50000 - 129));  // one number was left out
}

TEST_CASE("what lies ahead is the line through the last half, with Student's error", "[callbacks]") {
  History history;
  for (int i = 0; i < 25; ++i) {
    add(history, 100, 0);  // the first half is not looked at
  }
  REQUIRE_FALSE(infoplane::callbacks::outlook(history, Mode::kMin));
  for (int i = 0; i < 24; ++i) {
    add(history, 3 - 0.01 * i + (i % 2 == 0 ? 0.1 : -0.1), 0);
    REQUIRE_FALSE(infoplane::callbacks::outlook(history, Mode::kMin));
  }
  add(history, 3 - 0.24 + 0.1, 0);
  const auto ahead = infoplane::callbacks::outlook(history, Mode::kMin);
  REQUIRE(ahead);
  REQUIRE(ahead->checks == 25);
  REQUIRE(ahead->gain == Approx(0.25));
  // 25 alternating residuals of 0.1 around their mean 0.004, 23 degrees of freedom, Σ x² = 1300; t(23) at 99 % 2.4999.
  REQUIRE(ahead->error == Approx(2.4999 * 25 * std::sqrt((25 * 0.01 - 25 * 0.004 * 0.004) / 23 / 1300)).epsilon(1e-3));
  REQUIRE(ahead->size == Approx(3 - 0.12 + 0.004));
  REQUIRE(infoplane::callbacks::outlook(history, Mode::kMax)->gain == Approx(-0.25));
}

TEST_CASE("residuals that go together make the line less certain", "[callbacks]") {
  History white;
  History slow;
  for (int i = 0; i < 100; ++i) {
    add(white, i % 2 == 0 ? 1 : -1, 0);
    add(slow, i / 5 % 2 == 0 ? 1 : -1, 0);
  }
  REQUIRE(infoplane::callbacks::outlook(slow, Mode::kMin)->error >
          1.8 * infoplane::callbacks::outlook(white, Mode::kMin)->error);
}

TEST_CASE("the error of what lies ahead holds over many runs of noise", "[callbacks]") {
  int beyond = 0;
  infoplane::test::Noise noise(3);
  for (int run = 0; run < 2000; ++run) {
    History history;
    double last = 0;
    for (int i = 0; i < 60; ++i) {
      last = (run % 2 == 0 ? 0 : 0.5) * last + noise();
      add(history, last, 0);
    }
    const auto ahead = infoplane::callbacks::outlook(history, Mode::kMin);
    beyond += ahead->gain + ahead->error < 0 ? 1 : 0;
  }
  REQUIRE(beyond < 60);  // of 2000, where 1 % was promised for white noise; half of these go together
}

TEST_CASE("a level is the mean over the last tenth, as certain as the scatter and the checks allow", "[callbacks]") {
  History history;
  for (int i = 0; i < 4; ++i) {
    add(history, 1, 0.3);
  }
  REQUIRE(infoplane::callbacks::level_of(history).value == 1);
  REQUIRE(infoplane::callbacks::level_of(history).error == 0.3);
  REQUIRE(infoplane::callbacks::level_of(history).scatter == 0);  // not known yet
  for (int i = 4; i < 40; ++i) {
    add(history, i % 2 == 0 ? 2 : 0, i < 30 ? 5 : 0.1);
  }
  const auto level = infoplane::callbacks::level_of(history);
  REQUIRE(level.value == 1);
  REQUIRE(level.scatter == Approx(1).epsilon(0.1));
  REQUIRE(level.error == Approx(level.scatter / 2));  // of four
}
