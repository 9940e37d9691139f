#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <random>
#include <vector>

namespace preference {

/// Pairs of completions as a model gets them: rows 0 … P − 1 are preferred, rows P … 2 P − 1 the rejected ones of the
/// same prompts. All [2 P, T] but `preferred`.
struct Pairs {
  at::Tensor inputs, targets;  ///< int64; padding behind the completions is 0
  at::Tensor completion;       ///< bool: positions of the completion
  at::Tensor counts;           ///< bool: positions that are not padding
  at::Tensor preferred;        ///< bool [2 P]
};

/// Draws pairs from a text: a prompt of 16 bytes; the preferred completion is how the text goes on, the rejected one
/// the same bytes in another order, both of the same random length of 24 to 48.
/// @throws train_text::TextError if the text is shorter than one row.
Pairs draw_pairs(const std::vector<std::uint16_t>& text, std::int64_t pairs, std::mt19937_64& generator);

}  // namespace preference
