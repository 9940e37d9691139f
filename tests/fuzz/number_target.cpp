// Any bytes as a number: the parser agrees with the grammar as it is written down here and with strtod, and each option
// of the program takes what the parser takes, refuses all else by name, and ends in no other way.
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <infoplane/core/error.hpp>
#include <infoplane/core/number.hpp>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

#include "cli/program.hpp"

namespace {

using infoplane::NumberFault;
using infoplane::parse_number;

void require(bool fine, const char* what, std::string_view text) {
  if (!fine) {
    std::cerr << "finding: " << what << ": \"" << text << "\"\n";
    std::abort();
  }
}

std::size_t digits(std::string_view text) {
  const auto end = text.find_first_not_of("0123456789");
  return end == std::string_view::npos ? text.size() : end;
}

bool is_integer(std::string_view text, bool negative_too) {
  if (negative_too && text.starts_with('-')) {
    text.remove_prefix(1);
  }
  return !text.empty() && digits(text) == text.size();
}

bool is_real(std::string_view text) {
  text.remove_prefix(text.starts_with('-') ? 1 : 0);
  auto found = digits(text);
  text.remove_prefix(found);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const auto behind = digits(text);
    text.remove_prefix(behind);
    found += behind;
  }
  if (found == 0) {
    return false;
  }
  if (text.empty()) {
    return true;
  }
  if (text.front() != 'e' && text.front() != 'E') {
    return false;
  }
  text.remove_prefix(1);
  text.remove_prefix(text.starts_with('+') || text.starts_with('-') ? 1 : 0);
  return !text.empty() && digits(text) == text.size();
}

template <typename T>
void check_integer(std::string_view text) {
  T value = 42;
  const auto fault = parse_number(text, value);
  const bool well_formed = is_integer(text, std::numeric_limits<T>::is_signed);
  require(well_formed == (fault != NumberFault::kNoNumber), "an integer is not what it is written to be", text);
  if (fault != NumberFault::kNone) {
    require(value == 42, "a fault changes the value", text);
    return;
  }
  const bool negative = text.front() == '-';
  T sum = 0;  // has the sign of the value, so that it cannot overflow
  for (const char c : text.substr(negative ? 1 : 0)) {
    const auto digit = static_cast<T>(c - '0');
    sum = static_cast<T>(sum * 10);
    sum = static_cast<T>(negative ? sum - digit : sum + digit);
  }
  require(sum == value, "an integer has another value", text);
}

void check_real(std::string_view text) {
  double value = 42;
  const auto fault = parse_number(text, value);
  require(is_real(text) == (fault != NumberFault::kNoNumber), "a number is not what it is written to be", text);
  if (fault == NumberFault::kNoNumber) {
    return;
  }
  const double other = std::strtod(std::string(text).c_str(), nullptr);
  require(std::isfinite(value), "a number is not finite", text);
  if (fault == NumberFault::kNone) {
    require(std::memcmp(&value, &other, sizeof value) == 0, "strtod reads another value", text);
  } else {
    require(value == 42, "a fault changes the value", text);
    require(!std::isfinite(other) || other == 0, "strtod holds a number that is out of range", text);
  }
}

struct Option {
  std::array<const char*, 2> command;
  const char* name;
  bool whole;
  double least, most;
};

constexpr double kLargest = std::numeric_limits<double>::max();
constexpr std::array kOptions = {
    Option{{"watch", "--once"}, "--rows", true, 2, 100000},
    Option{{"watch", "--once"}, "--interval", false, infoplane::kAboveZero, kLargest},
    Option{{"compare", "--json"}, "--at", true, 0, kLargest},
    Option{{"report", "--json"}, "--min-delta", false, 0, kLargest},
    Option{{"report", "--json"}, "--patience", true, 1, kLargest},
    Option{{"bound", "--json"}, "--tolerance", false, infoplane::kAboveZero, kLargest},
    Option{{"report", "--check"}, "--most", true, 1, kLargest},
};

bool allowed(const Option& option, const std::string& text) {
  if (!option.whole) {
    double value = 0;
    return parse_number(text, value) == NumberFault::kNone && value >= option.least && value <= option.most;
  }
  if (std::string_view(option.name) == "--at" && (text == "last" || text == "best")) {
    return true;
  }
  std::int64_t value = 0;
  return parse_number(text, value) == NumberFault::kNone && static_cast<double>(value) >= option.least &&
         static_cast<double>(value) <= option.most;
}

void check_option(const Option& option, const std::string& text) {
  std::ostringstream out, err;
  const int code = infoplane::cli::run(
      {option.command[0], "/no/such/file", option.command[1], option.name + ("=" + text)}, out, err);
  const auto waits = std::string_view(option.command[0]) == "watch" && out.str() == "waiting for /no/such/file …\n";
  require(out.str().empty() || waits, "something is printed", text);
  require(err.str().starts_with("infoplane: ") && err.str().ends_with("\n"), "a message is none", text);
  if (allowed(option, text)) {
    require(code == infoplane::cli::kFile, "an option refuses what the parser takes", text);
  } else {
    require(code == infoplane::cli::kUsage, "an option takes what the parser refuses", text);
    require(text.empty() || err.str().find(option.name) != std::string::npos, "a message does not name its option",
            text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_integer<std::int64_t>(text);
  check_integer<std::uint64_t>(text);
  check_real(text);
  check_option(kOptions[size % kOptions.size()], text);
  return 0;
}
