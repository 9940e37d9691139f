#pragma once

#include <string>

namespace infoplane::simulation {

/// Prints, for each file `folder/act/<layer>.f32` (float32 rows, one a token) and the tokens `folder/seqs.npy` (int32
/// [sequences, length], in random order), what `corrected` of windows of about 16384 tokens is against that of all
/// tokens: bias, spread, error and cover, for unigrams and bigrams on both sides. The windows are parts of all tokens,
/// whose value has an error of its own: with 20 windows, a tenth of the variance of a window's.
/// @returns whether unigrams are within 2 % and bigrams within 4 %. @throws std::runtime_error where files do not fit.
bool study_real_activations(const std::string& folder);

}  // namespace infoplane::simulation
