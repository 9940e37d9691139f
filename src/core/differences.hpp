#pragma once

#include <infoplane/core/error.hpp>
#include <limits>
#include <locale>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace infoplane {

/// What two things that must be alike differ in, each as "name (mine and theirs)".
class Differences {
 public:
  /// Numbers with all their digits.
  template <typename T>
  void compare(const std::string& name, const T& mine, const T& theirs) {
    if (mine != theirs) {
      add(name, text_of(mine), text_of(theirs));
    }
  }
  /// A difference that is known to be one.
  void add(const std::string& name, const std::string& mine, const std::string& theirs) {
    fields_.push_back(detail::concat(name, " (", mine, " and ", theirs, ')'));
  }

  bool empty() const noexcept { return fields_.empty(); }
  const std::vector<std::string>& fields() const noexcept { return fields_; }
  /// All of them; empty where they do not differ.
  std::string text() const { return detail::join(fields_); }

 private:
  template <typename T>
  static std::string text_of(const T& value) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(std::numeric_limits<double>::max_digits10);
    out << value;
    return out.str();
  }

  std::vector<std::string> fields_;
};

}  // namespace infoplane
