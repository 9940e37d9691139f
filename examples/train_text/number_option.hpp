#pragma once

#include <CLI/CLI.hpp>

#include <infoplane/core/error.hpp>
#include <infoplane/core/number.hpp>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

namespace train_text {

/// A whole number or a double from the command line: all of the text, from `least` to `most`.
template <typename T>
T read_number(const std::string& name, const std::string& text, T least, T most) {
  try {
    if constexpr (std::is_floating_point_v<T>) {
      return infoplane::read_double(name, text, least, most);
    } else if constexpr (std::is_unsigned_v<T>) {
      return static_cast<T>(infoplane::read_unsigned(name, text, least, most));
    } else {
      return static_cast<T>(infoplane::read_integer(name, text, least, most));
    }
  } catch (const infoplane::ArgumentError& error) {
    throw CLI::ValidationError(error.what());
  }
}

/// Adds an option for a number; `into` may also be an optional one. CLI11 by itself takes "010" for 8, and "1e99999"
/// for infinity.
template <typename T, typename Into>
CLI::Option* add_number(CLI::App& app, const std::string& name, Into& into, const std::string& help, T least,
                        T most = std::numeric_limits<T>::max()) {
  auto* option = app.add_option(
      name,
      [&into, name, least, most](const CLI::results_t& texts) {
        into = read_number<T>(name, texts.back(), least, most);
        return true;
      },
      help);
  option->type_name(std::is_floating_point_v<T> ? "NUMBER" : "INTEGER")->type_size(1)->expected(1);
  if constexpr (std::is_same_v<T, Into>) {
    option->default_str(CLI::detail::to_string(into));
  }
  return option;
}

}  // namespace train_text
