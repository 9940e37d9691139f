#include <charconv>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/core/number.hpp>
#include <string>
#include <system_error>
#include <type_traits>

#include "core/text.hpp"

namespace infoplane {
namespace {

template <typename T>
NumberFault parse(std::string_view text, T& value) noexcept {
  T parsed{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return NumberFault::kNoNumber;
  }
  if (error != std::errc()) {
    return NumberFault::kOutOfRange;
  }
  value = parsed;
  return NumberFault::kNone;
}

/// Of numbers in messages: the shortest text that reads back as the same, in no locale.
template <typename T>
std::string shown(T value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

template <typename T>
std::string range(T least, T most) {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_floating_point_v<T>) {
    if (least == kAboveZero && most == Limits::max()) {
      return " above 0";
    }
  }
  if (most != Limits::max()) {
    return " from " + shown(least) + " to " + shown(most);
  }
  return std::is_signed_v<T> && least == Limits::lowest() ? "" : " of at least " + shown(least);
}

/// What the range leaves unsaid.
template <typename T>
const char* form(NumberFault fault, T most) {
  switch (fault) {
    case NumberFault::kNoNumber:
      return ", written in plain digits";
    case NumberFault::kOutOfRange:
      if (most == std::numeric_limits<T>::max()) {
        return std::is_floating_point_v<T> ? " that a double holds" : " that fits into 64 bits";
      }
      break;
    case NumberFault::kNone:
      break;
  }
  return "";
}

template <typename T>
T read(std::string_view name, std::string_view text, T least, T most, const char* kind) {
  T value{};
  const auto fault = parse_number(text, value);
  INFOPLANE_CHECK(fault == NumberFault::kNone && value >= least && value <= most, ArgumentError, name, ": ", '"',
                  text::shortened(text, 40), "\" is not ", kind, range(least, most), form(fault, most));
  return value;
}

}  // namespace

NumberFault parse_number(std::string_view text, std::int64_t& value) noexcept { return parse(text, value); }
NumberFault parse_number(std::string_view text, std::uint64_t& value) noexcept { return parse(text, value); }

NumberFault parse_number(std::string_view text, double& value) noexcept {
  double parsed = 0;
  const auto fault = parse(text, parsed);
  if (fault != NumberFault::kNone) {
    return fault;
  }
  if (!std::isfinite(parsed)) {
    return NumberFault::kNoNumber;
  }
  value = parsed;
  return NumberFault::kNone;
}

std::int64_t read_integer(std::string_view name, std::string_view text, std::int64_t least, std::int64_t most) {
  return read(name, text, least, most, "a whole number");
}

std::uint64_t read_unsigned(std::string_view name, std::string_view text, std::uint64_t least, std::uint64_t most) {
  return read(name, text, least, most, "a whole number");
}

double read_double(std::string_view name, std::string_view text, double least, double most) {
  return read(name, text, least, most, "a number");
}

}  // namespace infoplane
