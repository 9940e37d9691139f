#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <infoplane/core/error.hpp>
#include <vector>

#include "core/differences.hpp"
#include "core/odd_locale.hpp"

using Catch::Matchers::Message;

TEST_CASE("a failed check throws its type with the parts as text", "[core]") {
  const int got = 3;
  REQUIRE_THROWS_MATCHES([&] { INFOPLANE_CHECK(got == 2, ShapeError, "expected 2 axes, got ", got); }(),
                         infoplane::ShapeError, Message("expected 2 axes, got 3"));
  REQUIRE_THROWS_MATCHES([] { INFOPLANE_THROW(StateError, "a", 1, 'b'); }(), infoplane::StateError, Message("a1b"));
}

TEST_CASE("a check that holds does not evaluate its message", "[core]") {
  int evaluated = 0;
  INFOPLANE_CHECK(true, ArgumentError, ++evaluated);
  REQUIRE(evaluated == 0);
}

TEST_CASE("every exception is an infoplane::Error and a runtime_error", "[core]") {
  REQUIRE_THROWS_AS([] { INFOPLANE_THROW(ShapeError, ""); }(), infoplane::ArgumentError);
  REQUIRE_THROWS_AS([] { INFOPLANE_THROW(SiteError, ""); }(), infoplane::Error);
  REQUIRE_THROWS_AS([] { INFOPLANE_THROW(IoError, ""); }(), std::runtime_error);
}

TEST_CASE("an error of communication knows operation, rank and time", "[core]") {
  const infoplane::CommunicationError error("sum failed", "sum", 3, std::chrono::milliseconds(250));
  REQUIRE(std::string(error.what()) == "sum failed");
  REQUIRE(error.operation() == "sum");
  REQUIRE(error.rank() == 3);
  REQUIRE(error.waited() == std::chrono::milliseconds(250));
  REQUIRE_THROWS_AS(throw error, infoplane::Error);
}

TEST_CASE("join lists a range", "[core]") {
  REQUIRE(infoplane::detail::join(std::vector<int>{1, 2, 3}) == "1, 2, 3");
  REQUIRE(infoplane::detail::join(std::vector<int>{}, " x ").empty());
  REQUIRE(infoplane::detail::join(std::vector<int>{4, 5}, " x ") == "4 x 5");
}

TEST_CASE("texts are the same under every locale of the program", "[core][locale]") {
  const OddLocale odd;
  REQUIRE(infoplane::detail::concat(1234567, ' ', 1234.5, ' ', std::size_t{1000}, ' ', true) ==
          "1234567 1234.5 1000 1");
  REQUIRE(infoplane::detail::join(std::vector<double>{1500, 0.25}) == "1500, 0.25");
  REQUIRE_THROWS_MATCHES([] { INFOPLANE_THROW(IoError, "line ", 1000); }(), infoplane::IoError, Message("line 1000"));
  infoplane::Differences differences;
  differences.compare("d", 1024.0, 2048.5);
  REQUIRE(differences.text() == "d (1024 and 2048.5)");
}
