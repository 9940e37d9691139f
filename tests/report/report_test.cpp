#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/report/report.hpp>
#include <limits>

#include "report/made_run.hpp"
#include "report/markup.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::report::html_report;
using infoplane::report::ReportOptions;
using infoplane::report::ReportRun;
using samples::count;
using samples::made_run;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void require_sound(const std::string& page) {
  REQUIRE(samples::markup_error(page).empty());
  for (const auto* number : {"\"nan", "\"-nan", "\"inf", "\"-inf", "Mnan", "Lnan", " nan", "Minf", "Linf"}) {
    CAPTURE(number);
    REQUIRE(count(page, number) == 0);
  }
}

}  // namespace

TEST_CASE("a report holds figures, tables and words for one run, and asks for nothing from elsewhere", "[report]") {
  const auto page = html_report({made_run()});
  require_sound(page);
  REQUIRE(page.starts_with("<!DOCTYPE html>"));
  for (const auto* outside : {"http:", "https:", " src=", "@import", "url("}) {
    CAPTURE(outside);
    REQUIRE(count(page, outside) == (std::string(outside) == "http:" ? 1 : 0));  // the name space of SVG in the script
  }
  REQUIRE(count(page, "data-kind=\"plane\"") == 2);          // a plane for each split
  REQUIRE(count(page, "data-kind=\"panel\"") == 5);          // loss, complexity, expressivity, optimality, distance
  REQUIRE(count(page, "data-kind=\"map\"") == 6);            // three metrics for each split
  REQUIRE(count(page, "class=\"bd\"") == 2);                 // the diagonal bound
  REQUIRE(count(page, "class=\"ring\"") == 4);               // the best step of two layers on two planes
  REQUIRE(count(page, "role=\"img\" aria-label=\"") == 13);  // every figure says what it shows
  REQUIRE_THAT(page, ContainsSubstring("While it trained, the model first took in more and more"));
  REQUIRE_THAT(page, ContainsSubstring("data-t=\"blocks.0, step 500|complexity 0.4000|expressivity 0.1000|"));
  REQUIRE_THAT(page, ContainsSubstring("prefers-color-scheme:dark") && ContainsSubstring("@media print") &&
                         ContainsSubstring("width=device-width"));
  REQUIRE_THAT(page, ContainsSubstring("<th scope=\"row\">anchors m</th><td>100</td>") &&
                         ContainsSubstring("<th scope=\"row\">temperature ε</th><td>0.037049475 (exact)</td>") &&
                         ContainsSubstring("<th scope=\"row\">text</th><td>c10 headers</td>"));
  REQUIRE_THAT(page, ContainsSubstring("<th scope=\"row\">1000</th><td>2.0000</td><td>0.1000</td><td>0.1500</td>"));
}

TEST_CASE("bands are drawn where there are standard errors, and in the table", "[report]") {
  samples::Made made;
  REQUIRE(count(html_report({made_run(made)}), "class=\"bheldout\"") == 0);
  made.error = 0.01;
  const auto page = html_report({made_run(made)});
  require_sound(page);
  REQUIRE(count(page, "class=\"bheldout\"") == 4);  // not the loss
  REQUIRE_THAT(page, ContainsSubstring("<td>0.1000 ± 0.0200</td>"));
  REQUIRE(count(page, "&quot;e&quot;:[0.01,") == 8);
}

TEST_CASE("corrected values are shown where a run has them", "[report]") {
  auto run = made_run();
  for (auto& point : run.file.points) {
    point.mean["I(X;Z)/input_unigram/corrected"] = 0.077;
    for (auto& layer : point.layers) {
      layer.metrics["I(X;Z)/input_unigram/corrected"] = 0.077;
    }
  }
  const auto page = html_report({run});
  require_sound(page);
  REQUIRE_THAT(page, ContainsSubstring("corrected for chance") && ContainsSubstring("|complexity 0.0770|"));
}

TEST_CASE("a value too vague to tell anything does not set the scale", "[report]") {
  samples::Made made;
  made.error = 0.01;
  auto run = made_run(made);
  const auto before = html_report({run});
  for (auto* metrics : {&run.file.points[20].mean, &run.file.points[20].layers[1].metrics}) {
    for (const auto* key : {"I(Y;Z)/output_unigram", "optimality/unigram", "distance/unigram"}) {
      (*metrics)[key] = 50;
      (*metrics)[std::string(key) + "/standard_error"] = 40;
    }
  }
  const auto page = html_report({run});
  require_sound(page);
  const auto same_frame = [&](const std::string& tick) { return count(page, tick) == count(before, tick); };
  REQUIRE(same_frame(">0.15</text>"));
  REQUIRE(same_frame(">0.05</text>"));
  REQUIRE(count(page, ">60</text>") == 0);
  REQUIRE_THAT(page, ContainsSubstring("|expressivity 50.00|"));  // but it is there to be seen
}

TEST_CASE("best and stop step, phases and the IB curve are marked", "[report]") {
  auto run = made_run();
  run.best_step = 700;
  run.stop_step = 900;
  run.verdict = "The rule ends it.";
  run.curves = {{"unigram", {{0, 0}, {0.2, 0.12}, {0.4, 0.15}}}};
  auto page = html_report({run});
  require_sound(page);
  REQUIRE(count(page, ">best</text>") == 5 + 6);
  REQUIRE(count(page, ">stop</text>") == 5 + 6);
  REQUIRE(count(page, "class=\"cv\"") == 2);
  REQUIRE(count(page, ">expansion</text>") == 5);  // from the movement of complexity
  REQUIRE(count(page, ">compression</text>") == 5);
  REQUIRE_THAT(page, ContainsSubstring("<b>700</b>") && ContainsSubstring("<li>The rule ends it.</li>"));
  run.file.header.curves = {{"unigram", {{0, 0}, {0.4, 0.15}}}};
  REQUIRE(html_report({run}) == page);  // what the caller knows comes first
  run.curves.clear();
  REQUIRE(count(html_report({run}), "class=\"cv\"") == 2);
  run.file.header.curves.clear();
  REQUIRE(count(html_report({run}), "class=\"cv\"") == 0);
  run.phases = {{"my own phase", 200, 800}};
  page = html_report({run});
  REQUIRE(count(page, ">my own phase</text>") == 5);
  REQUIRE(count(page, ">expansion</text>") == 0);
}

TEST_CASE("names from a run file cannot become markup", "[report]") {
  auto run = made_run();
  const std::string hostile = "</script><script>alert(1)</script>\"'&<b>";
  run.file.header.run = run.source = run.verdict = hostile;
  run.file.header.config = {{hostile, hostile}};
  run.file.header.sites = {hostile};
  for (auto& point : run.file.points) {
    point.split = point.split == "train" ? hostile : point.split;
    point.layers[1].name = hostile;
    point.mean["I(X;Z)/input_" + hostile] = point.mean["I(Y;Z)/output_" + hostile] = 0.1;
  }
  const auto page = html_report({run}, ReportOptions().title(hostile));
  require_sound(page);
  REQUIRE(count(page, "<script") == 1);
  REQUIRE(count(page, "alert(1)<") == 0);
}

TEST_CASE("runs that never measured, measured once, or measured nothing finite are drawn all the same", "[report]") {
  ReportRun empty;
  empty.file.header = samples::header();
  require_sound(html_report({empty}));
  REQUIRE(count(html_report({empty}), "The run has no measurement yet.") > 0);

  samples::Made once;
  once.points = 1;
  require_sound(html_report({made_run(once)}));
  REQUIRE(count(html_report({made_run(once)}), "<circle class=\"fheldout\"") == 5);

  for (const auto value : {kNaN, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0.0,
                           1e300, -1e300, 1e-300}) {
    CAPTURE(value);
    samples::Made odd;
    odd.complexity = odd.expressivity = [&](double t) { return t > 0.5 ? value : 0.1; };
    require_sound(html_report({made_run(odd)}));
    odd.complexity = odd.expressivity = [&](double) { return value; };
    auto run = made_run(odd);
    for (auto& point : run.file.points) {
      point.loss = value;
      point.layers.clear();
    }
    require_sound(html_report({run}));
  }

  auto other = made_run();  // a split of the user's own, a layer that comes late
  for (auto& point : other.file.points) {
    point.split = "validation set";
    if (point.step > 500) {
      point.layers.push_back({"late", 1, 0, point.mean});
    }
  }
  require_sound(html_report({other}));
  REQUIRE(count(html_report({other}), "late, step 1000") > 0);
}

TEST_CASE("several runs are drawn together as far as they can be compared", "[report]") {
  auto first = made_run(), second = made_run(), third = made_run();
  second.file.header.run = "second";
  third.file.header.run = "third";
  third.file.header.anchors = 50;
  const auto page = html_report({first, second, third});
  require_sound(page);
  REQUIRE_THAT(page, ContainsSubstring("infoplane: tiny-gpt, second, third"));
  REQUIRE_THAT(page, ContainsSubstring("third (run.jsonl) cannot be compared with tiny-gpt") &&
                         ContainsSubstring("m (100 and 50)"));
  REQUIRE_THAT(page, ContainsSubstring("2 of 3 runs were measured alike"));
  REQUIRE(count(page, "data-kind=\"plane\"") == 2 * 3 + 1);
  REQUIRE(count(page, "<section id=\"run") == 3);
}

TEST_CASE("a long run is thinned to max_steps, its last step kept", "[report]") {
  samples::Made longer;
  longer.points = 2000;
  const auto page = html_report({made_run(longer)}, ReportOptions().max_steps(50));
  require_sound(page);
  REQUIRE(page.size() < 400'000);
  REQUIRE_THAT(page, ContainsSubstring("blocks.0, step 99950|"));
  REQUIRE_THROWS_MATCHES(html_report({made_run()}, ReportOptions().max_steps(1)), ArgumentError,
                         Message("a report was asked for with at most 1 steps in a figure: give max_steps of at least "
                                 "2"));
  REQUIRE_THROWS_MATCHES(html_report({}), ArgumentError,
                         Message("a report was asked for without a run: give at least one"));
}
