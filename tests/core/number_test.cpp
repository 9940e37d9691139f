#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <clocale>
#include <cmath>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/core/number.hpp>
#include <limits>
#include <string>
#include <vector>

using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::NumberFault;
using infoplane::parse_number;

namespace {

constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
constexpr auto kMost = std::numeric_limits<std::int64_t>::max();

template <typename T>
NumberFault fault_of(std::string_view text) {
  T value{};
  return parse_number(text, value);
}

template <typename T>
T value_of(std::string_view text) {
  T value{};
  REQUIRE(parse_number(text, value) == NumberFault::kNone);
  return value;
}

}  // namespace

TEST_CASE("a whole text is one decimal number or none", "[core]") {
  REQUIRE(value_of<std::int64_t>("0") == 0);
  REQUIRE(value_of<std::int64_t>("-0") == 0);
  REQUIRE(value_of<std::int64_t>("007") == 7);  // no octal number
  REQUIRE(value_of<std::int64_t>("010") == 10);
  REQUIRE(value_of<std::int64_t>("9223372036854775807") == kMost);
  REQUIRE(value_of<std::int64_t>("-9223372036854775808") == kLeast);
  REQUIRE(value_of<std::uint64_t>("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  REQUIRE(value_of<double>("0.5") == 0.5);
  REQUIRE(value_of<double>(".5") == 0.5);
  REQUIRE(value_of<double>("-1e3") == -1000);
  REQUIRE(value_of<double>("1E-3") == 1e-3);
  REQUIRE(value_of<double>("1.7976931348623157e308") == std::numeric_limits<double>::max());
  REQUIRE(std::signbit(value_of<double>("-0")));

  const std::vector<std::string> never = {"",
                                          " ",
                                          "-",
                                          "+",
                                          "+5",
                                          " 5",
                                          "5 ",
                                          "5\n",
                                          "\t5",
                                          "5x",
                                          "0x64",
                                          "0b1",
                                          "1_000",
                                          "1'000",
                                          "1,000",
                                          "1 000",
                                          "nan",
                                          "NaN",
                                          "inf",
                                          "-inf",
                                          "five",
                                          "--5",
                                          "5-",
                                          "1e",
                                          "e5",
                                          "infinity",
                                          "\xD9\xA3",
                                          "5,0",
                                          "1.5.2",
                                          "0x1p3",
                                          std::string("5\0", 2),
                                          "١",
                                          "NaN(1)"};
  for (const auto& text : never) {
    CAPTURE(text);
    REQUIRE(fault_of<std::int64_t>(text) == NumberFault::kNoNumber);
    REQUIRE(fault_of<std::uint64_t>(text) == NumberFault::kNoNumber);
    REQUIRE(fault_of<double>(text) == NumberFault::kNoNumber);
  }
  for (const auto* text : {"50.7", "1e3", "5.", ".5", "1e999"}) {
    CAPTURE(text);
    REQUIRE(fault_of<std::int64_t>(text) == NumberFault::kNoNumber);
  }
  REQUIRE(fault_of<std::uint64_t>("-1") == NumberFault::kNoNumber);
  REQUIRE(fault_of<std::int64_t>("9223372036854775808") == NumberFault::kOutOfRange);
  REQUIRE(fault_of<std::int64_t>("-9223372036854775809") == NumberFault::kOutOfRange);
  REQUIRE(fault_of<std::int64_t>(std::string(100000, '9')) == NumberFault::kOutOfRange);
  REQUIRE(fault_of<std::uint64_t>("18446744073709551616") == NumberFault::kOutOfRange);
  REQUIRE(fault_of<double>("1e999") == NumberFault::kOutOfRange);
  REQUIRE(fault_of<double>("-1e999") == NumberFault::kOutOfRange);

  std::int64_t untouched = 7;
  REQUIRE(parse_number("8x", untouched) != NumberFault::kNone);
  REQUIRE(parse_number("99999999999999999999", untouched) != NumberFault::kNone);
  REQUIRE(untouched == 7);
}

TEST_CASE("a number means the same in every locale", "[core]") {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  bool any = false;
  for (const auto* locale : {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8", "C"}) {
    if (std::setlocale(LC_ALL, locale) == nullptr) {
      continue;
    }
    any = true;
    CHECK(value_of<double>("0.5") == 0.5);
    CHECK(fault_of<double>("0,5") == NumberFault::kNoNumber);
    CHECK_THROWS_MATCHES(infoplane::read_integer("--n", "1.000", 0, 1000000), ArgumentError,
                         Message("--n: \"1.000\" is not a whole number from 0 to 1000000, written in plain digits"));
  }
  std::setlocale(LC_ALL, before.c_str());
  REQUIRE(any);
}

TEST_CASE("a number that a user gave is refused with its name and what is allowed", "[core]") {
  REQUIRE(infoplane::read_integer("--rows", "20", 2, 100) == 20);
  REQUIRE(infoplane::read_integer("--rows", "2", 2, 100) == 2);
  REQUIRE(infoplane::read_integer("--rows", "100", 2, 100) == 100);
  REQUIRE(infoplane::read_unsigned("--seed", "18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  REQUIRE(infoplane::read_double("--lr", "1e-3", infoplane::kAboveZero) == 1e-3);

  const auto integer = [](const char* text, std::int64_t least, std::int64_t most) {
    return [=] { infoplane::read_integer("--n", text, least, most); };
  };
  const auto real = [](const char* text, double least, double most) {
    return [=] { infoplane::read_double("--x", text, least, most); };
  };
  constexpr auto kLargest = std::numeric_limits<double>::max();
  struct Row {
    std::function<void()> read;
    std::string message;
  };
  const std::vector<Row> rows = {
      {integer("1e3", 2, 100), "--n: \"1e3\" is not a whole number from 2 to 100, written in plain digits"},
      {integer("", 2, 100), "--n: \"\" is not a whole number from 2 to 100, written in plain digits"},
      {integer("101", 2, 100), "--n: \"101\" is not a whole number from 2 to 100"},
      {integer("-5", 0, kMost), "--n: \"-5\" is not a whole number of at least 0"},
      {integer("99999999999999999999", 2, 100), "--n: \"99999999999999999999\" is not a whole number from 2 to 100"},
      {integer("99999999999999999999", 0, kMost),
       "--n: \"99999999999999999999\" is not a whole number of at least 0 that fits into 64 bits"},
      {integer("99999999999999999999", kLeast, kMost),
       "--n: \"99999999999999999999\" is not a whole number that fits into 64 bits"},
      {[] { infoplane::read_unsigned("--seed", "-1"); },
       "--seed: \"-1\" is not a whole number of at least 0, written in plain digits"},
      {real("0", infoplane::kAboveZero, kLargest), "--x: \"0\" is not a number above 0"},
      {real("nan", infoplane::kAboveZero, kLargest), "--x: \"nan\" is not a number above 0, written in plain digits"},
      {real("-0.25", 0, kLargest), "--x: \"-0.25\" is not a number of at least 0"},
      {real("1.5", 0, 1), "--x: \"1.5\" is not a number from 0 to 1"},
      {real("1e999", -kLargest, kLargest), "--x: \"1e999\" is not a number that a double holds"},
      {integer("1111111111111111111111111111111111111111111111", 0, 9),
       "--n: \"111111111111111111111111111111111111111…\" is not a whole number from 0 to 9"},
      {integer("ЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖ", 0, 9),
       "--n: \"ЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖ…\" is not a whole number from 0 to 9, written in plain digits"},
  };
  for (const auto& row : rows) {
    REQUIRE_THROWS_MATCHES(row.read(), ArgumentError, Message(row.message));
  }
}
