#include "monitor/window_choice.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>

namespace infoplane {
namespace {

std::int64_t quotient_up(std::int64_t value, std::int64_t by) noexcept { return (value + by - 1) / by; }

}  // namespace

WindowContent content_of(const plane::Point& point) noexcept {
  WindowContent most;
  for (const auto& layer : point.layers) {
    most.tokens = std::max(most.tokens, layer.tokens);
    most.sequences = std::max(most.sequences, layer.sequences);
  }
  return most;
}

std::int64_t times_needed(const WindowContent& content) noexcept {
  if (content.tokens <= 0 || content.sequences <= 0) {
    return 1;
  }
  return std::max(quotient_up(kEnoughTokens, content.tokens), quotient_up(kEnoughSequences, content.sequences));
}

std::string advice_on(const WindowContent& content, std::int64_t window, std::int64_t every) {
  if (content.tokens <= 0 || content.enough()) {
    return "";
  }
  const auto what =
      detail::concat("have ", content.tokens, " tokens in ", content.sequences, " sequences; below ", kEnoughTokens,
                     " tokens or ", kEnoughSequences, " sequences corrected values are noisy, or undefined");
  const auto times = times_needed(content);
  if (window == 0) {
    return detail::concat("held-out points ", what, ": hold out ", times, " times as many rows");
  }
  const auto wanted = window * times;
  return detail::concat("points of the train split ", what, ": MonitorOptions::window(", wanted, ") would do",
                        wanted > every ? detail::concat(", with every(", wanted, ") or more") : "");
}

}  // namespace infoplane
