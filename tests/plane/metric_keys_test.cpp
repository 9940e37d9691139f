#include <catch2/catch_test_macros.hpp>
#include <infoplane/plane/metric_keys.hpp>

using namespace infoplane::plane;

TEST_CASE("output sets are on the Y side, all others on the X side", "[plane]") {
  REQUIRE(information_key("input_unigram") == "I(X;Z)/input_unigram");
  REQUIRE(information_key("output_quadgram") == "I(Y;Z)/output_quadgram");
  REQUIRE(information_key("preference") == "I(X;Z)/preference");
  REQUIRE(information_key("my_output_set") == "I(X;Z)/my_output_set");
}

TEST_CASE("keys of an order are those of its label sets", "[plane]") {
  REQUIRE(complexity_key("bigram") == information_key("input_bigram"));
  REQUIRE(expressivity_key("bigram") == information_key("output_bigram"));
  REQUIRE(optimality_key("trigram") == "optimality/trigram");
  REQUIRE(distance_key("trigram") == "distance/trigram");
}
