#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Text that came from elsewhere (names of runs, layers, files; keys; parts of broken files), made fit for where it
// goes.
namespace infoplane::text {

/// The code point that a text begins with.
struct CodePoint {
  char32_t value = 0;     ///< where `bytes` are no UTF-8, the first of them
  std::size_t bytes = 0;  ///< 0 only for an empty text; 1 where invalid
  bool valid = false;     ///< UTF-8 as RFC 3629 has it: nothing overlong, no surrogate, at most U+10FFFF
};
CodePoint first_code_point(std::string_view text) noexcept;

/// Whether it does something to a terminal, a line or the order of a line's letters instead of being shown: the
/// controls C0, DEL and C1, the separators U+2028 and U+2029, and the bidirectional ones (U+061C, U+200E, U+200F,
/// U+202A to U+202E, U+2066 to U+2069).
bool is_control(char32_t code_point) noexcept;

/// The text as one line that a terminal shows and does not obey: a control as its escape (\n, \r, \t, \x1b, \u202e), a
/// byte that is no UTF-8 as \xff. All else stays as it is, backslashes too: the result is for people, not to be read
/// back. Printable text stays what it is.
std::string printable(std::string_view text);

/// A JSON text with the controls in its strings written as JSON's own escapes: it means the same, and a terminal does
/// not obey it. The text is UTF-8, as a writer of JSON gives it.
std::string printable_json(std::string_view json);

/// The text with U+FFFD for each byte that is no UTF-8.
std::string valid_utf8(std::string_view text);

/// Columns that a terminal takes for a text: none for a combining mark, two for a wide letter (East Asian, emoji), one
/// for everything else, also for a byte that is no UTF-8.
std::size_t columns(std::string_view text) noexcept;

/// Which end of a text that is too long is kept.
enum class Keep : std::uint8_t { kStart, kEnd };

/// The text where it takes so many columns at most, else as much of one end of it, with "…" in place of the rest. Cuts
/// between code points, and never leaves a combining mark without its letter.
std::string shortened(std::string_view text, std::size_t columns, Keep keep = Keep::kStart);

/// As much of the text's start as takes so many columns at most, with nothing in place of the rest.
std::string_view fitted(std::string_view text, std::size_t columns) noexcept;

/// The text with blanks behind it, or in front of it, up to so many columns.
std::string padded(std::string_view text, std::size_t columns);
std::string padded_left(std::string_view text, std::size_t columns);

}  // namespace infoplane::text
