#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/figures.hpp>
#include <limits>

#include "sinks/made_run.hpp"
#include "sinks/markup.hpp"
#include "sinks/svg.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::sinks::FigureOptions;
using infoplane::sinks::layers_svg;
using infoplane::sinks::plane_svg;
using infoplane::sinks::steps_svg;
using samples::count;
using samples::made_run;
namespace svg = infoplane::sinks::svg;

TEST_CASE("each figure is an SVG document that stands alone", "[sinks]") {
  auto run = made_run();
  run.file.header.run = "a & b";
  for (const auto& document : {plane_svg(run), steps_svg(run), layers_svg(run)}) {
    CAPTURE(document.substr(0, 300));
    REQUIRE(samples::markup_error(document).empty());
    REQUIRE(
        document.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\""));
    REQUIRE_THAT(document, ContainsSubstring("<title>a &amp; b: "));
    REQUIRE(count(document, "var(") == 0);  // Inkscape and LaTeX's tools know no CSS variables
    REQUIRE(count(document, "<style>") == 1);
  }
  REQUIRE_THAT(steps_svg(run), ContainsSubstring(">held-out</text>") && ContainsSubstring(">train</text>"));
  REQUIRE_THAT(layers_svg(run, FigureOptions().metric("distance").stream("train")),
               ContainsSubstring("distance, train"));
}

TEST_CASE("the plane's diagonal goes through points of optimality 1", "[sinks]") {
  samples::Made made;
  made.points = 2;
  made.complexity = [](double) { return 0.2; };
  made.expressivity = [](double t) { return t < 0.5 ? 0.2 : 0.05; };
  const auto document = plane_svg(made_run(made));
  // 62..546 holds 0..0.44 and 396..46 holds 0..0.22: the widths that draw_plane.cpp gives the frame.
  REQUIRE_THAT(document, ContainsSubstring("cx=\"282\" cy=\"77.82\" r=\"2.4\" data-t=\"blocks.0, step 0|"));
  REQUIRE_THAT(document, ContainsSubstring("<path class=\"bd\" d=\"M62 396 L304 46\"/>"));
}

TEST_CASE("a figure that the run cannot give is an error that says what there is", "[sinks]") {
  const auto run = made_run();
  REQUIRE_THROWS_MATCHES(plane_svg(run, FigureOptions().order("bigram")), ArgumentError,
                         Message("the run has no complexity and expressivity of bigrams; it has unigram"));
  REQUIRE_THROWS_MATCHES(steps_svg({}), ArgumentError,
                         Message("the run has no complexity and expressivity of unigrams; it has none"));
  REQUIRE_THROWS_MATCHES(plane_svg(run, FigureOptions().stream("test")), ArgumentError,
                         Message("the run has no stream \"test\"; it has heldout, train"));
  REQUIRE_THROWS_MATCHES(plane_svg(run, FigureOptions().max_steps(1)), ArgumentError,
                         Message("a figure was asked for with at most 1 steps: give max_steps of at least 2"));
  REQUIRE_THROWS_MATCHES(layers_svg(run, FigureOptions().metric("loss")), ArgumentError,
                         Message("there is no metric \"loss\": give optimality, complexity, expressivity or "
                                 "distance"));
}

TEST_CASE("ticks are round numbers inside their range, labelled with the decimals that they need", "[sinks]") {
  REQUIRE(svg::labels(svg::ticks(0, 1, 5)) == std::vector<std::string>{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  REQUIRE(svg::labels(svg::ticks(0.0213, 0.0498, 3)) == std::vector<std::string>{"0.03", "0.04"});
  REQUIRE(svg::labels(svg::ticks(-0.05, 0.05, 4)) ==
          std::vector<std::string>{"-0.050", "-0.025", "0.000", "0.025", "0.050"});
  REQUIRE(svg::labels(svg::ticks(0, 100000, 4)) == std::vector<std::string>{"0", "25k", "50k", "75k", "100k"});
  REQUIRE(svg::ticks(3, 3, 4) == std::vector<double>{3});
  REQUIRE(svg::ticks(0, std::numeric_limits<double>::infinity(), 4).size() == 1);
}

TEST_CASE("numbers in drawings are short and never NaN", "[sinks]") {
  REQUIRE(svg::at(1.5) == "1.5");
  REQUIRE(svg::at(2.0) == "2");
  REQUIRE(svg::at(-0.001) == "0");
  REQUIRE(svg::at(std::numeric_limits<double>::quiet_NaN()) == "0");
  REQUIRE(svg::value(std::numeric_limits<double>::quiet_NaN()) == "undefined");
  REQUIRE(svg::value(0.12345) == "0.1235");
  REQUIRE(svg::value(12.345) == "12.35");
  REQUIRE(svg::value(1.2e-5) == "1.2e-05");
  REQUIRE(svg::escape("a<b>&\"'\x01") == "a&lt;b&gt;&amp;&quot;&#39; ");
}
