#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace infoplane {

/// Why a text is not a number.
enum class NumberFault : std::uint8_t {
  kNone,
  kNoNumber,    ///< empty, or anything in front of, within or behind it that does not belong to a decimal number
  kOutOfRange,  ///< a number that the type does not hold
};

/// Reads a text that is one decimal number from its first to its last byte, in any locale. An integer is digits with a
/// minus in front of a negative one; a double may have a point and an exponent, and is finite. A plus in front, blanks,
/// grouped digits, other bases, "nan" and "inf" are no numbers. Where there is a fault, `value` stays as it was.
NumberFault parse_number(std::string_view text, std::int64_t& value) noexcept;
NumberFault parse_number(std::string_view text, std::uint64_t& value) noexcept;
NumberFault parse_number(std::string_view text, double& value) noexcept;

/// As parse_number, for a value that a user gave; `name` is what messages call it, such as "--steps".
/// @throws ArgumentError with the name, the text and what is allowed, if it is no number or not from `least` to `most`.
std::int64_t read_integer(std::string_view name, std::string_view text,
                          std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                          std::int64_t most = std::numeric_limits<std::int64_t>::max());
std::uint64_t read_unsigned(std::string_view name, std::string_view text, std::uint64_t least = 0,
                            std::uint64_t most = std::numeric_limits<std::uint64_t>::max());
double read_double(std::string_view name, std::string_view text, double least = std::numeric_limits<double>::lowest(),
                   double most = std::numeric_limits<double>::max());

/// The `least` of read_double for numbers above 0.
inline constexpr double kAboveZero = std::numeric_limits<double>::denorm_min();

}  // namespace infoplane
