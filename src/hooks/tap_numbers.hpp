#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infoplane::hooks::detail {

/// Numbers of taps whose names have none: their calls since the forward began.
class TapNumbers {
 public:
  int next(std::string_view tap) {
    any_ = true;
    const auto known = [&](const auto& calls) { return calls.first == tap; };
    auto position = std::find_if(calls_.begin(), calls_.end(), known);
    if (position == calls_.end()) {
      position = calls_.insert(calls_.end(), {std::string(tap), 0});
    }
    return position->second++;
  }
  /// Another forward begins.
  void restart() noexcept { calls_.clear(); }
  /// Whether a tap was numbered: where the next forward begins, only operators show.
  bool any() const noexcept { return any_; }

 private:
  std::vector<std::pair<std::string, int>> calls_;
  bool any_ = false;
};

}  // namespace infoplane::hooks::detail
