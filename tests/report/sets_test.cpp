#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/compare/comparison.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/report/bounds_table.hpp>
#include <infoplane/report/figures.hpp>
#include <infoplane/report/plane_table.hpp>
#include <infoplane/report/report.hpp>
#include <infoplane/sinks/console_sink.hpp>
#include <sstream>

#include "report/made_run.hpp"
#include "report/markup.hpp"

// Runs without tokens: all that draws or decides takes their keys, and speaks of what is there.
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::report::FigureOptions;
using infoplane::report::html_report;
using infoplane::report::ReportRun;
using samples::count;

namespace {

namespace plane = infoplane::plane;

/// Points with the context alone, or with an output set of that name.
ReportRun run_of(const std::string& name) {
  ReportRun run;
  run.file.header = samples::header();
  run.file.header.label_sets = name.empty() ? std::vector<std::string>() : std::vector{plane::output_set(name)};
  run.source = "run.jsonl";
  for (int i = 0; i < 21; ++i) {
    const double t = i / 20.0, context = 0.3 + 0.6 * t * (1 - t), share = 0.2 + 0.5 * t;
    for (const auto* split : {"train", "heldout"}) {
      auto at = samples::point(50L * i, split);
      at.loss = 5 - 3 * t;
      at.mean = {{"H(Z)", 0.9}, {"I(X;Z)/context", context}, {"I(X;Z)/context/corrected", context}};
      const auto order = plane::output_set(name);
      for (const auto& [key, value] : {std::pair(plane::expressivity_key(order), context * share),
                                       {plane::optimality_key(order), share},
                                       {plane::distance_key(order), 1 - share}}) {
        if (!name.empty()) {
          at.mean[key] = value;
          at.mean[plane::corrected_key(key)] = value;
          at.mean[plane::standard_error_key(key)] = 0.002;
        }
      }
      at.layers = {{"embedding", 16384, 0, at.mean}, {"blocks.0", 16384, 0, at.mean}};
      run.file.points.push_back(at);
    }
  }
  return run;
}

}  // namespace

TEST_CASE("an output set has keys like an order, with the context as its X", "[plane][sets]") {
  const auto order = plane::output_set("class");
  CHECK(order == "output:class");
  CHECK(plane::complexity_key(order) == "I(X;Z)/context");
  CHECK(plane::expressivity_key(order) == "I(Y;Z)/class");
  CHECK(plane::optimality_key(order) == "share/class");
  CHECK(plane::distance_key(order) == "distance/class");
  CHECK(plane::information_key(plane::input_set("patch")) == "I(X;Z)/patch");
  CHECK(plane::share_key(plane::input_set("patch")) == "share/patch");
}

TEST_CASE("a report of classes speaks of the class, and of no text", "[report][sets]") {
  const auto page = html_report({run_of("class")});
  REQUIRE(samples::markup_error(page).empty());
  CHECK(count(page, "data-kind=\"plane\"") == 2);
  CHECK(count(page, "data-kind=\"panel\"") == 5);  // loss, context, expressivity, share, distance
  CHECK(count(page, "data-kind=\"map\"") == 6);
  CHECK_THAT(page, ContainsSubstring("what it knows about the class grew"));
  CHECK_THAT(page, ContainsSubstring("bit is about the class; it cannot be more than 1"));
  CHECK_THAT(page, ContainsSubstring("On held-out data."));
  const auto body = page.substr(page.find("<body"));
  const auto words = body.substr(0, body.find("<script"));
  for (const char* of_text : {"what comes next", "the text", "held-out text", "last token", ">Optimality<"}) {
    INFO(of_text);
    CHECK(count(words, of_text) == 0);
  }
}

TEST_CASE("a report of nothing but the context draws no empty plane", "[report][sets]") {
  const auto page = html_report({run_of("")});
  REQUIRE(samples::markup_error(page).empty());
  CHECK(count(page, "data-kind=\"plane\"") == 0);
  CHECK(count(page, "data-kind=\"panel\"") == 2);  // loss, context
  CHECK(count(page, "data-kind=\"map\"") == 2);
  CHECK_THAT(page, ContainsSubstring("What the layers keep about what they read (the context"));
}

TEST_CASE("tables, figures and the console take the class", "[report][sets]") {
  const auto run = run_of("class");
  const auto table = infoplane::report::plane_table(run.file.points);
  CHECK_THAT(table, ContainsSubstring("context") && ContainsSubstring("share") && ContainsSubstring("distance") &&
                        !ContainsSubstring("complexity"));
  CHECK_THAT(infoplane::report::bounds_table(run.file), ContainsSubstring("heldout, class, mean over the blocks"));
  CHECK_THAT(infoplane::report::layer_table(run.file.points.back()), ContainsSubstring("class"));
  CHECK(infoplane::report::best_step_of(run.file) == 1000);
  CHECK(infoplane::report::best_step_of(run.file, "class") == 1000);
  for (const auto* order : {"unigram", "class"}) {
    CHECK_THAT(infoplane::report::plane_svg(run, FigureOptions().order(order)),
               ContainsSubstring("what is kept about all that was read"));
  }
  CHECK_THROWS_MATCHES(infoplane::report::plane_svg(run, FigureOptions().order("bigram")), infoplane::ArgumentError,
                       MessageMatches(ContainsSubstring("it has class")));
  std::ostringstream line;
  infoplane::sinks::ConsoleSink console(infoplane::sinks::ConsoleSinkOptions().output(&line).terminal(false));
  console.open();
  console.write(run.file.header);
  console.write(run.file.points.back());
  CHECK_THAT(line.str(), ContainsSubstring("context") && ContainsSubstring("share/class") &&
                             ContainsSubstring("distance class") && !ContainsSubstring("complexity"));
}

TEST_CASE("runs with classes are compared by them", "[report][sets]") {
  auto other = run_of("class");
  other.file.header.run = "other";
  const auto found = infoplane::compare::compare({run_of("class").file, other.file},
                                                 infoplane::compare::ComparisonOptions().metric("distance"));
  CHECK(found.key == "distance/class/corrected");
  CHECK(found.complexity.key == "I(X;Z)/context/corrected");
}

TEST_CASE("the default rule of stopping takes the class, else the context", "[callbacks][sets]") {
  for (const std::string name : {"class", ""}) {
    INFO(name);
    infoplane::EarlyStopping stopping(infoplane::EarlyStoppingOptions().split("heldout"));
    for (const auto& point : run_of(name).file.points) {
      REQUIRE_NOTHROW(stopping.update(point));
    }
    const auto state = stopping.save_state();
    CHECK_THAT(state, ContainsSubstring(name.empty() ? "I(X;Z)/context/corrected" : "distance/class/corrected"));
    infoplane::EarlyStopping resumed(infoplane::EarlyStoppingOptions().split("heldout"));
    resumed.load_state(state);
    CHECK(resumed.save_state() == state);
  }
}
