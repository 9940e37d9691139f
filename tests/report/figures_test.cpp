#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/report/figures.hpp>
#include <limits>

#include "core/text.hpp"
#include "report/made_run.hpp"
#include "report/markup.hpp"
#include "report/svg.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::report::FigureOptions;
using infoplane::report::layers_svg;
using infoplane::report::plane_svg;
using infoplane::report::steps_svg;
using samples::count;
using samples::made_run;
namespace svg = infoplane::report::svg;

TEST_CASE("each figure is an SVG document that stands alone", "[report]") {
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
  REQUIRE_THAT(layers_svg(run, FigureOptions().metric("distance").split("train")),
               ContainsSubstring("distance, train"));
}

TEST_CASE("the plane's diagonal goes through points of optimality 1", "[report]") {
  samples::Made made;
  made.points = 2;
  made.complexity = [](double) { return 0.2; };
  made.expressivity = [](double t) { return t < 0.5 ? 0.2 : 0.05; };
  const auto document = plane_svg(made_run(made));
  // 62..546 holds 0..0.44 and 396..46 holds 0..0.22: the widths that draw_plane.cpp gives the frame.
  REQUIRE_THAT(document, ContainsSubstring("cx=\"282\" cy=\"77.82\" r=\"2.4\" data-t=\"blocks.0, step 0|"));
  REQUIRE_THAT(document, ContainsSubstring("<path class=\"bd\" d=\"M62 396 L304 46\"/>"));
}

namespace {

/// A text of a figure, and the room that it takes, with a digit of 6.5 and a letter of 7 units.
struct Written {
  std::string text;
  double left = 0, right = 0, top = 0, bottom = 0;
};

std::string attribute(const std::string& tag, const std::string& name) {
  const auto at = tag.find(" " + name + "=\"");
  return at == std::string::npos
             ? ""
             : tag.substr(at + name.size() + 3, tag.find('"', at + name.size() + 3) - at - name.size() - 3);
}

/// All that lies flat.
std::vector<Written> texts_of(const std::string& document) {
  std::vector<Written> found;
  for (auto at = document.find("<text "); at != std::string::npos; at = document.find("<text ", at + 1)) {
    const auto close = document.find('>', at);
    const auto tag = document.substr(at, close - at), classes = " " + attribute(tag, "class") + " ";
    if (attribute(tag, "x").empty()) {
      continue;  // turned
    }
    Written written{document.substr(close + 1, document.find("</text>", close) - close - 1)};
    const bool digits = written.text.find_first_not_of("0123456789.-") == std::string::npos;
    const auto width = (digits ? 6.5 : 7.0) * static_cast<double>(infoplane::text::columns(written.text));
    const auto x = std::stod(attribute(tag, "x")), y = std::stod(attribute(tag, "y"));
    const auto share = classes.find(" m ") != std::string::npos   ? 0.5
                       : classes.find(" e ") != std::string::npos ? 1
                                                                  : 0;
    written.left = x - share * width;
    written.right = written.left + width;
    written.top = y - 10;
    written.bottom = y + 2;
    found.push_back(written);
  }
  return found;
}

void require_apart(const std::string& document) {
  const auto texts = texts_of(document);
  REQUIRE(texts.size() > 5);
  const auto view = document.find("viewBox=\"0 0 ");
  const auto width = std::stod(document.substr(view + 13));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto& one = texts[i];
    CAPTURE(one.text, one.left, one.right);
    REQUIRE((one.left >= 0 && one.right <= width));
    for (std::size_t k = 0; k < i; ++k) {
      const auto& other = texts[k];
      CAPTURE(other.text);
      REQUIRE(
          (one.right <= other.left || other.right <= one.left || one.bottom <= other.top || other.bottom <= one.top));
    }
  }
}

}  // namespace

TEST_CASE("no text of a figure lies over another", "[report]") {
  using Curve = std::vector<std::pair<double, double>>;
  struct Shape {
    double x, x_by, y, y_by;
    Curve curve;
    int layers = 4;
    std::int64_t every = 50;
  };
  const std::vector<Shape> shapes = {
      // leaves at the top, where a ray of 0.5 does
      {0.44, -0.2, 0.04, 0.07, {{0, 0}, {0.05, 0.04}, {0.1, 0.068}, {0.2, 0.105}, {0.3, 0.135}, {0.5, 0.16}}},
      {0.5, -0.3, 0.1, 0.03, {{0, 0}, {0.1, 0.08}, {0.2, 0.11}, {0.3, 0.118}, {0.5, 0.12}}},  // leaves at the right
      {0.2, -0.13, 0.05, 0.06, {{0, 0}, {0.05, 0.05}, {0.1, 0.09}, {0.2, 0.12}}},             // passes the bound
      {0.2, -0.13, 0.05, 0.06, {{0, 0}, {0.119, 0.119}}},                                     // lies on the bound
      {0.2, 0.1, 0.04, 0.01, {{0, 0}, {0.1, 0.05}, {1, 0.051}}},                  // ends at the right between rays
      {0.2, 0.1, 0.09, 0.01, {{0, 0}, {0.1, 0.05}, {0.2, 0.0825}, {1, 0.0825}}},  // ends where a ray does
      {0.02, 0.004, 0.0003, 0.0002, {}, 10},                                      // long numbers, names that crowd
      {0.02, 0.02, 0.2, 0.1, {}, 4, 250000},       // almost all beyond the bound, long steps
      {-0.01, 0.02, -0.003, 0.002, {}, 3},         // below 0
      {0.3, 0, 0.1, 0, {{0, 0}, {0.5, 0.3}}, 12},  // all in one place
  };
  for (const auto& shape : shapes) {
    CAPTURE(shape.x, shape.y, shape.layers);
    auto run = made_run();
    std::erase_if(run.file.points, [](const auto& point) { return point.split == "train"; });
    if (!shape.curve.empty()) {
      run.file.header.curves["unigram"] = shape.curve;
    }
    std::int64_t step = 0;
    for (auto& point : run.file.points) {
      const auto t = static_cast<double>(step) / 20;
      point.step = shape.every * step++;
      point.layers.clear();
      for (int i = 0; i < shape.layers; ++i) {
        const auto metrics = samples::metrics_at(shape.x + shape.x_by * (t + 0.02 * i),
                                                 shape.y + shape.y_by * (t + 0.02 * i), 0, "unigram");
        point.layers.push_back({i == 0 ? "embedding" : "blocks." + std::to_string(i - 1), 1, 0, metrics});
      }
    }
    run.best_step = run.file.points[18].step;
    run.stop_step = run.file.points[19].step;
    require_apart(plane_svg(run));
    require_apart(layers_svg(run));
  }
}

TEST_CASE("a figure that the run cannot give is an error that says what there is", "[report]") {
  const auto run = made_run();
  REQUIRE_THROWS_MATCHES(plane_svg(run, FigureOptions().order("bigram")), ArgumentError,
                         Message("the run has no complexity and expressivity of bigrams; it has unigram"));
  REQUIRE_THROWS_MATCHES(steps_svg({}), ArgumentError,
                         Message("the run has no complexity and expressivity of unigrams; it has none"));
  REQUIRE_THROWS_MATCHES(plane_svg(run, FigureOptions().split("test")), ArgumentError,
                         Message("the run has no stream \"test\"; it has heldout, train"));
  REQUIRE_THROWS_MATCHES(plane_svg(run, FigureOptions().max_steps(1)), ArgumentError,
                         Message("a figure was asked for with at most 1 steps: give max_steps of at least 2"));
  REQUIRE_THROWS_MATCHES(layers_svg(run, FigureOptions().metric("loss")), ArgumentError,
                         Message("there is no metric \"loss\": give optimality, complexity, expressivity or "
                                 "distance"));
}

TEST_CASE("ticks are round numbers inside their range, labelled with the decimals that they need", "[report]") {
  REQUIRE(svg::labels(svg::ticks(0, 1, 5)) == std::vector<std::string>{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  REQUIRE(svg::labels(svg::ticks(0.0213, 0.0498, 3)) == std::vector<std::string>{"0.03", "0.04"});
  REQUIRE(svg::labels(svg::ticks(-0.05, 0.05, 4)) ==
          std::vector<std::string>{"-0.050", "-0.025", "0.000", "0.025", "0.050"});
  REQUIRE(svg::labels(svg::ticks(0, 100000, 4)) == std::vector<std::string>{"0", "25k", "50k", "75k", "100k"});
  REQUIRE(svg::ticks(3, 3, 4) == std::vector<double>{3});
  REQUIRE(svg::ticks(0, std::numeric_limits<double>::infinity(), 4).size() == 1);
}

TEST_CASE("numbers in drawings are short and never NaN", "[report]") {
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

TEST_CASE("text in drawings is what XML allows", "[report]") {
  REQUIRE(svg::escape("слой 層 😀 é") == "слой 層 😀 é");
  REQUIRE(svg::escape("a\x1b\x7f\xC2\x9B\nb") == "a    b");  // controls
  REQUIRE(svg::escape("\xE2\x80\xAE"
                      "cod") == " cod");                                           // right-to-left override
  REQUIRE(svg::escape("\xFF\xD1") == "\xEF\xBF\xBD\xEF\xBF\xBD");                  // no UTF-8
  REQUIRE(svg::escape("\xEF\xBF\xBE\xEF\xBF\xBF") == "\xEF\xBF\xBD\xEF\xBF\xBD");  // U+FFFE and U+FFFF
  REQUIRE(svg::escape("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
}

TEST_CASE("layers with names of any script, and of none, make valid figures", "[report]") {
  // The first is cut where a byte count would end inside a letter.
  for (const std::string name : {"Декодер.слои.12.внимание", "層層層層層層層層層層層層.0",
                                 "layer\xFF\xD1.with.bytes.of.none", "\x1b[2Jlayer\x01\x7f\xC2\x85", "\xEF\xBF\xBF",
                                 "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301"
                                 "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301"}) {
    CAPTURE(name);
    auto run = made_run();
    run.file.header.run = run.source = name;
    run.phases = {{name, 0, 1000}};
    for (auto& point : run.file.points) {
      point.layers[1].name = name;
      point.split = point.split == "train" ? name : point.split;
    }
    for (const auto& document :
         {plane_svg(run), steps_svg(run), layers_svg(run), infoplane::report::html_report({run})}) {
      REQUIRE(samples::markup_error(document).empty());
      REQUIRE(infoplane::text::valid_utf8(document) == document);
      const auto forbidden = std::find_if(document.begin(), document.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r';
      });
      REQUIRE(forbidden == document.end());
    }
  }
  auto run = made_run();
  for (auto& point : run.file.points) {
    point.layers[1].name = "Декодер.слои.12.внимание";
  }
  REQUIRE_THAT(layers_svg(run), ContainsSubstring(">…слои.12.внимание</text>"));
}
