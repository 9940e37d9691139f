#include "estimator/device/segments.hpp"

#include <algorithm>
#include <array>
#include <infoplane/core/error.hpp>
#include <limits>
#include <numeric>

namespace infoplane::estimator::cuda {
namespace {

constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

/// Cuts the positions [begin, end) of a label into pieces.
void add_label(HostSegments& segments, std::int32_t set, std::int32_t row, std::int32_t begin, std::int32_t end,
               bool always_long = false) {
  if (end - begin <= kPiecePositions && !always_long) {
    segments.pieces.push_back({set, row, begin, end, -1});
    return;
  }
  const auto first = static_cast<std::int32_t>(segments.partial_sums);
  for (std::int32_t from = begin; from < end;) {
    const std::int32_t to = from + std::min(kPiecePositions, end - from);
    segments.pieces.push_back({set, row, from, to, static_cast<std::int32_t>(segments.partial_sums++)});
    from = to;
  }
  segments.long_labels.push_back({set, row, first, static_cast<std::int32_t>(segments.partial_sums)});
}

/// A position and the number of its label.
struct Position {
  std::uint32_t label;
  std::int32_t position;
};

/// By label, those of a label in their order: by eleven bits of the label at a time, the lowest first.
void sort_by_label(std::vector<Position>& positions, std::vector<Position>& scratch, std::uint32_t largest) {
  constexpr unsigned kBits = 11;
  scratch.resize(positions.size());
  for (unsigned shift = 0; shift < 32 && (largest >> shift) != 0; shift += kBits) {
    std::array<std::uint32_t, std::size_t{1} << kBits> starts{};
    const auto digit = [shift](const Position& p) { return (p.label >> shift) & ((1U << kBits) - 1); };
    for (const Position& p : positions) {
      ++starts[digit(p)];
    }
    std::exclusive_scan(starts.begin(), starts.end(), starts.begin(), 0U);
    for (const Position& p : positions) {
      scratch[starts[digit(p)]++] = p;
    }
    positions.swap(scratch);
  }
}

}  // namespace

HostSegments make_segments(std::span<const std::span<const std::int32_t>> sets) {
  const auto labelled_at = [](std::int32_t row) { return row >= 0 || row == kNotKept; };
  std::int64_t labelled = 0;
  for (const auto rows : sets) {
    labelled += std::count_if(rows.begin(), rows.end(), labelled_at);
    INFOPLANE_CHECK(std::find(rows.begin(), rows.end(), kMost) == rows.end(), ArgumentError, "a label set has row ",
                    kMost, "; rows must be below it");
  }
  INFOPLANE_CHECK(labelled < kMost, ArgumentError, "the label sets of a micro-batch have ", labelled,
                  " labelled positions; at most ", kMost - 1, " can be grouped at once: use smaller micro-batches");
  HostSegments result;
  result.order.reserve(static_cast<std::size_t>(labelled));
  std::vector<Position> positions;
  std::vector<Position> scratch;
  for (std::size_t set = 0; set < sets.size(); ++set) {
    const auto rows = sets[set];
    positions.clear();
    std::uint32_t largest = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (labelled_at(rows[i])) {  // labels that are not kept come first, as number 0
        const std::uint32_t label = rows[i] < 0 ? 0 : static_cast<std::uint32_t>(rows[i]) + 1;
        largest = std::max(largest, label);
        positions.push_back({label, static_cast<std::int32_t>(i)});
      }
    }
    sort_by_label(positions, scratch, largest);
    const auto base = static_cast<std::int32_t>(result.order.size());
    for (std::size_t begin = 0; begin < positions.size();) {
      std::size_t end = begin;
      for (; end < positions.size() && positions[end].label == positions[begin].label; ++end) {
        result.order.push_back(positions[end].position);
      }
      add_label(result, static_cast<std::int32_t>(set), static_cast<std::int32_t>(positions[begin].label) - 1,
                base + static_cast<std::int32_t>(begin), base + static_cast<std::int32_t>(end));
      begin = end;
    }
  }
  return result;
}

HostSegments make_drop_segments(std::span<const std::span<const std::int32_t>> sets) {
  HostSegments result;
  for (std::size_t set = 0; set < sets.size(); ++set) {
    const auto base = static_cast<std::int32_t>(result.order.size());
    result.order.insert(result.order.end(), sets[set].begin(), sets[set].end());
    if (!sets[set].empty()) {
      add_label(result, static_cast<std::int32_t>(set), kOfLabelsNotKept, base,
                static_cast<std::int32_t>(result.order.size()), /*always_long=*/true);
    }
  }
  return result;
}

}  // namespace infoplane::estimator::cuda
