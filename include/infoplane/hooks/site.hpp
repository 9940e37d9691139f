#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

namespace infoplane::hooks {

/// Which tensor of the forward a site hands over.
enum class SiteKind {
  kNormInput,         ///< the stream that enters a fused LayerNorm or RMSNorm, with a weight or without
  kNormOutput,        ///< post-norm: the output of the block's last norm
  kNormalisedStream,  ///< hand-written RMSNorm: the normalised stream, which has the stream's direction
  kCentredStream,     ///< hand-written LayerNorm: likewise after its mean was taken off, so the direction is that of
                      ///< x − mean(x), not of x; where that matters, tap the stream itself
  kLinearInput,       ///< the stream that enters the first other operator with a parameter of a block or of the head
  kEmbedding,         ///< stands for the embedding until the first observed forward shows where its stream is read
  kTap,               ///< handed over by `tap()`
  kModuleOutput,      ///< the result of a `Hookable` module
  kResidualStream,    ///< the stream itself, at an operator without parameters: where the block adds to it,
                      ///< or where what follows the last block first reads it
};

/// "norm input", "norm output", …
const char* to_string(SiteKind kind) noexcept;

/// A place in the model whose tensor is captured.
struct Site {
  /// Says which tensor it is, not where it is read: "embedding", then the path of the block whose output it is
  /// ("blocks.0", "h.0", "block0"), whichever source saw it. The n-th use of a shared block is "layer#n".
  std::string name;
  SiteKind kind = SiteKind::kNormInput;  ///< which tensor it is, in general terms
  /// The parameter or tap at which it is read, such as "blocks.1.ln1.weight"; of what is read at an operator without
  /// parameters, the last parameter before that.
  std::string source;
  /// −1 the embedding, 0, 1, … the block whose output it is in the order of the forward, −2 any other tensor, such as
  /// the streams "norms.0", "norms.1", … of a model without known blocks, or what is tapped inside a block. Means over
  /// blocks take those from 0 on.
  int index = -2;
  /// Path of the list whose blocks the stream passes, such as "transformer.encoder.layers"; of a tap, what stands
  /// before the last component of its name. Empty where there is none. Streams of different stacks can be of different
  /// tokens.
  std::string stack = {};
};

/// How the two leading axes of a captured tensor lie to those of the tokens that were given to `Watcher::observe`.
enum class AxisMatch : std::uint8_t {
  kUnknown,
  kSame,
  kExchanged,
};

/// Receives the tensor of a site: detached, of the forward's own dtype, device and shape (usually [B, T, d]), sharing
/// memory with the model's activation, so it is read now and not kept. Called on the forward's thread with grad mode
/// and autocast off; nothing that it computes is captured. An exception is kept and thrown from `Scope::finish`.
using Capture = std::function<void(const Site& site, const at::Tensor& tensor)>;

}  // namespace infoplane::hooks
