#include "progress_line.hpp"

#include <catch2/catch_test_macros.hpp>
#include <sstream>
#include <string>

namespace {

struct Progress {
  explicit Progress(std::int64_t total = 1600, bool shown = true) : line(total, shown, out, [this] { return now; }) {}

  /// What an update at that second writes.
  std::string at(double seconds, std::int64_t done) {
    now = seconds;
    out.str("");
    line.update(done);
    return out.str();
  }

  double now = 0;
  std::ostringstream out;
  train_text::ProgressLine line;
};

}  // namespace

TEST_CASE("on a terminal the progress line rewrites itself", "[examples]") {
  Progress progress;
  REQUIRE(progress.at(0, 0).empty());
  REQUIRE(progress.at(0.05, 1).empty());
  REQUIRE(progress.at(2, 40) == "\r\x1b[Kstep   40/1600    2 %  20.0 steps/s  1:18 left");
  REQUIRE(progress.at(2.05, 41).empty());
  REQUIRE(progress.at(10, 80) == "\r\x1b[Kstep   80/1600    5 %  8.00 steps/s  3:10 left");
  progress.out.str("");
  progress.line.finish();
  progress.line.finish();
  REQUIRE(progress.out.str() == "\r\x1b[K");
}

TEST_CASE("the rate is that of the last 30 seconds and begins where the loop does", "[examples]") {
  Progress progress(1'000'000);
  progress.at(0, 5000);
  for (int second = 1; second <= 100; ++second) {
    progress.at(second, 5000 + second);
  }
  REQUIRE(progress.at(101, 5101) == "\r\x1b[Kstep    5101/1000000    0 %  1.00 steps/s  276:21:39 left");
  for (int second = 102; second <= 140; ++second) {
    progress.at(second, 5101 + 10 * (second - 101));
  }
  REQUIRE(progress.at(141, 5501) == "\r\x1b[Kstep    5501/1000000    0 %  10.0 steps/s  27:37:30 left");
}

TEST_CASE("elsewhere there is no progress line", "[examples]") {
  Progress none(1600, false);
  none.at(0, 0);
  REQUIRE(none.at(100, 500).empty());
  none.line.finish();
  REQUIRE(none.out.str().empty());
}
