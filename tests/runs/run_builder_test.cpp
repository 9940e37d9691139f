#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <infoplane/core/hash.hpp>
#include <map>
#include <vector>

#include "runs/run_builder.hpp"
#include "runs/samples.hpp"

using infoplane::plane::Point;
using infoplane::runs::RunBuilder;
using infoplane::runs::RunFile;

namespace {

Point bare(std::int64_t step, const std::string& split, std::int64_t tokens = 0) {
  Point point;
  point.step = step;
  point.split = split;
  point.tokens = tokens;
  return point;
}

/// The rule as docs/run-file.md states it, word by word.
class Plain {
 public:
  void resume() { resumed_ = true; }
  void add(const Point& point) {
    const auto last = last_steps_.find(point.split);
    if (resumed_ && last != last_steps_.end() && point.step <= last->second) {
      std::erase_if(points, [&](const Point& old) { return old.split == point.split && old.step >= point.step; });
    }
    last_steps_[point.split] = point.step;
    points.push_back(point);
  }
  std::vector<Point> points;

 private:
  bool resumed_ = false;
  std::map<std::string, std::int64_t> last_steps_;
};

}  // namespace

TEST_CASE("points of resumed runs replace those that are told, in any order", "[runs]") {
  std::uint64_t state = 1;
  const auto below = [&](std::uint64_t bound) {
    return static_cast<std::int64_t>(infoplane::splitmix64(state++) % bound);
  };
  for (int trial = 0; trial < 300; ++trial) {
    RunFile run;
    RunBuilder builder(run, 0);
    builder.add(samples::header());
    Plain plain;
    std::map<std::string, std::int64_t> now;
    for (int i = 0; i < 60; ++i) {
      if (below(12) == 0) {
        builder.add(samples::header());
        plain.resume();
      }
      const auto split = std::string(1, static_cast<char>('a' + below(3)));
      now[split] += below(8) == 0 ? -below(12) : 1 + below(2);
      const auto point = bare(now[split], split, 60 * trial + i + 1);
      builder.add(point);
      plain.add(point);
      if (below(10) == 0) {
        builder.settle();
      }
    }
    builder.settle();
    REQUIRE(run.points.size() == plain.points.size());
    for (std::size_t i = 0; i < run.points.size(); ++i) {
      REQUIRE(run.points[i].tokens == plain.points[i].tokens);
    }
  }
}

TEST_CASE("going back costs what is replaced, not the run", "[runs]") {
  constexpr std::int64_t kMany = 200000;
  RunFile run;
  RunBuilder builder(run, 0);
  builder.add(samples::header());
  for (std::int64_t i = 0; i < kMany; ++i) {
    builder.add(bare(i, "train"));
  }
  builder.add(samples::header());
  for (std::int64_t i = kMany; i > 0; --i) {
    builder.add(bare(i, "heldout"));
  }
  builder.settle();
  REQUIRE(run.points.size() == kMany + 1);
  REQUIRE(run.points.back().step == 1);
}

TEST_CASE("the last point of each stream has its layers, and takes them along when the next one comes", "[runs]") {
  RunFile run;
  RunBuilder builder(run, 4);
  builder.add(samples::header());
  const auto with_layers = [&](const std::string& split) {
    std::vector<std::int64_t> steps;
    for (const auto& point : run.points) {
      if (point.split == split && !point.layers.empty()) {
        steps.push_back(point.step);
      }
    }
    return steps;
  };
  for (int i = 0; i < 11; ++i) {
    builder.add(samples::point(i, "train"));
    builder.add(samples::point(i, "heldout"));
    REQUIRE(with_layers("train").back() == i);
    REQUIRE(with_layers("train").front() == 0);
    REQUIRE(with_layers("train").size() <= 4);
    REQUIRE(with_layers("train") == with_layers("heldout"));
  }
  builder.lend("train", samples::point(10).layers);
  builder.lend("none", samples::point(10).layers);
  REQUIRE(with_layers("train") == with_layers("heldout"));
}
