#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace infoplane {

struct BatchDetails;

/// Some positions of each row: one, a list, or an integer tensor of one axis (copied to the CPU, which waits for its
/// device). Those below 0 count from the end, so −1 is the last.
class RowPositions {
 public:
  /// All positions.
  RowPositions() = default;
  /// One.
  RowPositions(std::int64_t position) : values_{position}, some_(true) {}  // NOLINT: implicit on purpose
  /// A list of them.
  RowPositions(std::initializer_list<std::int64_t> positions) : values_(positions), some_(true) {}
  /// The same.
  RowPositions(std::vector<std::int64_t> positions) : values_(std::move(positions)), some_(true) {}  // NOLINT
  /// @throws ShapeError unless it has one axis and an integer dtype.
  RowPositions(const at::Tensor& positions);  // NOLINT

  /// As given.
  const std::vector<std::int64_t>& values() const noexcept { return values_; }
  /// Whether positions were chosen at all.
  bool chosen() const noexcept { return some_; }

 private:
  std::vector<std::int64_t> values_;
  bool some_ = false;
};

/// Tokens of one stack of blocks, in a model with several that read different ones.
struct TokenRow {
  /// `sites`: pattern of the sites that read these tokens, as `Monitor::describe()` prints them, such as "encoder.*".
  /// Tensors as `Monitor::observe` takes them.
  TokenRow(std::string sites, at::Tensor tokens, at::Tensor targets = {}, const BatchDetails& details = no_details());

  std::string sites;                            ///< a pattern
  at::Tensor tokens;                            ///< [B, T]
  at::Tensor targets;                           ///< like the tokens, or undefined
  std::shared_ptr<const BatchDetails> details;  ///< never null

 private:
  static const BatchDetails& no_details();
};

/// What a trainer can say about a micro-batch beside tokens and targets. Tensors are [B, T] like the tokens ([T, B]
/// with `MonitorOptions::time_major`), of any device; those not on the CPU are copied to it, which waits for their
/// device. Where B = T nothing shows whether axes were exchanged.
struct BatchDetails {
  /// Tensors by the name of their label set. One of [B] is a label of each row, for all of its positions; one of [B, T]
  /// has a label for each position. Of any integer dtype; −1 and −100 mean "no label". For continuous values give their
  /// bins (equal_count_bins).
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
  /// What comes out: `.outputs({{"class", y}})` gives `I(Y;Z)/class`, `share/class` and `distance/class`.
  INFOPLANE_ARG(NamedTensors, outputs);
  /// What goes in: `.inputs({{"patch", x}})` gives `I(X;Z)/patch` and `share/patch`.
  INFOPLANE_ARG(NamedTensors, inputs);
  /// Label sets on neither side; they stand with the inputs, as `I(X;Z)/<name>`.
  INFOPLANE_ARG(NamedTensors, labels);
  /// Positions in front of those of the tokens, in all activations that have them: class and register tokens, virtual
  /// tokens of prefix tuning. They are not measured, unless `only` names them.
  INFOPLANE_ARG(std::int64_t, prefix) = 0;
  /// The same behind.
  INFOPLANE_ARG(std::int64_t, suffix) = 0;
  /// The positions that are measured, counted in the activations, prefix included: `.only(0)` is a class token in
  /// front,
  /// `.only(-1)` the last position. What a prefix has no token for has labels of whole rows only.
  INFOPLANE_ARG(RowPositions, only);
  /// In place of `observe`'s tokens, where stacks of blocks read different ones:
  /// `.tokens({{"encoder.*", source}, {"decoder.*", target}})`. What else is said of a row stands in it.
  INFOPLANE_ARG(std::vector<TokenRow>, tokens);
};

}  // namespace infoplane
