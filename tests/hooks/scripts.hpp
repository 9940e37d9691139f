#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

namespace infoplane::testing {

/// Blocks of a script, a manner each.
enum class ScriptBlock {
  kPreNorm,   ///< x + f(layer_norm(x)), twice
  kPostNorm,  ///< layer_norm(x + f(x)), twice
  kOwnRms,    ///< hand-written RMSNorm before attention and MLP
  kBareNorm,  ///< norms without weights, scaled by a map of a condition
  kInPlace,   ///< pre-norm, y.add_(x)
  kDropout,   ///< pre-norm, with dropout
  kUnclear,   ///< nothing is added to the stream, and two tensors are handed on
};

/// A language model in TorchScript, as an export from Python would be: `forward(tokens)` gives logits
/// [B, T, vocabulary], `streams(tokens)` the list of embedding and block outputs [B, T, 8] of the same forward. Its
/// parameters are "embed.weight", "blocks.0.…", "norm.weight", "head.weight". Weights follow from the seed.
torch::jit::Module make_script(ScriptBlock block, int layers = 3, int seed = 1);

}  // namespace infoplane::testing
