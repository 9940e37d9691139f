#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/report/plane_table.hpp>
#include <limits>
#include <sstream>

#include "runs/samples.hpp"

using Catch::Matchers::Message;
using infoplane::report::layer_table;
using infoplane::report::plane_table;
using infoplane::report::PlaneTableOptions;

namespace {

/// Without the line feed that a raw literal begins with here.
std::string_view lines(std::string_view literal) { return literal.substr(1); }

}  // namespace

TEST_CASE("the trajectory shows both streams side by side", "[report]") {
  auto undefined = samples::point(1600, "heldout");
  undefined.mean["distance/unigram"] = std::numeric_limits<double>::quiet_NaN();
  undefined.loss = 12345.678;
  // heldout comes first here: the order of the columns is fixed
  const auto table = plane_table({samples::point(50, "heldout"), samples::point(50), samples::point(100), undefined});
  REQUIRE(table == lines(R"(
                        loss  complexity (plug-in)  expressivity (plug-in)  optimality (plug-in)  distance (plug-in)
    step      train  heldout        train  heldout          train  heldout        train  heldout      train  heldout
      50     2.0431   2.0431       0.2500   0.2500         0.1000   0.1000       0.4000   0.4000     0.6000   0.6000
     100     2.0431        -       0.2500        -         0.1000        -       0.4000        -     0.6000        -
    1600          - 1.23e+04            -   0.2500              -   0.1000            -   0.4000          -      nan
)"));
}

TEST_CASE("one stream has one column, and an order that wasn't measured is empty", "[report]") {
  REQUIRE(plane_table({samples::point(50)}, PlaneTableOptions().order("bigram")) == lines(R"(
                  loss    complexity  expressivity    optimality      distance
    step         train         train         train         train         train
      50        2.0431             -             -             -             -
)"));
  REQUIRE(plane_table({}) == "no points\n");
}

TEST_CASE("the gap to the curve has a column where a point has it", "[report]") {
  auto known = samples::point(100);
  known.mean["curve_gap/unigram"] = -0.0123;
  REQUIRE(plane_table({samples::point(50), known}) == lines(R"(
                  loss  complexity (plug-in)  expressivity (plug-in)  optimality (plug-in)  distance (plug-in)  curve gap (plug-in)
    step         train                 train                   train                 train               train                train
      50        2.0431                0.2500                  0.1000                0.4000              0.6000                    -
     100        2.0431                0.2500                  0.1000                0.4000              0.6000              -0.0123
)"));
}

TEST_CASE("a long trajectory is thinned to rows that hold the first and the last step", "[report]") {
  std::vector<infoplane::plane::Point> points;
  for (int step = 0; step <= 1600; step += 50) {
    points.push_back(samples::point(step, "a stream of its own"));
  }
  for (const int rows : {0, 2, 3, 7, 32, 33, 100}) {
    CAPTURE(rows);
    std::istringstream table(plane_table(points, PlaneTableOptions().max_rows(rows)));
    std::string line;
    std::vector<int> steps;
    std::getline(table, line);
    const auto width = line.size();
    while (std::getline(table, line)) {
      REQUIRE(line.size() == width);
      if (line.find("step") == std::string::npos) {
        steps.push_back(std::stoi(line));
      }
    }
    REQUIRE(steps.size() == static_cast<std::size_t>(rows == 0 || rows > 33 ? 33 : rows));
    REQUIRE(steps.front() == 0);
    REQUIRE(steps.back() == 1600);
    REQUIRE(std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) == steps.end());
  }
  REQUIRE_THROWS_MATCHES(plane_table(points, PlaneTableOptions().max_rows(1)), infoplane::ArgumentError,
                         Message("a table of at most 1 rows cannot hold the first and the last step: give 0 for all, "
                                 "or at least 2"));
}

TEST_CASE("a point by layer ends with the mean over the blocks", "[report]") {
  auto made = samples::point(1600, "heldout");
  made.layers[0].metrics["I(X;Z)/input_unigram"] = 0.5;
  made.layers[1].name = "a layer with a long name";
  REQUIRE(layer_table(made) == lines(R"(
heldout, step 1600, unigram, as efficiencies (nats / log m)
layer                     complexity (plug-in)  expressivity (plug-in)  optimality (plug-in)  distance (plug-in)  H(Z) (plug-in)    tokens
embedding                               0.5000                  0.1000                0.4000              0.6000          0.9000     16384
a layer with a long name                0.2500                  0.1000                0.4000              0.6000          0.9000     16380
mean over blocks                        0.2500                  0.1000                0.4000              0.6000          0.9000
)"));
}
