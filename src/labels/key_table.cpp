#include <algorithm>
#include <array>
#include <infoplane/core/error.hpp>
#include <infoplane/core/hash.hpp>
#include <infoplane/labels/key_table.hpp>
#include <utility>

namespace infoplane::labels {

namespace {

constexpr int kMaxWidth = 8;
constexpr std::size_t kFirstSlots = 16;
constexpr std::size_t kBlock = 32;  // windows in flight between prefetch and use

}  // namespace

KeyTable::KeyTable(int width, std::int64_t max_rows) : width_(width), max_rows_(max_rows), slots_(kFirstSlots) {
  INFOPLANE_CHECK(width >= 1 && width <= kMaxWidth, ArgumentError, "a key table of width ", width,
                  " is impossible; give a width of 1 to ", kMaxWidth);
  INFOPLANE_CHECK(max_rows >= 1 && max_rows <= kMaxRows, ArgumentError, "a key table of at most ", max_rows,
                  " rows is impossible; give 1 to ", kMaxRows);
}

std::int32_t KeyTable::insert(std::span<const std::int64_t> key) {
  INFOPLANE_CHECK(key.size() == static_cast<std::size_t>(width_), ArgumentError, "a key of ", key.size(),
                  " integers does not fit a key table of width ", width_);
  return insert(key.data(), hash(key.data()));
}

void KeyTable::insert_windows(std::span<const std::int64_t> values, std::span<std::int32_t> rows) {
  if (rows.empty()) {
    return;
  }
  INFOPLANE_CHECK(values.size() == rows.size() + static_cast<std::size_t>(width_) - 1, ArgumentError, rows.size(),
                  " windows of width ", width_, " need ", rows.size() + static_cast<std::size_t>(width_) - 1,
                  " values, got ", values.size());
  std::array<std::uint32_t, kBlock> hashes;
  for (std::size_t begin = 0; begin < rows.size(); begin += kBlock) {
    const auto count = std::min(kBlock, rows.size() - begin);
    const auto* first = values.data() + begin;
    // Large tables miss the caches once for the slot and once for the key: ask for a block of each, then use them.
    for (std::size_t j = 0; j < count; ++j) {
      hashes[j] = hash(first + j);
      __builtin_prefetch(&slots_[hashes[j] & (slots_.size() - 1)]);
    }
    for (std::size_t j = 0; j < count; ++j) {
      const auto row = slots_[hashes[j] & (slots_.size() - 1)].row;
      if (row != kNoRow) {
        __builtin_prefetch(keys_.data() + static_cast<std::int64_t>(row) * width_);
      }
    }
    for (std::size_t j = 0; j < count; ++j) {
      rows[begin + j] = insert(first + j, hashes[j]);
    }
  }
}

std::int32_t KeyTable::find(std::span<const std::int64_t> key) const noexcept {
  if (key.size() != static_cast<std::size_t>(width_)) {
    return kNoRow;
  }
  return slots_[probe(key.data(), hash(key.data()))].row;
}

void KeyTable::truncate(std::int64_t rows) noexcept {
  for (const auto left = std::max<std::int64_t>(rows, 0); size_ > left; --size_) {
    const auto* newest = key(size_ - 1).data();
    release(probe(newest, hash(newest)));
  }
  keys_.resize(static_cast<std::size_t>(size_ * width_));
}

std::int64_t KeyTable::memory_bytes() const noexcept {
  return static_cast<std::int64_t>(sizeof(*this) + keys_.capacity() * sizeof(std::int64_t) +
                                   slots_.capacity() * sizeof(Slot));
}

std::uint32_t KeyTable::hash(const std::int64_t* key) const noexcept {
  std::uint64_t state = 0;
  for (int i = 0; i < width_; ++i) {
    state = splitmix64(state ^ static_cast<std::uint64_t>(key[i]));
  }
  return static_cast<std::uint32_t>(state >> 32U);
}

bool KeyTable::equals(std::int64_t row, const std::int64_t* key) const noexcept {
  const auto* own = keys_.data() + row * width_;
  for (int i = 0; i < width_; ++i) {
    if (own[i] != key[i]) {
      return false;
    }
  }
  return true;
}

/// Slot of the key, or the free slot where it belongs.
std::size_t KeyTable::probe(const std::int64_t* key, std::uint32_t hash) const noexcept {
  const auto mask = slots_.size() - 1;
  auto at = hash & mask;
  while (slots_[at].row != kNoRow && !(slots_[at].hash == hash && equals(slots_[at].row, key))) {
    at = (at + 1) & mask;
  }
  return at;
}

std::int32_t KeyTable::insert(const std::int64_t* key, std::uint32_t hash) {
  auto at = probe(key, hash);
  if (slots_[at].row != kNoRow) {
    return slots_[at].row;
  }
  INFOPLANE_CHECK(size_ < max_rows_, StateError, "a key table is full: ", size_,
                  " labels, and one more came; use labels of a lower order or with fewer values");
  if (static_cast<std::size_t>(size_) + 1 > slots_.size() / 8 * 5) {
    grow();
    at = probe(key, hash);
  }
  keys_.insert(keys_.end(), key, key + width_);
  slots_[at] = {hash, static_cast<std::int32_t>(size_)};
  return static_cast<std::int32_t>(size_++);
}

/// Frees a slot and closes the gap, so that every key stays reachable from its home slot.
void KeyTable::release(std::size_t gap) noexcept {
  const auto mask = slots_.size() - 1;
  for (auto at = (gap + 1) & mask; slots_[at].row != kNoRow; at = (at + 1) & mask) {
    const auto home = slots_[at].hash & mask;
    if (((at - home) & mask) >= ((at - gap) & mask)) {
      slots_[gap] = slots_[at];
      gap = at;
    }
  }
  slots_[gap] = Slot{};
}

/// Each key moves from its slot to about the same place in the lower or the upper half: two streams through memory, and
/// no look at the keys.
void KeyTable::grow() {
  std::vector<Slot> larger(slots_.size() * 2);
  const auto mask = larger.size() - 1;
  for (const auto& slot : slots_) {
    if (slot.row != kNoRow) {
      auto at = slot.hash & mask;
      while (larger[at].row != kNoRow) {
        at = (at + 1) & mask;
      }
      larger[at] = slot;
    }
  }
  slots_ = std::move(larger);
}

}  // namespace infoplane::labels
