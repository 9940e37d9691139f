#include <algorithm>
#include <cmath>

#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

std::vector<Reservoir::Entry> Reservoir::candidates(std::uint64_t rows) const {
  // Priorities are uniform, so of all rows about this many lie below; that fewer than the capacity do is six standard
  // deviations away, and would only make a smaller sample.
  constexpr double kExpected = kCapacity + 6 * 64;
  std::vector<Entry> result = heap_;
  std::sort(result.begin(), result.end(), [](const Entry& a, const Entry& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.index < b.index;
  });
  if (static_cast<double>(rows) > kExpected) {
    const Entry limit{static_cast<std::uint64_t>(std::ldexp(kExpected / static_cast<double>(rows), 64)), 0};
    result.erase(std::upper_bound(result.begin(), result.end(), limit), result.end());
  }
  return result;
}

Reservoir Reservoir::of(std::int64_t anchors, std::uint64_t stream, std::span<const Row> rows, const Drawn& from) {
  Reservoir result(anchors, stream);
  result.position_ = from.position;
  result.next_sequence_ = from.next_sequence;
  result.sequences_ = from.sequences;
  result.documents_ = from.documents;
  result.values_.reserve(rows.size() * static_cast<std::size_t>(anchors));
  for (const Row& row : rows) {
    result.heap_.push_back({row.priority, result.size()});
    result.values_.insert(result.values_.end(), row.values, row.values + anchors);
    result.sequence_of_.push_back(row.sequence);
  }
  std::make_heap(result.heap_.begin(), result.heap_.end());
  return result;
}

}  // namespace infoplane::estimator
