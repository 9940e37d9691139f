#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/report/figures.hpp>
#include <infoplane/report/plane_table.hpp>
#include <infoplane/report/report.hpp>
#include <infoplane/sinks/console_sink.hpp>
#include <limits>
#include <sstream>

#include "report/made_run.hpp"
#include "report/markup.hpp"

// What a person is shown is corrected; where only a plug-in value is there, that is said.

using Catch::Matchers::ContainsSubstring;
using infoplane::report::html_report;
using infoplane::report::layer_table;
using infoplane::report::plane_table;
using infoplane::report::ReportRun;
using samples::count;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const std::vector<std::pair<const char*, double>> kCorrected = {
    {"I(X;Z)/input_unigram", 0.1751}, {"I(Y;Z)/output_unigram", 0.0400}, {"optimality/unigram", 0.2285},
    {"distance/unigram", 0.7715},     {"curve_gap/unigram", 0.0311},     {"H(Z)", 0.8123}};

/// What a small batch looks like: plug-in values far from the corrected ones.
void correct(infoplane::plane::Metrics& metrics) {
  metrics["distance/unigram"] = 0.4300;
  metrics["curve_gap/unigram"] = -0.2;
  for (const auto& [key, value] : kCorrected) {
    metrics[std::string(key) + "/corrected"] = value;
  }
}

infoplane::plane::Point corrected_point(std::int64_t step, const char* split = "heldout") {
  auto made = samples::point(step, split);
  correct(made.mean);
  for (auto& layer : made.layers) {
    correct(layer.metrics);
  }
  return made;
}

ReportRun corrected_run() {
  auto run = samples::made_run();
  for (auto& point : run.file.points) {
    correct(point.mean);
    for (auto& layer : point.layers) {
      correct(layer.metrics);
    }
  }
  return run;
}

}  // namespace

TEST_CASE("the console shows corrected values", "[report]") {
  std::ostringstream out;
  infoplane::ConsoleSink sink(infoplane::ConsoleSinkOptions().output(&out));
  sink.write(corrected_point(250));
  REQUIRE(out.str() ==
          "step   250  heldout  loss 2.0431  complexity  0.1751  expressivity  0.0400  optimality  0.2285  distance  "
          "0.7715  curve gap  0.0311\n");
  auto undefined = corrected_point(300);
  undefined.mean["distance/unigram/corrected"] = kNaN;
  sink.write(undefined);
  REQUIRE_THAT(out.str(), ContainsSubstring("distance     nan"));  // never the plug-in value in its place
  std::ostringstream chosen;
  infoplane::ConsoleSink own(
      infoplane::ConsoleSinkOptions().output(&chosen).metrics({"distance/unigram", "distance/unigram/corrected"}));
  own.write(corrected_point(250));
  REQUIRE(chosen.str() == "step   250  heldout  loss 2.0431  distance (plug-in)  0.4300  distance  0.7715\n");
}

TEST_CASE("tables show corrected values", "[report]") {
  REQUIRE(plane_table({corrected_point(250)}) ==
          "                  loss    complexity  expressivity    optimality      distance     curve gap\n"
          "    step       heldout       heldout       heldout       heldout       heldout       heldout\n"
          "     250        2.0431        0.1751        0.0400        0.2285        0.7715        0.0311\n");
  REQUIRE(layer_table(corrected_point(250)) ==
          "heldout, step 250, unigram, as efficiencies (nats / log m)\n"
          "layer               complexity  expressivity    optimality      distance     curve gap      H(Z)    tokens\n"
          "embedding               0.1751        0.0400        0.2285        0.7715        0.0311    0.8123     16384\n"
          "blocks.0                0.1751        0.0400        0.2285        0.7715        0.0311    0.8123     16380\n"
          "mean over blocks        0.1751        0.0400        0.2285        0.7715        0.0311    0.8123\n");
}

TEST_CASE("a report shows corrected values in tiles, words, tables and figures", "[report]") {
  const auto run = corrected_run();
  const auto page = html_report({run});
  REQUIRE(samples::markup_error(page).empty());
  REQUIRE_THAT(page, ContainsSubstring("<b>0.1751</b><span>complexity at the end</span>"));
  REQUIRE_THAT(page, ContainsSubstring("<b>0.2285</b><span>optimality at the end</span>"));
  REQUIRE_THAT(page, ContainsSubstring("|complexity 0.1751|expressivity 0.0400|optimality 0.2285"));
  REQUIRE(count(page, "lower is better; corrected for chance") == 1);  // the distance
  REQUIRE(count(page, "(plug-in)") == 0);
  REQUIRE(count(page, "0.4300") == 0);
  REQUIRE(count(page, "0.43,") == 0);  // in what the script reads
  const auto words = infoplane::detail::join(infoplane::report::run_summary(run), "\n");
  REQUIRE_THAT(words, ContainsSubstring("it now holds 0.229 bit") && !ContainsSubstring("plug-in"));
}

TEST_CASE("an old file's values are shown as what they are", "[report]") {
  const auto run = samples::made_run();
  const auto page = html_report({run});
  REQUIRE_THAT(page, ContainsSubstring("<span>complexity (plug-in) at the end</span>"));
  REQUIRE_THAT(page, ContainsSubstring("<th scope=\"col\">distance (plug-in)<br>held-out</th>"));
  REQUIRE_THAT(page, ContainsSubstring(">optimality, held-out (plug-in)</text>"));
  REQUIRE_THAT(page, ContainsSubstring("lower is better; plug-in values"));
  REQUIRE_THAT(page, ContainsSubstring(">complexity (plug-in): what is kept about the input →</text>") &&
                         ContainsSubstring(">expressivity (plug-in): about what comes next →</text>"));
  REQUIRE_THAT(infoplane::report::run_summary(run).front(), ContainsSubstring("All these are plug-in values"));
  REQUIRE_THAT(infoplane::report::plane_svg(run), ContainsSubstring("complexity (plug-in)"));
  REQUIRE_THAT(plane_table(run.file.points), ContainsSubstring("distance (plug-in)"));
  REQUIRE_THAT(layer_table(run.file.points.back()), ContainsSubstring("H(Z) (plug-in)"));
  REQUIRE(infoplane::report::best_step_line(run.file) == "Furthest beyond the bound: step 1000 (by plug-in values)");
}

TEST_CASE("runs side by side are all shown corrected, or all plug-in", "[report]") {
  auto second = corrected_run();
  second.file.header.run = "second";
  auto page = html_report({corrected_run(), second});
  auto together = page.substr(0, page.find("<section id=\"run1\""));
  REQUIRE_THAT(together, ContainsSubstring("optimality there") && !ContainsSubstring("plug-in)"));
  REQUIRE_THAT(together, ContainsSubstring("|complexity 0.1751|"));
  page = html_report({corrected_run(), samples::made_run()});
  together = page.substr(0, page.find("<section id=\"run1\""));
  REQUIRE_THAT(together, ContainsSubstring("optimality (plug-in) there") && !ContainsSubstring("|complexity 0.1751|"));
}

TEST_CASE("the best step goes by corrected values, and is not one of mere noise", "[report]") {
  auto run = samples::made_run();
  for (auto& point : run.file.points) {
    const auto t = static_cast<double>(point.step) / 1000;
    point.mean["distance/unigram"] = 0.43 + 0.1 * t;            // the untrained model looks best
    point.mean["distance/unigram/corrected"] = 0.9 - 0.17 * t;  // it is not
    point.mean["distance/unigram/standard_error"] = 0.004;
  }
  REQUIRE(infoplane::report::best_step_of(run.file) == 1000);
  REQUIRE(infoplane::report::best_step_line(run.file) == "Nearest to the bound: step 1000");
  for (auto& point : run.file.points) {
    if (point.step == 0) {
      point.mean["distance/unigram/corrected"] = 0.6;  // ± 0.4
      point.mean["distance/unigram/standard_error"] = 0.2;
    }
  }
  REQUIRE(infoplane::report::best_step_of(run.file) == 1000);
  for (auto& point : run.file.points) {
    point.mean.erase("distance/unigram/standard_error");
  }
  REQUIRE(infoplane::report::best_step_of(run.file) == 0);  // no noise is known
}
