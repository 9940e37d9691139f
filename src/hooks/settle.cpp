// What is written down of a stream once it is known which tensor it is.
#include "hooks/centred.hpp"
#include "hooks/site_resolver.hpp"

namespace infoplane::hooks::detail {

/// The record of the stream that enters a block. What entered the first block of a stack from another stack, and was
/// not seen before, is the output of the other's last block; else it is an embedding.
int SiteResolver::site_for(int id, int owner) {
  const int stack = plan_.blocks()[uses_[id].block].stack;
  const auto& state = plan_.stacks()[stack];
  const bool is_first = stacks_[stack].last < 0;
  const int embedding = plan_.find_record(state.embedding);
  if (owner >= 0) {
    const int output = plan_.record(plan_.output_name(uses_[owner].block, uses_[owner].nth));
    if (!is_first || sites_.count(output) == 0) {
      if (is_first && embedding >= 0 && !is_handed_over(plan_.records()[embedding].site.kind)) {
        plan_.records()[embedding].dropped = true;
      }
      return output;
    }
  }
  return plan_.record(state.embedding);
}

at::Tensor SiteResolver::result_of(const Flow::Norm& norm, Flow::Value value) const {
  auto result = norm.result ? norm.result->lock() : nullptr;
  if (!result) {
    return {};
  }
  const at::Tensor tensor(std::move(result));
  return flow_.same(flow_.known(tensor), value) ? tensor : at::Tensor();
}

/// The tensor that a norm returned.
SiteResolver::Found SiteResolver::found_at(const Flow::Norm& norm, Flow::Value value, int block) const {
  Found found;
  found.parameter = norm.parameter;
  found.use.call = norm.call;
  found.use.reading = Reading::kOutput;
  found.kind = SiteKind::kNormOutput;
  found.source = plan_.name_in(plan_.parameter(norm.parameter), block);
  found.operator_name = "aten::layer_norm";
  found.tensor = result_of(norm, value);
  return found;
}

/// The tensor that was read there, whose source is still to be said.
SiteResolver::Found SiteResolver::found_at(const Spot& spot, Flow::Value value) const {
  Found found;
  found.parameter = spot.parameter;
  found.use.call = spot.call;
  found.use.reading = spot.reading;
  found.use.operator_name = spot.reading == Reading::kLater ? spot.operator_name : "";
  found.use.occurrence = spot.occurrence;
  found.use.operand = spot.operand;
  found.kind = spot.is_norm ? SiteKind::kNormInput : kind_of(spot.reading);
  if (spot.reading == Reading::kGain) {
    found.kind = flow_.same(spot.value, value) ? SiteKind::kLinearInput
                 : is_centred(spot.tensor)     ? SiteKind::kCentredStream
                                               : found.kind;
  }
  found.operator_name = spot.operator_name;
  found.tensor = spot.tensor;
  return found;
}

/// What enters the block, at the spot or, where that has another shape, at the addition.
SiteResolver::Found SiteResolver::found_at_entry(const BlockUse& use, const Spot& spot, Flow::Value value,
                                                 const at::Tensor* operand) const {
  auto found = found_at(spot, value);
  const bool is_direct = spot.reading == Reading::kNorm || spot.reading == Reading::kOther;
  found.use.at_addition = is_direct && operand != nullptr && operand->sizes() != spot.tensor.sizes();
  if (found.use.at_addition) {
    found.tensor = *operand;
    found.operator_name = "aten::add";
  }
  const bool is_inside = spot.parameter >= 0 && !spot.is_outside && spot.reading != Reading::kLater;
  found.source = spot.parameter >= 0 ? plan_.name_in(plan_.parameter(spot.parameter), is_inside ? use.block : -1)
                                     : plan_.name_in(plan_.parameter(*use.touched.begin()), use.block);
  return found;
}

/// What the norm of the block before returned, or where that is gone, what was read of it.
SiteResolver::Found SiteResolver::found_at_exit(const Flow::Norm& norm, Flow::Value value, int block, const Spot* spot,
                                                const at::Tensor* operand) const {
  auto found = found_at(norm, value, block);
  if (!found.tensor.defined() && operand != nullptr) {
    found.tensor = *operand;
  } else if (!found.tensor.defined() && spot != nullptr) {
    found.tensor = spot->tensor;
  }
  return found;
}

/// The record says where its tensor was found, unless a tap handed it over.
void SiteResolver::name_site(int site, const Found& found, int index, int stack) {
  const auto& record = plan_.records()[site];
  if (!is_handed_over(record.site.kind) || record.hits == 0) {
    plan_.refine(site, found.kind, found.source, index, stack);
  }
}

/// As the output of the block of `use`, or as what enters it.
void SiteResolver::plan_site(const Found& found, const BlockUse& use, bool is_output) {
  name_site(found.use.site, found, is_output ? use.index : -1, plan_.blocks()[use.block].stack);
  plan_.add_use(found.parameter, found.use);
}

void SiteResolver::fire_found(int site, Flow::Value value, const Found& found, FiredBy by) {
  if (!settle_taps(site, value) && found.tensor.defined()) {
    fire_(site, found.tensor, found.operator_name, by);
  }
}

/// The block has shown what those of its stack hand on.
void SiteResolver::note_manner(const BlockUse& use, Flow::Value handed, bool is_norm) {
  if (use.stream >= 0) {
    const int stack = plan_.blocks()[use.block].stack;
    stacks_[stack].manner = manner_from(use, handed);
    plan_.stacks()[stack].post_norm |= is_norm;
  }
}

void SiteResolver::settle(int id, int owner, Flow::Value value, const Spot* spot, const at::Tensor* operand) {
  auto& use = uses_[id];
  const int site = site_for(id, owner);
  const bool is_output =
      owner >= 0 && site == plan_.find_record(plan_.output_name(uses_[owner].block, uses_[owner].nth));
  const bool is_known = spot == nullptr && !is_output;  // another stack begins with that output too: one site for both
  const bool at_norm = spot == nullptr || (is_output && !is_asked_for(*spot));
  const auto* norm = at_norm ? own_norm(value, owner) : nullptr;
  auto found = norm == nullptr ? found_at_entry(use, *spot, value, operand)
                               : found_at_exit(*norm, value, uses_[owner].block, spot, operand);
  found.use.site = site;
  found.use.block = use.block;
  drop_norm_site(found);
  if (is_known) {
    plan_.records()[site].dropped = true;
  } else {
    plan_site(found, is_output ? uses_[owner] : use, is_output);
  }
  plan_.blocks()[use.block].resolved = true;
  if (is_output) {
    note_manner(uses_[owner], value, norm != nullptr);
  }
  use.stream = value;
  use.site = site;
  if (norm == nullptr && spot->is_norm && flow_.same(spot->value, value)) {
    use.inner.handed = Handed::kSum;  // pre-norm
  }
  sites_.insert(site);
  enter(id);
  if (!is_known) {
    fire_found(site, value, found, FiredBy::kOperator);
  }
  drop_spots(use.spots, spot);
  drop_spots(zone_, spot);
  if (owner >= 0) {
    release(owner);
  }
}

/// A norm that was a site of its own is that of a stream, unless it is what that norm returned.
void SiteResolver::drop_norm_site(const Found& found) {
  for (auto& record : plan_.records()) {
    const bool is_it = found.kind != SiteKind::kNormOutput && record.site.index == -2 &&
                       record.site.source == found.source && !is_handed_over(record.site.kind);
    record.dropped = record.dropped || is_it;
  }
}

}  // namespace infoplane::hooks::detail
