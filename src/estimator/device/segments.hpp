#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "estimator/device/cuda/launch.hpp"

namespace infoplane::estimator::cuda {

/// A micro-batch's positions sorted by label, for add_to_label_sums: made once on the host, used by every layer.
struct HostSegments {
  std::vector<std::int32_t> order;
  std::vector<LabelPiece> pieces;
  std::vector<LongLabel> long_labels;
  std::int64_t partial_sums = 0;  ///< rows of m that `partials` must have
};

/// Positions of one label that a warp sums at most.
constexpr std::int32_t kPiecePositions = 64;

/// Instead of the row of a position whose label is not kept.
constexpr std::int32_t kNotKept = -2;

/// `sets`: for each label set the row of each position, kNotKept, or otherwise below zero for none; O(positions) a set,
/// whatever the rows. Positions of a label keep their order, so sums do not depend on anything but the micro-batch.
/// @throws ArgumentError if a set has rows from 2³¹ − 1 on, or all sets together that many labelled positions.
HostSegments make_segments(std::span<const std::span<const std::int32_t>> sets);

/// For drop_label_sums: all rows of a set become one long label that is not kept.
HostSegments make_drop_segments(std::span<const std::span<const std::int32_t>> sets);

}  // namespace infoplane::estimator::cuda
