#pragma once

#include <cstdint>
#include <infoplane/plane/point.hpp>
#include <string>

namespace infoplane {

/// Below these corrected values are often undefined, and their errors uncertain (docs/estimator.md).
inline constexpr std::int64_t kEnoughTokens = 4096;
inline constexpr std::int64_t kEnoughSequences = 16;

/// What a point was made of: of the layer in which the most counted.
struct WindowContent {
  std::int64_t tokens = 0;
  std::int64_t sequences = 0;
  bool enough() const noexcept { return tokens >= kEnoughTokens && sequences >= kEnoughSequences; }
};
WindowContent content_of(const plane::Point& point) noexcept;

/// Times that so much is needed for enough of both, at least 1; 1 where nothing counted.
std::int64_t times_needed(const WindowContent& content) noexcept;

/// A sentence for a point with too little in it, and what to do; empty where it is enough. `window` is that of the
/// split, of points every `every` steps; 0: of a held-out pass.
std::string advice_on(const WindowContent& content, std::int64_t window, std::int64_t every);

}  // namespace infoplane
