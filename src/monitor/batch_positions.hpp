#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/labels/label_index.hpp>
#include <infoplane/monitor/monitor_options.hpp>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "monitor/shape_advice.hpp"
#include "monitor/token_views.hpp"

namespace infoplane {

/// What activations of some size are measured against, and which of their positions.
struct Place {
  std::int64_t length = 0;                           ///< positions that the activations have in a row
  std::vector<std::int64_t> chosen;                  ///< those that are measured; empty: all
  std::shared_ptr<const labels::Grouping> grouping;  ///< of these
};

/// The positions of a micro-batch, and their labels, at sites of any number of positions.
///
/// A site that has the tokens' positions, with or without prefix and suffix, has all labels. One of other positions has
/// those of whole rows; it is there at all only where there are such labels, or no tokens.
class BatchPositions {
 public:
  /// `index` is borrowed. @throws ShapeError, ArgumentError as LabelIndex::group.
  BatchPositions(HostBatch batch, labels::LabelIndex& index, bool time_first);

  /// Where activations belong; null where they do not fit. Stays as long as this. The first of a micro-batch without
  /// shape says it.
  /// @throws SiteError if the first cannot say it. @throws ArgumentError if a position of `only` is not there.
  const Place* place(c10::IntArrayRef sizes);

  bool has_tokens() const noexcept { return batch_.has_tokens(); }
  /// Whether a site had the positions of what was given; true where nothing was.
  bool has_fitted() const noexcept { return has_fitted_ || !batch_.has_shape(); }
  /// What the sizes of activations without tokens say; where they say nothing, the monitor's options.
  AxisOrder order_without_tokens(c10::IntArrayRef sizes, std::int64_t length) const noexcept;
  /// As far as known.
  const ObservedTokens& observed() const noexcept { return observed_; }
  /// The names of the label sets, once a site was placed; null before.
  const labels::Grouping* labels() const noexcept { return whole_.get(); }
  /// Of the labels.
  std::int64_t memory_bytes() const noexcept;
  /// [B, T′, …] of activations whose first two axes, or the two behind the first, are positions.
  at::Tensor by_rows(const at::Tensor& activations, const Place& place) const;

 private:
  using Shared = std::shared_ptr<const labels::Grouping>;

  void group();
  void take_shape(c10::IntArrayRef sizes);
  /// Positions in a row of activations of a micro-batch whose rows are known; 0 where they have other rows.
  std::int64_t length_of(c10::IntArrayRef sizes) const noexcept;
  const Place& with_tokens(std::int64_t length);
  const Place& without_shape(std::int64_t length);
  const Place& elsewhere(std::int64_t length);
  std::vector<std::int64_t> chosen_of(std::int64_t length) const;
  Shared at_tokens(const std::vector<std::int64_t>& tokens) const;
  void label_as_row(labels::Grouping& grouping, std::size_t position, std::int64_t row) const;
  Shared of_rows(std::int64_t length) const;

  HostBatch batch_;
  labels::LabelIndex* index_;
  bool time_first_;
  Shared whole_;  // of the tokens' positions, or of the first site's
  ObservedTokens observed_;
  bool has_fitted_ = false;
  std::map<std::pair<std::int64_t, bool>, Place> places_;  // by length, and whether it is that of the tokens
};

}  // namespace infoplane
