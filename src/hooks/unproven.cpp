// Blocks in which no addition shows what entered them.
#include <infoplane/core/error.hpp>

#include "hooks/site_resolver.hpp"

namespace infoplane::hooks::detail {

/// A block whose output is used already, and in which nothing was added to its stream.
void SiteResolver::resolve(int id, int next_block) {
  auto& use = uses_[id];
  if (use.accepted || use.closed) {
    return;
  }
  if (use.nth > 0) {
    use.closed = true;  // the same use, after all
    return;
  }
  const int block = use.block;
  const int stack = plan_.blocks()[block].stack;
  const int before = stacks_[stack].last;
  const bool is_like = is_like_others(block, before < 0 ? -1 : uses_[before].block, next_block);
  const auto* spot = is_like ? only_spot(use, before) : nullptr;
  if (spot != nullptr) {
    settle(id, owner_of(spot->value), spot->value, spot, nullptr);
    return;
  }
  if (is_like) {
    take_blindly(id);
    return;
  }
  use.closed = true;
  plan_.dismiss(block);
  const auto spots = std::move(use.spots);
  for (const auto& candidate : spots) {
    if (before >= 0 && candidate.reading != Reading::kLater && look_at_tail(before, candidate)) {
      break;
    }
  }
}

/// Whether the module is a block, seen from those that ran before and after it (−1: none).
bool SiteResolver::is_like_others(int block, int before, int after) const {
  const bool is_named = !plan_.options().blocks().empty();
  if (is_named || plan_.stacks()[plan_.blocks()[block].stack].blocks.size() == 1) {
    return true;
  }
  return (after >= 0 && plan_.are_alike(block, after)) ||
         (before >= 0 && (after >= 0 || plan_.are_alike(block, before)));
}

/// All blocks but `id` that went into the value have been left, as what they made enters another.
void SiteResolver::resolve_makers(int id, Flow::Value value) {
  const int block = uses_[id].block;
  for (int other = 0; other < static_cast<int>(uses_.size()); ++other) {
    if (other != id && flow_.used(value, other)) {
      resolve(other, block);
    }
  }
}

/// The one tensor that the block was handed by the block before, or, as the first one, by anything.
const SiteResolver::Spot* SiteResolver::only_spot(const BlockUse& use, int before) const {
  const Spot* only = nullptr;
  for (const auto& spot : use.spots) {
    if (before >= 0 && !is_handed_on(before, spot.value)) {
      continue;
    }
    if (only != nullptr && !flow_.same(only->value, spot.value)) {
      return nullptr;
    }
    only = only == nullptr ? &spot : only;
  }
  return only != nullptr && (before >= 0 || is_whole_start(only->value)) ? only : nullptr;
}

/// The block has its place in the order, but nothing shows what entered it.
void SiteResolver::take_blindly(int id) {
  doubt(id);
  const int before = stacks_[plan_.blocks()[uses_[id].block].stack].last;
  enter(id);
  drop_spots(uses_[id].spots, nullptr);
  drop_spots(zone_, nullptr);
  if (before >= 0) {
    release(before);
  }
}

void SiteResolver::doubt(int id) {
  const auto& use = uses_[id];
  const auto& block = plan_.blocks()[use.block];
  const int before = stacks_[block.stack].last;
  const auto name =
      before < 0 ? plan_.stacks()[block.stack].embedding : plan_.output_name(uses_[before].block, uses_[before].nth);
  const int record = plan_.find_record(name);
  if (record < 0) {
    return;
  }
  std::string text;
  for (const auto& spot : use.spots) {
    const auto place = spot.reading == Reading::kLater
                           ? std::string()
                           : " at " + plan_.name_in(plan_.parameter(spot.parameter), use.block);
    text += infoplane::detail::concat(text.empty() ? "" : ", ", spot.operator_name, place, " has [",
                                      infoplane::detail::join(spot.tensor.sizes()), "]");
  }
  plan_.records()[record].doubt = infoplane::detail::concat(
      "what enters ", block.path, " is not certain: ", text.empty() ? "nothing was read there" : text,
      ", which no addition x + f(x) of the block joins to what it makes",
      before < 0 ? "" : ", and which is not what was handed on by the block before");
}

}  // namespace infoplane::hooks::detail
