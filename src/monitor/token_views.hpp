#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/labels/label_index.hpp>
#include <infoplane/monitor/batch_details.hpp>
#include <memory>
#include <vector>

#include "monitor/token_types.hpp"

namespace infoplane {

/// Of positions without tokens.
labels::IntegerView no_tokens(std::int64_t sequences, std::int64_t length);

/// A micro-batch on the host: views for the labels, and the tensors that keep their memory alive.
class HostBatch {
 public:
  /// @throws ShapeError if a tensor isn't one of 1 or 2 axes, not of a dtype for what it is, or not like the tokens.
  /// @throws ArgumentError if positions are not in the rows, or a mask has negative values.
  HostBatch(const at::Tensor& tokens, const at::Tensor& targets, const BatchDetails& details, bool time_major);
  /// Without tokens: the shape is that of the first tensor of the details. @throws as above.
  HostBatch(const BatchDetails& details, bool time_major);

  bool has_tokens() const noexcept { return has_tokens_; }
  /// Whether it says how many positions there are; else the activations do.
  bool has_shape() const noexcept { return has_shape_; }

  const labels::TokenBatch& tokens() const noexcept { return batch_; }
  const std::vector<labels::NamedLabels>& others() const noexcept { return others_; }
  std::int64_t sequences() const noexcept { return batch_.tokens.rows(); }
  /// Positions of a sequence that there are activations of.
  std::int64_t length() const noexcept {
    return whole_ ? batch_.tokens.columns() : static_cast<std::int64_t>(positions_.size());
  }
  /// The labels of these positions, from those of whole sequences.
  std::shared_ptr<const labels::Grouping> at_positions(std::shared_ptr<const labels::Grouping> grouping) const;

 private:
  void take(const BatchDetails& details, bool time_major);
  labels::IntegerView view(const at::Tensor& tensor, TokenRole role, const char* what, bool time_major);
  /// The same of a tensor with a value for each token.
  labels::IntegerView view_beside(const at::Tensor& tensor, TokenRole role, const char* what, bool time_major);

  std::vector<at::Tensor> held_;
  labels::TokenBatch batch_;
  bool has_tokens_ = true;
  bool has_shape_ = true;
  bool whole_ = true;
  std::vector<std::int64_t> positions_;
  std::vector<labels::NamedLabels> others_;
};

/// What a forward on this rank looks up in its embedding: a matrix, without the positions that it doesn't have.
at::Tensor followed_tokens(const at::Tensor& tokens, const BatchDetails& details, bool time_major);

}  // namespace infoplane
