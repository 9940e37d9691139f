#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/labels/label_index.hpp>
#include <infoplane/monitor/batch_details.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/token_types.hpp"

namespace infoplane {

/// Of positions without tokens.
labels::IntegerView no_tokens(std::int64_t sequences, std::int64_t length);

/// A micro-batch on the host: views for the labels, and the tensors that keep their memory alive.
class HostBatch {
 public:
  /// @throws ShapeError if a tensor isn't one of 1 or 2 axes, not of a dtype for what it is, or not like the tokens.
  /// @throws ArgumentError if positions are not in the rows, a mask has negative values, or a label set has a name that
  /// keys cannot have.
  HostBatch(const at::Tensor& tokens, const at::Tensor& targets, const BatchDetails& details, bool time_major);
  /// Without tokens: the shape is that of the first tensor of two axes of the details. @throws as above.
  HostBatch(const BatchDetails& details, bool time_major);

  bool has_tokens() const noexcept { return has_tokens_; }
  /// Whether it says how many positions a row has; else the activations do.
  bool has_shape() const noexcept { return has_shape_; }
  /// Rows of what is given; 0 where nothing says it.
  std::int64_t sequences() const noexcept { return batch_.tokens.rows(); }
  /// Positions of a row that there are activations of, without prefix and suffix.
  std::int64_t length() const noexcept {
    return whole_ ? batch_.tokens.columns() : static_cast<std::int64_t>(positions_.size());
  }

  const labels::TokenBatch& tokens() const noexcept { return batch_; }
  /// The same of a micro-batch without tokens or shape, where the activations say what it is.
  labels::TokenBatch at(std::int64_t sequences, std::int64_t length) const;
  /// The label sets, where a row has so many positions.
  std::vector<labels::NamedLabels> others(std::int64_t length) const;

  /// The sets whose labels are those of whole rows.
  bool is_of_rows(std::string_view set) const noexcept;
  bool has_labels_of_rows() const noexcept;

  /// Positions of the whole rows that this rank has activations of; empty: all.
  const std::vector<std::int64_t>& positions() const noexcept { return positions_; }
  bool whole() const noexcept { return whole_; }
  std::int64_t prefix() const noexcept { return prefix_; }
  std::int64_t suffix() const noexcept { return suffix_; }
  const RowPositions& only() const noexcept { return only_; }

 private:
  struct LabelSet {
    std::string name;
    labels::IntegerView values;
    bool of_rows;  // [1, B], a label for each row
  };

  void take(const BatchDetails& details, bool time_major);
  void take_shape(const BatchDetails& details, bool time_major);
  void take_places(const BatchDetails& details);
  void take_label_set(const std::string& set, const std::string& name, const at::Tensor& values, bool time_major);
  labels::IntegerView view(const at::Tensor& tensor, TokenRole role, const char* what, bool time_major);
  /// The same of a tensor with a value for each token.
  labels::IntegerView view_beside(const at::Tensor& tensor, TokenRole role, const char* what, bool time_major);
  /// Whether a tensor has a value for each row, not for each position.
  bool has_one_a_row(const at::Tensor& tensor) const noexcept;

  std::vector<at::Tensor> held_;
  labels::TokenBatch batch_;
  bool has_tokens_ = true;
  bool has_shape_ = true;
  bool is_one_row_ = false;  // tokens of one axis
  bool whole_ = true;
  std::vector<std::int64_t> positions_;
  std::int64_t prefix_ = 0, suffix_ = 0;
  RowPositions only_;
  std::vector<LabelSet> sets_;
};

/// What a forward on this rank looks up in its embedding: a matrix, without the positions that it doesn't have.
at::Tensor followed_tokens(const at::Tensor& tokens, const BatchDetails& details, bool time_major);

}  // namespace infoplane
