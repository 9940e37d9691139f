#include "estimator/token_sample/reservoir.hpp"

#include <algorithm>
#include <infoplane/core/hash.hpp>

namespace infoplane::estimator {

std::vector<std::uint32_t> Reservoir::order() const {
  std::vector<Entry> entries = heap_;
  // Two streams with one number have equal priorities; ours lie at lower indices.
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.index < b.index;
  });
  std::vector<std::uint32_t> result(entries.size());
  std::transform(entries.begin(), entries.end(), result.begin(), [](const Entry& entry) { return entry.index; });
  return result;
}

std::vector<Reservoir::Pick> Reservoir::plan(std::span<const std::uint8_t> used) {
  std::vector<Pick> picks;
  std::uint64_t position = position_;
  const std::uint64_t salt = splitmix64(stream_);
  // Rows of this batch may push one another out, so this can be too many, but never too few.
  std::size_t room = kCapacity - heap_.size();
  const std::uint64_t limit = room > 0 ? ~std::uint64_t{0} : heap_.front().priority;
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i] == 0) {
      continue;
    }
    const std::uint64_t priority = splitmix64(salt + position++);
    if (priority <= limit) {
      picks.push_back({priority, static_cast<std::uint32_t>(i), kNone});
    }
  }
  const std::size_t size = std::min<std::size_t>(kCapacity, heap_.size() + picks.size());
  const std::size_t values = size * static_cast<std::size_t>(anchors_);
  if (heap_.capacity() < size || sequence_of_.capacity() < size || values_.capacity() < values) {
    const std::size_t capacity = std::min<std::size_t>(kCapacity, std::max(size, 2 * heap_.capacity()));
    heap_.reserve(capacity);
    sequence_of_.reserve(capacity);
    values_.reserve(capacity * static_cast<std::size_t>(anchors_));
  }
  return picks;
}

Reservoir::Units Reservoir::units_of(std::span<const std::int64_t> of_row, std::int64_t count,
                                     std::span<const std::uint8_t> used) {
  Units units{of_row, count, 0, {}};
  std::vector<bool> seen(static_cast<std::size_t>(count), false);
  for (std::size_t i = 0; i < of_row.size() && i < used.size(); ++i) {
    if (used[i] == 0) {
      continue;
    }
    if (of_row[i] < 0) {
      units.documents.insert(of_row[i]);
    } else if (!seen[static_cast<std::size_t>(of_row[i])]) {
      seen[static_cast<std::size_t>(of_row[i])] = true;
      ++units.with_rows;
    }
  }
  return units;
}

void Reservoir::add(std::vector<Pick>& picks, std::span<const std::uint8_t> used, const float* probabilities,
                    std::int64_t length, Units&& units) noexcept {
  const auto m = static_cast<std::size_t>(anchors_);
  for (Pick& pick : picks) {
    if (heap_.size() < kCapacity) {
      pick.index = size();
      values_.resize(values_.size() + m);
      sequence_of_.push_back(0);
    } else if (pick.priority < heap_.front().priority) {
      pick.index = heap_.front().index;
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    } else {
      continue;
    }
    heap_.push_back({pick.priority, pick.index});
    std::push_heap(heap_.begin(), heap_.end());
    if (probabilities != nullptr) {
      std::copy_n(probabilities + pick.row * m, m, values_.data() + pick.index * m);
    }
    const std::int64_t unit =
        units.of_row.empty() ? static_cast<std::int64_t>(pick.row) / length : units.of_row[pick.row];
    sequence_of_[pick.index] = unit < 0 ? unit : next_sequence_ + unit;
  }
  if (!units.of_row.empty()) {
    position_ +=
        static_cast<std::uint64_t>(std::count_if(used.begin(), used.end(), [](auto flag) { return flag != 0; }));
    next_sequence_ += units.count;
    sequences_ += units.with_rows;
    documents_.merge(units.documents);
    return;
  }
  for (std::size_t begin = 0; begin < used.size(); begin += static_cast<std::size_t>(length)) {
    const auto first = used.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = first + std::min<std::ptrdiff_t>(length, used.end() - first);
    const auto rows = std::count_if(first, last, [](auto flag) { return flag != 0; });
    position_ += static_cast<std::uint64_t>(rows);
    sequences_ += rows > 0 ? 1 : 0;
    ++next_sequence_;
  }
}

void Reservoir::fill(std::span<const std::uint32_t> indices, const float* rows) noexcept {
  const auto m = static_cast<std::size_t>(anchors_);
  for (const std::uint32_t index : indices) {
    std::copy_n(rows, m, values_.data() + index * m);
    rows += m;
  }
}

void Reservoir::reset() noexcept { *this = Reservoir(anchors_, stream_); }

void Reservoir::clear() noexcept {
  position_ = 0;
  next_sequence_ = sequences_ = 0;
  documents_.clear();
  heap_.clear();
  values_.clear();
  sequence_of_.clear();
}

std::int64_t Reservoir::memory_bytes() const noexcept {
  return static_cast<std::int64_t>(heap_.capacity() * sizeof(Entry) + values_.capacity() * sizeof(float) +
                                   sequence_of_.capacity() * sizeof(std::int64_t));
}

}  // namespace infoplane::estimator
