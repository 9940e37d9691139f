#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/labels/label_index.hpp>
#include <infoplane/monitor/batch_details.hpp>
#include <memory>
#include <vector>

namespace infoplane {

/// A micro-batch on the host: views for the labels, and the tensors that keep their memory alive.
class HostBatch {
 public:
  /// @throws ShapeError if a tensor isn't one of 1 or 2 axes of integers (or bool for the mask), or not like the
  /// tokens.
  HostBatch(const at::Tensor& tokens, const at::Tensor& targets, const BatchDetails& details, bool time_major);

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
  labels::IntegerView view(const at::Tensor& tensor, const char* what, bool time_major);

  std::vector<at::Tensor> held_;
  labels::TokenBatch batch_;
  bool whole_ = true;
  std::vector<std::int64_t> positions_;
  std::vector<labels::NamedLabels> others_;
};

/// The activations as [B, T, d] or [B · T, d] in the order of [sequence, position], as a view.
///
/// [B, T, d], [T, B, d], [B · T, d] and [T · B, d] are taken; where sizes do not tell, `time_major` does.
/// @throws SiteError naming the site and both shapes if none fits.
at::Tensor by_position(const at::Tensor& activations, std::int64_t sequences, std::int64_t length, bool time_major,
                       const std::string& site);

}  // namespace infoplane
