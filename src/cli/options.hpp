#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <infoplane/core/error.hpp>
#include <infoplane/core/number.hpp>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

// Options that take a number, read by infoplane/core/number.hpp: CLI11 reads "0x64" and "010" as it likes, and what
// does not fit it cuts.
namespace infoplane::cli {

template <typename T>
struct Range {
  T least = std::numeric_limits<T>::lowest();
  T most = std::numeric_limits<T>::max();
};

template <typename T>
struct number_of {
  using type = T;
};
template <typename T>
struct number_of<std::optional<T>> {
  using type = T;
};
template <typename T>
using number_of_t = typename number_of<T>::type;

/// Runs what reads a value, and reports what it throws as a mistake on the command line.
template <typename Read>
void read_value(const Read& read) {
  try {
    read();
  } catch (const ArgumentError& error) {
    throw CLI::ValidationError(error.what());
  }
}

/// An option whose value is a number: std::int64_t, std::uint64_t, double, or an optional one of these.
template <typename T>
CLI::Option* add_number(CLI::App& command, const std::string& names, T& into, const std::string& help,
                        Range<number_of_t<T>> range = {}) {
  using Number = number_of_t<T>;
  static_assert(std::is_same_v<Number, std::int64_t> || std::is_same_v<Number, std::uint64_t> ||
                std::is_same_v<Number, double>);
  const auto name = names.substr(names.rfind(',') + 1);  // the long one; npos + 1 is 0
  auto* option = command.add_option(
      names,
      [&into, name, range](const CLI::results_t& texts) {
        read_value([&] {
          if constexpr (std::is_same_v<Number, double>) {
            into = read_double(name, texts.back(), range.least, range.most);
          } else if constexpr (std::is_same_v<Number, std::uint64_t>) {
            into = read_unsigned(name, texts.back(), range.least, range.most);
          } else {
            into = read_integer(name, texts.back(), range.least, range.most);
          }
        });
        return true;
      },
      help);
  option->type_name(std::is_same_v<Number, double> ? "NUMBER" : "INTEGER")->type_size(1)->expected(1);
  if constexpr (std::is_same_v<T, Number>) {
    option->default_str(CLI::detail::to_string(into));
  }
  return option;
}

/// An option that is there or not: "--json=5" is a mistake.
inline CLI::Option* add_flag(CLI::App& command, const std::string& name, bool& into, const std::string& help) {
  const auto no_value = [](const std::string& text) { return text == "true" ? "" : "takes no value, got " + text; };
  return command.add_flag(name, into, help)->check(no_value, "");
}

}  // namespace infoplane::cli
