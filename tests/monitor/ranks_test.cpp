#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/local.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <memory>
#include <sstream>

#include "distributed/thread_ranks.hpp"
#include "monitor/compare_points.hpp"
#include "monitor/rank_layouts.hpp"
#include "monitor/rank_steps.hpp"
#include "runs/samples.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::distributed::Communicator;
using infoplane::plane::Point;
using infoplane::test::activations_of;
using infoplane::test::compare_points;
using infoplane::test::run_layout;
using infoplane::test::same_points;
using infoplane::test::step_of;
using infoplane::test::tokens_of;

namespace {

std::shared_ptr<Communicator> borrowed(Communicator& communicator) {
  return {std::shared_ptr<Communicator>(), &communicator};
}

std::vector<std::vector<Point>> points_of(const std::string& layout, int ranks) {
  std::vector<std::vector<Point>> points(static_cast<std::size_t>(ranks));
  infoplane::test::run_thread_ranks(ranks, [&](Communicator& communicator) {
    points.at(static_cast<std::size_t>(communicator.rank())) = run_layout(layout, borrowed(communicator));
  });
  return points;
}

std::string message_of(const std::exception_ptr& thrown) {
  if (!thrown) {
    return "nothing was thrown";
  }
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// The messages of ranks that are to fail alike.
std::string common_message(int ranks, const std::function<void(Communicator&)>& body) {
  const auto thrown = infoplane::test::try_thread_ranks(ranks, body);
  for (const auto& each : thrown) {
    CHECK(message_of(each) == message_of(thrown[0]));
  }
  return message_of(thrown[0]);
}

struct Recorder : infoplane::sinks::Sink {
  Recorder() : Sink("recorder") {}
  void write_header(const infoplane::runs::RunHeader& header) override { headers.push_back(header); }
  void write_point(const Point& point) override { points.push_back(point); }
  std::vector<infoplane::runs::RunHeader> headers;
  std::vector<Point> points;
};

}  // namespace

TEST_CASE("each layout gives the plane of one process, on every rank", "[monitor][distributed]") {
  const auto expected = run_layout("data", nullptr);
  REQUIRE(expected.size() == 2);
  REQUIRE(expected[1].layers.size() == 5);
  for (const std::string layout : {"data", "tensor", "context", "pipeline"}) {
    for (const int ranks : {2, 3, 4}) {
      CAPTURE(layout, ranks);
      const auto points = points_of(layout, ranks);
      // One rank of a tensor group, and each stage of a pipeline, sees all tokens of its layers.
      const std::string wrong = compare_points(points[0], expected, layout == "tensor");
      CAPTURE(wrong);
      CHECK(wrong.empty());
      for (const auto& other : points) {
        CHECK(same_points(other, points[0]));
      }
      CHECK(points[0].at(0).bytes_sent > 0);
      CHECK(same_points(points_of(layout, ranks)[0], points[0]));  // the same on every run
    }
  }
}

TEST_CASE("a world of one is a monitor without ranks", "[monitor][distributed]") {
  const auto expected = run_layout("data", nullptr);
  CHECK(same_points(run_layout("data", std::make_shared<infoplane::distributed::Local>()), expected));
  CHECK(expected[0].bytes_sent == 0);
}

TEST_CASE("only rank 0 writes, the loss is the mean, and nothing is sent between the points",
          "[monitor][distributed]") {
  const samples::Folder folder;
  std::vector<std::shared_ptr<Recorder>> recorders(3);
  std::vector<std::int64_t> quiet(3, -1);
  std::vector<double> losses(3, 0);
  infoplane::test::run_thread_ranks(3, [&](Communicator& communicator) {
    const auto rank = static_cast<std::size_t>(communicator.rank());
    Monitor monitor(MonitorOptions().every(4).window(2), borrowed(communicator));
    recorders[rank] = std::make_shared<Recorder>();
    monitor.add_sink(recorders[rank]);
    int opened = 0;
    struct Counting : Recorder {
      explicit Counting(int& count) : opened(count) {}
      void open_output() override { ++opened; }
      int& opened;
    };
    monitor.add_sink(Counting(opened));
    const auto file = folder.file("rank" + std::to_string(rank) + ".jsonl");
    monitor.add_sink(infoplane::JsonLinesSink(file));
    if (opened != (rank == 0 ? 1 : 0) || std::filesystem::exists(file) != (rank == 0) ||
        monitor.rank() != static_cast<int>(rank) || monitor.world_size() != 3) {
      throw std::runtime_error("a sink on the wrong rank");
    }
    losses[rank] = step_of(monitor, 0, static_cast<double>(rank))->loss;
    const std::int64_t before = communicator.bytes_sent();
    for (std::int64_t step = 1; step < 4; ++step) {
      step_of(monitor, step, 0);
    }
    quiet[rank] = communicator.bytes_sent() - before;
    step_of(monitor, 4, 0);
    const auto observation = monitor.observe_heldout(4, tokens_of(1));
    infoplane::tap("blocks.0", activations_of(tokens_of(1), 0));
    infoplane::tap("blocks.1", activations_of(tokens_of(1), 0));
    if (!std::isnan(monitor.end_heldout(4)->loss)) {
      throw std::runtime_error("a loss that nobody gave");
    }
  });
  for (std::size_t rank = 0; rank < 3; ++rank) {
    CHECK(losses[rank] == 1);
    CHECK(quiet[rank] == 0);
    CHECK(recorders[rank]->points.size() == (rank == 0 ? 3 : 0));
    CHECK(recorders[rank]->headers.size() == (rank == 0 ? 1 : 0));
  }
  CHECK(recorders[0]->headers.at(0).world_size == 3);
  CHECK(recorders[0]->points.at(2).split == "heldout");
}

TEST_CASE("other options on a rank are one error on all", "[monitor][distributed]") {
  const auto with = [](const std::function<void(MonitorOptions&)>& change) {
    return common_message(3, [&change](Communicator& communicator) {
      auto options = MonitorOptions().every(2);
      if (communicator.rank() == 2) {
        change(options);
      }
      Monitor monitor(options, borrowed(communicator));
      step_of(monitor, 0, 1);
    });
  };
  using infoplane::estimator::Calibration;
  using infoplane::estimator::SoftEntropyOptions;
  CHECK(with([](auto& o) { o.window(2); }) ==
        "ranks 0 and 2 differ in window (0 and 2): give the monitor of every rank the same options");
  CHECK_THAT(with([](auto& o) { o.estimator(SoftEntropyOptions().anchors(50)); }), ContainsSubstring("m (100 and 50)"));
  CHECK_THAT(with([](auto& o) { o.estimator(SoftEntropyOptions().seed(9)); }), ContainsSubstring("seed (0 and 9)"));
  CHECK_THAT(with([](auto& o) { o.estimator(SoftEntropyOptions().calibration(Calibration::find_eps())); }),
             ContainsSubstring("calibration (exact and find_eps)"));
  CHECK_THAT(with([](auto& o) {
               o.labels(infoplane::labels::LabelOptions().input_orders({1, 3}));
             }),
             ContainsSubstring("input orders (1, 2 and 1, 3)"));
  CHECK_THAT(with([](auto& o) { o.sites("blocks.1"); }),
             ContainsSubstring("number of sites (2 and 1), sites (blocks.0, blocks.1 and blocks.1)"));
}

TEST_CASE("ranks that differ get no point, however often they try", "[monitor][distributed]") {
  const std::string differ =
      "ranks 0 and 2 differ in window (1 and 2): give the monitor of every rank the same options";
  const auto with_window = [](Communicator& communicator) {
    return Monitor(MonitorOptions().every(2).window(communicator.rank() == 2 ? 2 : 1), borrowed(communicator));
  };
  CHECK(common_message(3, [&](Communicator& communicator) {
          auto monitor = with_window(communicator);
          for (int attempt = 0; attempt < 2; ++attempt) {
            try {
              step_of(monitor, 2 * attempt, 1);
            } catch (const infoplane::ArgumentError&) {
              continue;  // a loop that goes on as if nothing was
            }
            throw std::runtime_error("a point of ranks that differ");
          }
          step_of(monitor, 4, 1);
        }) == differ);
  // Ranks that first meet at different steps have said their options by that, and are compared when they meet again.
  CHECK(common_message(3, [&](Communicator& communicator) {
          auto monitor = with_window(communicator);
          try {
            step_of(monitor, communicator.rank() == 1 ? 2 : 0, 1);
          } catch (const infoplane::StateError& error) {
            if (std::string(error.what()).find("ranks end different steps") == std::string::npos) {
              throw;
            }
          }
          step_of(monitor, 4, 1);
        }) == differ);
}

TEST_CASE("what goes wrong on one rank is the same error on all, and the next point comes", "[monitor][distributed]") {
  std::vector<std::optional<Point>> after(2);
  const std::string message = common_message(2, [&](Communicator& communicator) {
    Monitor monitor(MonitorOptions().every(2).window(2), borrowed(communicator));
    step_of(monitor, 0, 1);
    const at::Tensor tokens = tokens_of(1);
    {
      const auto observation = monitor.observe(1, tokens);  // not a logged step: the error waits for one
      infoplane::tap("blocks.0", communicator.rank() == 1 ? at::ones({3, 5, 8}) : activations_of(tokens, 0));
      infoplane::tap("blocks.1", activations_of(tokens, 0));
    }
    if (monitor.end_step(1, 0.5)) {
      throw std::runtime_error("step 1 is no logged step");
    }
    try {
      step_of(monitor, 2, 1);
    } catch (const infoplane::StateError&) {
      step_of(monitor, 3, 1);
      after.at(static_cast<std::size_t>(communicator.rank())) = step_of(monitor, 4, 1);
      throw;
    }
  });
  CHECK_THAT(message, ContainsSubstring("step 2 of train failed on rank 1: site \"blocks.0\" fired with shape [3, 5, "
                                        "8]"));
  REQUIRE(after[0].has_value());
  CHECK(after[0]->tokens == 2 * 2 * 48);
}

TEST_CASE("a rank that ends another step or stream is an error on all", "[monitor][distributed]") {
  CHECK_THAT(common_message(2,
                            [](Communicator& communicator) {
                              Monitor monitor(MonitorOptions().every(2), borrowed(communicator));
                              step_of(monitor, 0, 1);
                              step_of(monitor, communicator.rank() == 1 ? 4 : 2, 1);
                            }),
             ContainsSubstring("ranks end different steps: rank 0 is at step 2 of train, rank 1 at step 4 of train"));
  CHECK_THAT(common_message(2,
                            [](Communicator& communicator) {
                              Monitor monitor(MonitorOptions().every(2), borrowed(communicator));
                              step_of(monitor, 0, 1);
                              if (communicator.rank() == 1) {
                                monitor.end_heldout(0);
                              } else {
                                step_of(monitor, 2, 1);
                              }
                            }),
             ContainsSubstring("rank 0 is at step 2 of train, rank 1 at step 0 of heldout"));
}

TEST_CASE("activations that are NaN on one rank are counted on all", "[monitor][distributed]") {
  std::vector<std::optional<Point>> points(2);
  infoplane::test::run_thread_ranks(2, [&](Communicator& communicator) {
    Monitor monitor(MonitorOptions().every(2), borrowed(communicator));
    const bool broken = communicator.rank() == 1;
    const double nan = std::nan("");
    points.at(static_cast<std::size_t>(communicator.rank())) =
        step_of(monitor, 0, broken ? nan : 1.0, broken ? nan : 0);
  });
  CHECK(same_points({*points[0]}, {*points[1]}));
  CHECK(points[0]->layers.at(0).tokens == 48);
  CHECK(points[0]->layers.at(0).rejected == 48);
  CHECK(points[0]->tokens == 96);
  CHECK(std::isnan(points[0]->loss));
}

TEST_CASE("ranks that saved inside a window and load go on to the same bits", "[monitor][distributed][state]") {
  const auto options = MonitorOptions().every(4).window(3);
  // Each rank's points at steps 4 and 8; where `saved`, by way of new monitors between steps 6 and 7.
  const auto run = [&](bool saved) {
    std::vector<std::vector<Point>> points(3);
    infoplane::test::run_thread_ranks(3, [&](Communicator& communicator) {
      const auto rank = static_cast<std::size_t>(communicator.rank());
      auto monitor = std::make_unique<Monitor>(options, borrowed(communicator));
      for (std::int64_t step = 2; step <= 8; ++step) {
        if (saved && step == 7) {
          std::stringstream state;
          monitor->save(state);
          monitor = std::make_unique<Monitor>(options, borrowed(communicator));
          monitor->load(state);
        }
        if (auto point = step_of(*monitor, step, 0.1 * static_cast<double>(step), 0.2 * communicator.rank())) {
          points.at(rank).push_back(*point);
        }
      }
    });
    return points;
  };
  const auto resumed = run(true), uninterrupted = run(false);
  REQUIRE(uninterrupted[0].size() == 2);
  CHECK(uninterrupted[0][1].tokens == 3 * 3 * 48);
  for (std::size_t rank = 0; rank < 3; ++rank) {
    CHECK(same_points({resumed[rank][0]}, {uninterrupted[rank][0]}));
    // The new monitors introduce themselves once more, which costs bytes and changes no value.
    Point last = resumed[rank].at(1);
    CHECK(last.bytes_sent > uninterrupted[rank][1].bytes_sent);
    last.bytes_sent = uninterrupted[rank][1].bytes_sent;
    CHECK(same_points({last}, {uninterrupted[rank][1]}));
  }
}

TEST_CASE("all ranks stop at the same step, whatever each of them sees", "[monitor][distributed]") {
  for (const int ranks : {2, 3, 4}) {
    for (const std::string metric : {"loss", "I(X;Z)/input_unigram", "validation_loss"}) {
      CAPTURE(ranks, metric);
      std::vector<std::string> stops(static_cast<std::size_t>(ranks));
      infoplane::test::run_thread_ranks(ranks, [&](Communicator& communicator) {
        stops.at(static_cast<std::size_t>(communicator.rank())) =
            infoplane::test::stop_on(metric, borrowed(communicator));
      });
      for (const auto& stop : stops) {
        CHECK(stop == stops[0]);
      }
      CHECK_THAT(stops[0], ContainsSubstring("stopped at step ") && !ContainsSubstring("step -1"));
    }
  }
}
