#include <catch2/catch_test_macros.hpp>
#include <infoplane/core/option.hpp>
#include <memory>
#include <string>
#include <type_traits>

namespace {
struct Options {
  INFOPLANE_ARG(int, width) = 3;
  INFOPLANE_ARG(std::string, name) = "none";
};

struct Whole {
  INFOPLANE_ARG(Options, part);
  INFOPLANE_ARG_OF(part_, width)
  INFOPLANE_ARG_OF(part_, name)
};
}  // namespace

TEST_CASE("an option has its default, a chaining setter and a getter", "[core]") {
  const auto made = Options().width(5).name("five");
  REQUIRE(made.width() == 5);
  REQUIRE(made.name() == "five");
  Options options;
  REQUIRE(options.width() == 3);
  REQUIRE(&options.width(4) == &options);
  static_assert(std::is_same_v<decltype(options.name()), const std::string&>);
}

TEST_CASE("an option of a part is set and read as the whole's own", "[core]") {
  const auto made = Whole().width(5).name("five");
  REQUIRE(made.width() == 5);
  REQUIRE(made.part().name() == "five");
  Whole whole;
  REQUIRE(whole.name() == "none");
  REQUIRE(&whole.width(4) == &whole);
  REQUIRE(whole.part().width() == 4);
  static_assert(std::is_same_v<decltype(whole.name()), const std::string&>);
}
