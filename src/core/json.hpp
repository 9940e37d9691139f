#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

// The one way in for JSON. What a text may cost is bounded before it is paid: in depth, in values, and by its length,
// which who reads the file bounds.
namespace infoplane::json {

/// Arrays and objects within one another.
inline constexpr std::size_t kMostDepth = 64;
/// Numbers, texts, truth values, nulls, arrays and objects of a text together.
inline constexpr std::size_t kMostValues = std::size_t{1} << 24U;

/// A value that holds no others. A number without point and exponent is an integer: signed where it is negative, a
/// double where it does not fit into 64 bits.
using Scalar = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string>;

enum class Kind : std::uint8_t { kArray, kObject };

/// Is told of a text from its start to its end. May throw.
class Events {
 public:
  virtual ~Events() = default;
  virtual void scalar(Scalar value) = 0;
  virtual void open(Kind kind) = 0;
  virtual void close() = 0;
  /// The name of the value that follows.
  virtual void name(std::string text) = 0;
};

/// Reads one JSON text, in time and memory that are linear in it. A byte-order mark in front is passed over.
/// @throws IoError, without the file's name, if it is no JSON, or goes beyond kMostDepth or kMostValues: with what is
/// wrong in which column, and in which line where it has several.
void read(std::string_view text, Events& events);

/// As read, and keeps `line`, from 1, at the line that the reader has come to; it is one on where the number ends a
/// line.
void read(std::string_view text, Events& events, std::size_t& line);

/// Whether the text is one whole JSON value of any size.
bool is_whole(std::string_view text) noexcept;

}  // namespace infoplane::json
