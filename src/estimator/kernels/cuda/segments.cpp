#include "estimator/kernels/cuda/segments.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <limits>
#include <numeric>

namespace infoplane::estimator::kernels::cuda {
namespace {

constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

/// Cuts the positions [begin, end) of a label into pieces.
void add_label(HostSegments& segments, std::int32_t set, std::int32_t row, std::int32_t begin, std::int32_t end) {
  if (end - begin <= kPiecePositions) {
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

}  // namespace

HostSegments make_segments(std::span<const std::span<const std::int32_t>> sets) {
  std::int64_t labelled = 0;
  for (const auto rows : sets) {
    labelled += std::count_if(rows.begin(), rows.end(), [](std::int32_t row) { return row >= 0; });
    INFOPLANE_CHECK(std::find(rows.begin(), rows.end(), kMost) == rows.end(), ArgumentError, "a label set has row ",
                    kMost, "; rows must be below it");
  }
  INFOPLANE_CHECK(labelled < kMost, ArgumentError, "the label sets of a micro-batch have ", labelled,
                  " labelled positions; at most ", kMost - 1, " can be grouped at once: use smaller micro-batches");
  HostSegments result;
  result.order.resize(static_cast<std::size_t>(labelled));
  std::vector<std::int32_t> numbers;
  std::int32_t base = 0;
  for (std::size_t set = 0; set < sets.size(); ++set) {
    const auto rows = sets[set];
    numbers.resize(rows.size());
    std::iota(numbers.begin(), numbers.end(), 0);
    std::erase_if(numbers, [&rows](std::int32_t i) { return rows[static_cast<std::size_t>(i)] < 0; });
    const auto row_of = [&rows](std::int32_t i) { return rows[static_cast<std::size_t>(i)]; };
    std::sort(numbers.begin(), numbers.end(), [&row_of](std::int32_t a, std::int32_t b) {
      return row_of(a) != row_of(b) ? row_of(a) < row_of(b) : a < b;
    });
    std::copy(numbers.begin(), numbers.end(), result.order.begin() + base);
    for (auto begin = numbers.begin(); begin != numbers.end();) {
      const std::int32_t row = row_of(*begin);
      const auto end = std::find_if(begin, numbers.end(), [&](std::int32_t i) { return row_of(i) != row; });
      add_label(result, static_cast<std::int32_t>(set), row, base + static_cast<std::int32_t>(begin - numbers.begin()),
                base + static_cast<std::int32_t>(end - numbers.begin()));
      begin = end;
    }
    base += static_cast<std::int32_t>(numbers.size());
  }
  return result;
}

}  // namespace infoplane::estimator::kernels::cuda
