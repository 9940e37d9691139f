#include <algorithm>
#include <infoplane/core/hash.hpp>

#include "estimator/label_sums/label_rows.hpp"

namespace infoplane::estimator {

std::uint64_t LabelRows::hash_of(std::span<const std::int64_t> key, std::uint64_t salt) noexcept {
  for (const std::int64_t value : key) {
    salt = splitmix64(salt ^ static_cast<std::uint64_t>(value));
  }
  return salt;
}

bool LabelRows::kept(std::span<const std::int64_t> key, int level) const noexcept {
  if (level == 0) {
    return true;
  }
  return level < 64 && hash_of(key, salt_) >> (64 - level) == 0;
}

void LabelRows::raise_planned_level(std::vector<std::uint64_t> hashes) {
  for (const std::int32_t table_row : row_of_slot_) {
    if (table_row != labels::kNoRow) {
      hashes.push_back(hash_of(table_->key(table_row), salt_));
    }
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  planned_level_ = std::max(planned_level_, level_);
  const auto labels = [&] {
    const std::uint64_t limit = planned_level_ < 64 ? ~std::uint64_t{0} >> static_cast<unsigned>(planned_level_) : 0;
    return std::upper_bound(hashes.begin(), hashes.end(), limit) - hashes.begin();
  };
  while (planned_level_ < 64 && labels() > max_labels_) {
    ++planned_level_;
  }
}

void LabelRows::reserve_for_dropping() {
  if (max_labels_ > 0) {
    free_slots_.reserve(slots());
    free_rows_.reserve(rows());
    dropped_rows_.reserve(on_device_ ? rows() : 0);
  }
}

void LabelRows::drop_beyond_limit() noexcept {
  drop_labels(planned_level_);
  while (max_labels_ > 0 && level_ < 64 && static_cast<std::int64_t>(slots() - free_slots_.size()) > max_labels_) {
    drop_labels(level_ + 1);
  }
}

void LabelRows::clear_into_dropped(std::uint32_t number) noexcept {
  if (!on_device_) {
    add_row_to(number, dropped_.data());
    std::fill_n(row(number), anchors_, 0.0F);
    return;
  }
  dropped_rows_.push_back(static_cast<std::int32_t>(number));  // there is room
  if (has_whole(number) && wholes_.find(number)->second.on_device >= 0) {
    on_device_->give_back(wholes_.find(number)->second.on_device);
  }
}

void LabelRows::drop_labels(int level) noexcept {
  if (level <= level_) {
    return;
  }
  level_ = level;
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    std::int32_t& table_row = row_of_slot_[slot];
    if (table_row == labels::kNoRow || kept(table_->key(table_row))) {
      continue;
    }
    for (std::uint32_t& number : parts_[slot]) {
      if (number == kNone) {
        continue;
      }
      dropped_tokens_ += tokens_of_row(number);
      clear_into_dropped(number);
      wholes_.erase(number);
      counts_[number] = visit_[number] = 0;
      squares_[number] = 0;
      pending_[number] = kFree;
      free_rows_.push_back(number);
      number = kNone;
    }
    slot_of_row_[static_cast<std::size_t>(table_row)] = kDroppedRow;
    table_row = labels::kNoRow;
    dealt_[slot] = kNeverDealt;
    free_slots_.push_back(slot);
  }
  for (std::uint32_t& number : sampled_) {
    number = number < kDropped && pending_[number] == kFree ? kDropped : number;
  }
}

}  // namespace infoplane::estimator
