#include <catch2/catch_test_macros.hpp>
#include <infoplane/plane/shown_metric.hpp>
#include <limits>
#include <vector>

using infoplane::plane::is_plug_in;
using infoplane::plane::Metrics;
using infoplane::plane::Point;
using infoplane::plane::shown_metric;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Point point_of(Metrics mean, const char* split = "train") {
  Point made;
  made.split = split;
  made.mean = std::move(mean);
  return made;
}

}  // namespace

TEST_CASE("a corrected value is shown wherever there is one, also an undefined one", "[plane]") {
  const Metrics both{{"distance/unigram", 0.43}, {"distance/unigram/corrected", 0.7715}};
  REQUIRE(shown_metric("distance/unigram", both).key == "distance/unigram/corrected");
  REQUIRE_FALSE(shown_metric("distance/unigram", both).plug_in);
  REQUIRE(shown_metric("distance/unigram", both).label("distance") == "distance");
  const Metrics undefined{{"H(Z)", 0.9}, {"H(Z)/corrected", kNaN}};
  REQUIRE(shown_metric("H(Z)", undefined).key == "H(Z)/corrected");
}

TEST_CASE("a plug-in value that stands alone says that it is one", "[plane]") {
  const auto shown = shown_metric("I(X;Z)/input_bigram", Metrics{{"I(X;Z)/input_bigram", 0.2}});
  REQUIRE(shown.key == "I(X;Z)/input_bigram");
  REQUIRE(shown.plug_in);
  REQUIRE(shown.label("complexity") == "complexity (plug-in)");
  REQUIRE_FALSE(shown_metric("I(X;Z)/input_bigram", Metrics{}).plug_in);  // there is nothing to be one
  REQUIRE_FALSE(shown_metric("accuracy", Metrics{{"accuracy", 0.2}}).plug_in);
  REQUIRE(is_plug_in("curve_gap/unigram"));
  REQUIRE(is_plug_in("distance_of_means/bigram"));
  REQUIRE(is_plug_in("regularity/input_unigram"));
  for (const auto* key : {"H(Z)/corrected", "distance/unigram/null", "I(Y;Z)/output_unigram/standard_error",
                          "tokens/input_unigram", "loss", "sequences", "share_4/input_unigram"}) {
    CAPTURE(key);
    REQUIRE_FALSE(is_plug_in(key));
  }
}

TEST_CASE("points that are shown together do not mix the two", "[plane]") {
  const Metrics plain{{"H(Z)", 0.9}}, both{{"H(Z)", 0.9}, {"H(Z)/corrected", 0.8}};
  REQUIRE(shown_metric("H(Z)", std::vector<Point>{point_of(plain), point_of(both)}).key == "H(Z)/corrected");
  const std::vector<Point> seldom{point_of(plain), point_of(plain), point_of(both, "heldout"), point_of({})};
  REQUIRE(shown_metric("H(Z)", seldom).plug_in);
  REQUIRE(shown_metric("H(Z)", seldom, "heldout").key == "H(Z)/corrected");
  REQUIRE_FALSE(shown_metric("H(Z)", std::vector<Point>{}).plug_in);

  auto of_layers = point_of({});
  of_layers.layers = {{"embedding", 1, 0, both}};
  REQUIRE(shown_metric("H(Z)", of_layers).key == "H(Z)/corrected");  // a point without blocks has no mean
  REQUIRE(shown_metric("H(Z)", std::vector<Point>{of_layers}, {}, "embedding").key == "H(Z)/corrected");
  REQUIRE(shown_metric("H(Z)", std::vector<Point>{of_layers}, {}, "blocks.0").key == "H(Z)");
}
