#include "estimator/label_sums/label_slots.hpp"

#include <infoplane/core/hash.hpp>

#include "core/state.hpp"
#include "estimator/label_sums/growth.hpp"

namespace infoplane::estimator {
namespace {

std::uint64_t salt_of(const std::string& name) noexcept {
  std::uint64_t salt = 0;
  for (const char letter : name) {
    salt = splitmix64(salt ^ static_cast<unsigned char>(letter));
  }
  return salt;
}

}  // namespace

LabelSlots::LabelSlots(const std::string& set_name, int key_width, std::int64_t max_labels)
    : width_(key_width), max_labels_(max_labels), salt_(salt_of(set_name)) {}

LabelSlots::LabelSlots(const LabelSlots& other)
    : width_(other.width_),
      max_labels_(other.max_labels_),
      salt_(other.salt_),
      level_(other.level_),
      planned_level_(other.planned_level_),
      table_(other.table_),
      own_(other.own_ ? std::make_shared<labels::KeyTable>(*other.own_) : nullptr),
      slot_of_id_(other.slot_of_id_),
      id_of_slot_(other.id_of_slot_),
      free_slots_(other.free_slots_) {
  if (own_) {
    table_ = own_;
  }
}

void LabelSlots::clear() noexcept {
  level_ = planned_level_ = 0;
  table_.reset();
  own_.reset();
  slot_of_id_.clear();
  id_of_slot_.clear();
  free_slots_.clear();
}

bool LabelSlots::share_table(const labels::LabelAssignment& assignment) {
  return share_table(assignment.table, static_cast<std::size_t>(assignment.row_count));
}

bool LabelSlots::share_table(const std::shared_ptr<const labels::KeyTable>& table, std::size_t ids) {
  if (!table_) {
    table_ = table;
  }
  if (table_ != table) {
    own_table();
    return false;
  }
  if (slot_of_id_.size() < ids) {
    grow_to(slot_of_id_, ids);
    slot_of_id_.resize(ids, labels::kNoRow);
  }
  return true;
}

void LabelSlots::own_table() {
  if (own_) {
    return;
  }
  auto own = std::make_shared<labels::KeyTable>(width_);
  std::vector<std::int32_t> ids(size(), labels::kNoRow);
  std::vector<std::int32_t> slots;
  for (std::size_t slot = 0; slot < size(); ++slot) {
    if (!is_free(slot)) {
      ids[slot] = own->insert(key(slot));  // the next: keys of a table differ
      slots.push_back(static_cast<std::int32_t>(slot));
    }
  }
  slot_of_id_ = std::move(slots);
  id_of_slot_ = std::move(ids);
  table_ = own;
  own_ = std::move(own);
}

std::uint32_t LabelSlots::slot_of_key(std::span<const std::int64_t> key) {
  if (!keeps(key, std::max(level_, planned_level_))) {
    return kDropped;  // and its key takes no memory
  }
  if (!own_) {
    const std::int32_t id = table_->find(key);
    if (id != labels::kNoRow && static_cast<std::size_t>(id) < slot_of_id_.size()) {
      return slot_of_id(id);
    }
    own_table();
  }
  const std::int32_t id = own_->insert(key);
  if (slot_of_id_.size() < static_cast<std::size_t>(own_->size())) {
    grow_to(slot_of_id_, static_cast<std::size_t>(own_->size()));
    slot_of_id_.resize(static_cast<std::size_t>(own_->size()), labels::kNoRow);
  }
  return slot_of_id(id);
}

std::uint32_t LabelSlots::find(std::span<const std::int64_t> key) const noexcept {
  const std::int32_t id = table_ ? table_->find(key) : labels::kNoRow;
  const std::int32_t slot = id == labels::kNoRow || static_cast<std::size_t>(id) >= slot_of_id_.size()
                                ? labels::kNoRow
                                : slot_of_id_[static_cast<std::size_t>(id)];
  return slot >= 0 ? static_cast<std::uint32_t>(slot) : kDropped;
}

std::uint32_t LabelSlots::append(std::int32_t id) {
  std::uint32_t slot = 0;
  if (!free_slots_.empty()) {
    slot = free_slots_.back();
    free_slots_.pop_back();
    id_of_slot_[slot] = id;
  } else {
    slot = static_cast<std::uint32_t>(size());
    grow_to(id_of_slot_, size() + 1);
    id_of_slot_.push_back(id);
  }
  slot_of_id_[static_cast<std::size_t>(id)] = static_cast<std::int32_t>(slot);
  return slot;
}

std::uint64_t LabelSlots::hash_of(std::span<const std::int64_t> key, std::uint64_t salt) noexcept {
  for (const std::int64_t value : key) {
    salt = splitmix64(salt ^ static_cast<std::uint64_t>(value));
  }
  return salt;
}

void LabelSlots::plan_level(std::vector<std::uint64_t> hashes) {
  for (std::size_t slot = 0; slot < size(); ++slot) {
    if (!is_free(slot)) {
      hashes.push_back(hash_of(key(slot), salt_));
    }
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  planned_level_ = std::max(planned_level_, level_);
  const auto kept = [&] {
    const std::uint64_t limit = planned_level_ < 64 ? ~std::uint64_t{0} >> static_cast<unsigned>(planned_level_) : 0;
    return std::upper_bound(hashes.begin(), hashes.end(), limit) - hashes.begin();
  };
  while (planned_level_ < 64 && kept() > max_labels_) {
    ++planned_level_;
  }
}

void LabelSlots::reserve_for_dropping() {
  if (max_labels_ > 0) {
    free_slots_.reserve(size());
  }
}

std::int64_t LabelSlots::memory_bytes() const noexcept {
  return capacity_bytes(slot_of_id_) + capacity_bytes(id_of_slot_) + capacity_bytes(free_slots_) +
         (own_ ? own_->memory_bytes() : 0);
}

void LabelSlots::save_labels(state::Writer& out) const {
  std::vector<std::uint8_t> in_use;
  std::vector<std::int64_t> keys;
  for (std::size_t slot = 0; slot < size(); ++slot) {
    in_use.push_back(is_free(slot) ? 0 : 1);
    if (!is_free(slot)) {
      keys.insert(keys.end(), key(slot).begin(), key(slot).end());
    }
  }
  out.put_array(in_use);
  out.put_array(keys);
}

void LabelSlots::save_free(state::Writer& out) const { out.put_array(free_slots_); }

void LabelSlots::load_labels(state::Reader& in) {
  own_table();
  const auto in_use = in.get_array<std::uint8_t>();
  const auto keys = in.get_array<std::int64_t>();
  const auto width = static_cast<std::size_t>(width_);
  const auto count = static_cast<std::size_t>(std::count(in_use.begin(), in_use.end(), std::uint8_t{1}));
  state::Reader::require(keys.size() == width * count, "a label has no key, or half of one");
  std::size_t next = 0;
  for (std::size_t slot = 0; slot < in_use.size(); ++slot) {
    id_of_slot_.push_back(labels::kNoRow);
    if (in_use[slot] == 1) {
      const auto key = std::span(keys).subspan(next * width, width);
      const std::int32_t id = own_->insert(key);
      state::Reader::require(static_cast<std::size_t>(id) == next && keeps(key), "a label is there twice or not kept");
      ++next;
      id_of_slot_.back() = id;
      slot_of_id_.push_back(static_cast<std::int32_t>(slot));
    }
  }
}

void LabelSlots::load_free(state::Reader& in) {
  const auto free = static_cast<std::size_t>(std::count(id_of_slot_.begin(), id_of_slot_.end(), labels::kNoRow));
  free_slots_ = in.get_array<std::uint32_t>(free, "there are other than the free labels");
  std::vector<bool> found(size(), false);
  for (const std::uint32_t slot : free_slots_) {
    state::Reader::require(slot < size() && is_free(slot) && !found[slot], "a label is free twice or not at all");
    found[slot] = true;
  }
}

}  // namespace infoplane::estimator
