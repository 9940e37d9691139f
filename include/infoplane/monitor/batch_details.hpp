#pragma once

#include <ATen/core/Tensor.h>

#include <infoplane/core/option.hpp>
#include <string>
#include <utility>
#include <vector>

namespace infoplane {

/// What a trainer can say about a micro-batch beside tokens and targets. Tensors are [B, T] like the tokens ([T, B]
/// with `MonitorOptions::time_major`), of any device; those not on the CPU are copied to it, which waits for their
/// device. Where B = T nothing shows whether axes were exchanged.
struct BatchDetails {
  /// Tensors by the name of their label set.
  using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;
  /// bool or uint8 (or int32, int64, not negative): non-zero where a position counts, zero for padding. Of the masks of
  /// PyTorch's attention, `key_padding_mask` is true at padding: give `~key_padding_mask`; an additive one (0 and −∞)
  /// gives `mask == 0`. It is of positions, not of pairs of them ([T, T]).
  INFOPLANE_ARG(at::Tensor, mask);
  /// int32 or int64 (or uint8) document number of each position; n-grams never reach from one document into another,
  /// and standard errors are between documents in the place of sequences. Numbers may start anew in each row: a
  /// document is the positions of a row with one number. With `LabelOptions::documents_span_rows` a number means one
  /// document in all rows, micro-batches and ranks, which errors of text in its order need.
  INFOPLANE_ARG(at::Tensor, documents);
  /// int64 [T′]: positions of the token row whose activations this rank has, in order, as in sequence and context
  /// parallelism. Labels come from the whole row, so n-grams reach over the seams. Undefined: all.
  INFOPLANE_ARG(at::Tensor, positions);
  /// Further integer labels by name, int32 or int64; −1 and −100 mean "no label".
  INFOPLANE_ARG(NamedTensors, labels);
};

}  // namespace infoplane
