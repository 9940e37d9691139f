#pragma once

#include <cstdint>

namespace infoplane {

/// What the loss of a step is. A guess is not made: a loss can be a sum, in bits, smoothed, or of something else.
enum class LossKind : std::uint8_t {
  kOther,
  /// The mean cross-entropy in nats of the token behind each position, over the positions that have one: points then
  /// have `predicted/unigram` = H(Y) − loss, how much of the next token the model predicts.
  kCrossEntropy,
};

}  // namespace infoplane
