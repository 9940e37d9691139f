#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace infoplane::text {
namespace {

constexpr std::string_view kEllipsis = "…";

struct Range {
  char32_t first, last;
};

/// Sorted ranges of Unicode 15: marks that are drawn over the letter before them, and what joins or selects letters.
constexpr std::array kNarrowest = {
    Range{0x0300, 0x036F}, Range{0x0483, 0x0489},   Range{0x0591, 0x05BD},   Range{0x0610, 0x061A},
    Range{0x064B, 0x065F}, Range{0x0900, 0x0902},   Range{0x093A, 0x093A},   Range{0x093C, 0x093C},
    Range{0x0941, 0x0948}, Range{0x094D, 0x094D},   Range{0x0E31, 0x0E31},   Range{0x0E34, 0x0E3A},
    Range{0x0E47, 0x0E4E}, Range{0x1AB0, 0x1AFF},   Range{0x1DC0, 0x1DFF},   Range{0x200B, 0x200D},
    Range{0x2060, 0x2064}, Range{0x20D0, 0x20FF},   Range{0xFE00, 0xFE0F},   Range{0xFE20, 0xFE2F},
    Range{0xFEFF, 0xFEFF}, Range{0x1F3FB, 0x1F3FF}, Range{0xE0001, 0xE007F}, Range{0xE0100, 0xE01EF},
};
/// Those of two columns.
constexpr std::array kWidest = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0x33FF},   Range{0x3400, 0x4DBF},
    Range{0x4E00, 0x9FFF},   Range{0xA000, 0xA4CF},   Range{0xA960, 0xA97F},   Range{0xAC00, 0xD7A3},
    Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},
    Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1FAFF}, Range{0x20000, 0x3FFFD},
};

bool is_in(std::span<const Range> ranges, char32_t value) noexcept {
  const auto found = std::lower_bound(ranges.begin(), ranges.end(), value,
                                      [](const Range& range, char32_t v) { return range.last < v; });
  return found != ranges.end() && found->first <= value;
}

std::size_t columns_of(const CodePoint& each) noexcept {
  if (!each.valid || each.value < 0x300) {
    return 1;
  }
  return is_in(kNarrowest, each.value) ? 0 : is_in(kWidest, each.value) ? 2 : 1;
}

std::string hex(char32_t value, std::size_t digits) {
  std::string out(digits, '0');
  for (auto at = digits; at > 0; value >>= 4U) {
    out[--at] = "0123456789abcdef"[value & 0xFU];
  }
  return out;
}

std::string escape(char32_t value) {
  switch (value) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return value < 0x80 ? "\\x" + hex(value, 2) : "\\u" + hex(value, 4);
  }
}

/// Calls `take(code_point, its bytes)` for each.
template <typename Take>
void for_each_code_point(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const auto each = first_code_point(text);
    take(each, text.substr(0, each.bytes));
    text.remove_prefix(each.bytes);
  }
}

}  // namespace

CodePoint first_code_point(std::string_view text) noexcept {
  if (text.empty()) {
    return {};
  }
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const char32_t first = byte(0);
  const CodePoint invalid{first, 1, false};
  if (first < 0x80) {
    return {first, 1, true};
  }
  const std::size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (size == 0 || text.size() < size) {
    return invalid;
  }
  char32_t value = first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) {
      return invalid;
    }
    value = value << 6U | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  return value < kLeast[size] || surrogate || value > 0x10FFFF ? invalid : CodePoint{value, size, true};
}

bool is_control(char32_t value) noexcept {
  return value < 0x20 || (value >= 0x7F && value < 0xA0) || value == 0x061C || value == 0x200E || value == 0x200F ||
         (value >= 0x2028 && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_code_point(text, [&](const CodePoint& each, std::string_view bytes) {
    if (!each.valid) {
      out += "\\x" + hex(each.value, 2);
    } else if (is_control(each.value)) {
      out += escape(each.value);
    } else {
      out += bytes;
    }
  });
  return out;
}

std::string printable_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for_each_code_point(json, [&](const CodePoint& each, std::string_view bytes) {
    const bool layout = each.value == '\n' || each.value == '\r' || each.value == '\t';  // between values, not in texts
    if (each.valid && is_control(each.value) && !layout) {
      out += "\\u" + hex(each.value, 4);
    } else {
      out += each.valid ? bytes : "\xEF\xBF\xBD";
    }
  });
  return out;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_code_point(
      text, [&](const CodePoint& each, std::string_view bytes) { out += each.valid ? bytes : "\xEF\xBF\xBD"; });
  return out;
}

std::size_t columns(std::string_view text) noexcept {
  std::size_t count = 0;
  for_each_code_point(text, [&](const CodePoint& each, std::string_view) { count += columns_of(each); });
  return count;
}

std::string_view fitted(std::string_view text, std::size_t most) noexcept {
  std::size_t taken = 0, size = 0;
  while (size < text.size()) {
    const auto each = first_code_point(text.substr(size));
    taken += columns_of(each);
    if (taken > most) {
      break;
    }
    size += each.bytes;
  }
  return text.substr(0, size);
}

std::string shortened(std::string_view text, std::size_t most, Keep keep) {
  const auto all = columns(text);
  if (all <= most) {
    return std::string(text);
  }
  if (most == 0) {
    return {};
  }
  const auto room = most - 1;  // beside the ellipsis
  if (keep == Keep::kStart) {
    return std::string(fitted(text, room)).append(kEllipsis);
  }
  for (std::size_t left = all; !text.empty();) {
    const auto each = first_code_point(text);
    if (left <= room && columns_of(each) > 0) {
      break;
    }
    left -= columns_of(each);
    text.remove_prefix(each.bytes);
  }
  return std::string(kEllipsis).append(text);
}

std::string padded(std::string_view text, std::size_t most) {
  std::string out(text);
  return out.append(most - std::min(most, columns(text)), ' ');
}

std::string padded_left(std::string_view text, std::size_t most) {
  return std::string(most - std::min(most, columns(text)), ' ').append(text);
}

}  // namespace infoplane::text
