#pragma once

#include <limits>
#include <locale>
#include <sstream>
#include <string>

namespace infoplane {

/// What two things that must be alike differ in, as "name (mine and theirs), …".
class Differences {
 public:
  template <typename T>
  void compare(const char* name, const T& mine, const T& theirs) {
    if (mine != theirs) {
      text_ << (text_.tellp() > 0 ? ", " : "") << name << " (" << mine << " and " << theirs << ')';
    }
  }
  /// Empty where they do not differ.
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_ = [] {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(std::numeric_limits<double>::max_digits10);
    return out;
  }();
};

}  // namespace infoplane
