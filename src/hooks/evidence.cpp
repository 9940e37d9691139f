// What shows that a tensor is the stream that enters a block.
#include <algorithm>

#include "hooks/operator_kind.hpp"
#include "hooks/site_resolver.hpp"

namespace infoplane::hooks::detail {

void SiteResolver::look_at_addition(std::string_view name, const std::vector<Operand>& operands, int occurrence) {
  for (const auto& a : operands) {
    for (const auto& b : operands) {
      const bool is_pair = &a != &b && a.parameter < 0 && b.parameter < 0 &&
                           (is_scatter(name) ? a.position == 0 : a.tensor->numel() == b.tensor->numel());
      if (is_pair && !is_over_) {
        look_at_pair(a, b, name, occurrence);
      }
      if (&a != &b && a.parameter < 0 && b.parameter < 0 && a.tensor->numel() >= b.tensor->numel() && !is_over_) {
        hold_base(a, b, name, occurrence);
      }
    }
  }
}

/// A block may begin with x + c, where its own map made c: that addition alone has x.
void SiteResolver::hold_base(const Operand& a, const Operand& b, std::string_view name, int occurrence) {
  const auto base = flow_.value(*a.tensor);
  const auto step = flow_.value(*b.tensor);
  for (int id = 0; base >= 0 && id < static_cast<int>(uses_.size()); ++id) {
    if (waits_for_evidence(id, step) && !flow_.used(base, id)) {
      uses_[id].spots.push_back(later_spot(name, occurrence, a, base));
    }
  }
}

/// An addition of `a`, or what became of a stream in it, and `b`, which is made of that stream.
void SiteResolver::look_at_pair(const Operand& a, const Operand& b, std::string_view name, int occurrence) {
  const auto base = flow_.value(*a.tensor);
  const auto step = flow_.value(*b.tensor);
  if (base < 0 || step < 0) {
    return;
  }
  if (const auto direct = flow_.paths(base, step); direct.mixes && !direct.has_parameter) {
    bare_step_ = true;
    return;
  }
  for (int id = static_cast<int>(uses_.size()) - 1; id >= 0; --id) {
    if (waits_for_evidence(id, step)) {
      const auto stream = stream_of_pair(id, base, step);
      if (stream >= 0) {
        accept(id, stream, stream == base ? &a : nullptr, name, occurrence);
      }
    }
  }
  for (int id = 0; id < static_cast<int>(uses_.size()); ++id) {
    if (waits_for_evidence(id, step)) {
      return;
    }
  }
  note_sum(base, step);
}

/// A block without its place went into the value.
bool SiteResolver::waits_for_evidence(int id, Flow::Value value) const {
  return value >= 0 && !uses_[id].accepted && !uses_[id].closed && flow_.used(value, id);
}

/// The one stream that entered the block and that an addition of `base` and `step` shows, or −1.
Flow::Value SiteResolver::stream_of_pair(int id, Flow::Value base, Flow::Value step) const {
  const auto is_stream = [&](Flow::Value value) { return !flow_.used(value, id) && flow_.paths(value, step).mixes; };
  auto streams = flow_.origins(base, is_stream);
  std::erase_if(streams, [&](Flow::Value value) { return !is_stream(value); });
  const int before = stacks_[plan_.blocks()[uses_[id].block].stack].last;
  if (streams.size() > 1 && before >= 0) {
    std::erase_if(streams, [&](Flow::Value value) { return !continues(before, value); });
  }
  return streams.size() == 1 ? streams.front() : -1;
}

/// The sum is the last one of the latest block that carries its own stream or sum into it.
void SiteResolver::note_sum(Flow::Value base, Flow::Value step) {
  for (int id = latest_; id >= 0; --id) {
    auto& use = uses_[id];
    const bool carries = flow_.carries(base, use.sum) || flow_.carries(base, use.stream);
    const bool is_step = flow_.paths(use.stream, step).mixes || flow_.paths(use.sum, step).mixes;
    if (!use.accepted || !flow_.used(step, id) || !carries || !is_step) {
      continue;
    }
    if (const auto inner = use.sum >= 0 ? manner_from(use, base) : Manner{Handed::kOther, 0};
        inner.handed != Handed::kOther) {
      use.inner = inner;
    }
    use.sum_tensor.reset();
    use.after_tensor.reset();
    made_ = {nullptr, id, true};
    return;
  }
}

/// Whether the value is what a block made of its stream: that was carried into it, or, where the block hands on
/// something else than what entered it, its last sum went into it, no other stream did, nor a product with a
/// parameter that is not the block's.
bool SiteResolver::continues(int id, Flow::Value value) const {
  const auto& use = uses_[id];
  if (!flow_.used(value, id)) {
    return false;
  }
  if (use.stream < 0) {
    return true;
  }
  const auto stops = [&](Flow::Value v) { return v <= use.stream || flow_.same(v, use.stream); };
  bool reaches = false;
  bool is_other = false;
  for (const auto end : flow_.origins(value, stops)) {
    const int by = flow_.by(end);
    const bool is_foreign = by == Flow::kOutside || (by >= 0 && plan_.blocks()[uses_[by].block].dismissed);
    reaches = reaches || flow_.same(end, use.stream);
    is_other = is_other || (flow_.used(end, id) ? is_foreign : flow_.numel(end) == flow_.numel(use.stream));
  }
  const bool is_made_last = use.sum < 0 || flow_.paths(use.sum, value).any;
  return reaches || (!is_other && is_made_last);
}

/// Whether the value is what the block made last, or one tensor made of that, without a parameter, a norm, or anything
/// else in it.
bool SiteResolver::is_handed_on(int id, Flow::Value value) const {
  const auto& use = uses_[id];
  auto current = value;
  while (current > use.last && !flow_.same(current, use.sum) && !flow_.same(current, use.after)) {
    Flow::Value from = -1;
    for (const auto& input : flow_.inputs(current)) {
      const bool counts = flow_.used(input.value, id) || input.numel == flow_.numel(current);
      if (counts && from >= 0 && input.value != from) {
        return false;
      }
      from = counts ? input.value : from;
    }
    if (from < 0 || flow_.by(current) != Flow::kNoParameter || flow_.norm(current) != nullptr) {
      return false;
    }
    current = from;
  }
  return flow_.used(current, id);
}

/// Whether the value is one tensor that a model could begin with: no norm without a weight, which could be the
/// block's, and no row of tensors.
bool SiteResolver::is_whole_start(Flow::Value value) const {
  const auto& inputs = flow_.inputs(value);
  const auto differs = [&](const Flow::Input& input) { return input.numel != flow_.numel(value); };
  const bool is_row = inputs.size() > 1 && std::any_of(inputs.begin(), inputs.end(), [&](const Flow::Input& input) {
                        return input.link == Flow::Link::kCarry && differs(input);
                      });
  return !is_row && weightless_input(value) < 0 && !flow_.is_bare_step(flow_.root(value));
}

/// The last block that the value went through, or −1.
int SiteResolver::owner_of(Flow::Value value) const {
  int owner = -1;
  for (int id = 0; id < static_cast<int>(uses_.size()); ++id) {
    const auto& use = uses_[id];
    if (use.accepted && (owner < 0 || use.index > uses_[owner].index) && continues(id, value)) {
      owner = id;
    }
  }
  return owner;
}

/// The norm of that block which returned the value itself.
const Flow::Norm* SiteResolver::own_norm(Flow::Value value, int id) const {
  const auto root = flow_.root(value);
  const auto* norm = flow_.norm(root);
  return norm != nullptr && norm->parameter >= 0 && flow_.by(root) == id ? norm : nullptr;
}

bool SiteResolver::is_asked_for(const Spot& spot) const {
  return spot.parameter >= 0 && spot.reading == Reading::kNorm && plan_.parameter(spot.parameter).asked_for;
}

/// Whether the value was read there, or, where it is an operand, that very tensor.
bool SiteResolver::reads(const Spot& spot, Flow::Value value, const at::Tensor* operand) const {
  if (operand != nullptr && spot.value == value) {
    return spot.data == operand->const_data_ptr() && spot.tensor.numel() == operand->numel();
  }
  return flow_.same(spot.value, value) && spot.tensor.numel() == flow_.numel(value);
}

/// The first place where the value was read (a norm that a pattern asks for goes before others), or else one where its
/// direction was.
const SiteResolver::Spot* SiteResolver::choose(Flow::Value value, const at::Tensor* operand,
                                               const std::vector<Spot>& own) const {
  const Spot* exact = nullptr;
  const Spot* gain = nullptr;
  for (const auto* spots : {&zone_, &own}) {
    for (const auto& spot : *spots) {
      if (!spot.tensor.defined()) {
        continue;
      }
      if (reads(spot, value, operand) && (exact == nullptr || (is_asked_for(spot) && !is_asked_for(*exact)))) {
        exact = &spot;
      }
      if (gain == nullptr && spot.reading == Reading::kGain && flow_.carries(spot.value, value)) {
        gain = &spot;
      }
    }
  }
  return exact != nullptr ? exact : gain;
}

bool SiteResolver::accept(int id, Flow::Value value, const Operand* operand, std::string_view name, int occurrence) {
  const bool is_part = operand != nullptr && operand->tensor->numel() < flow_.numel(value) &&
                       operand->tensor->size(-1) != flow_.width(value);  // some of the channels
  if (is_part || flow_.is_bare_step(flow_.root(value))) {
    return false;
  }
  resolve_makers(id, value);
  auto& use = uses_[id];
  const int before = stacks_[plan_.blocks()[use.block].stack].last;
  if (before >= 0 && !continues(before, value)) {
    return false;
  }
  const int owner = owner_of(value);
  const auto* norm = owner >= 0 ? own_norm(value, owner) : nullptr;
  const auto* spot = choose(value, operand == nullptr ? nullptr : operand->tensor, use.spots);
  std::optional<Spot> addition;
  if (norm == nullptr && spot == nullptr && operand != nullptr) {
    spot = &addition.emplace(later_spot(name, occurrence, *operand, value));
  }
  if (norm == nullptr && spot == nullptr) {
    return false;
  }
  settle(id, owner, value, spot, operand == nullptr ? nullptr : operand->tensor);
  return true;
}

/// What entered the norm without a known weight that returned the value, or −1.
Flow::Value SiteResolver::weightless_input(Flow::Value value) const {
  const auto root = flow_.root(value);
  const auto* norm = flow_.norm(root);
  const bool is_one = norm != nullptr && norm->parameter < 0 && !flow_.inputs(root).empty();
  return is_one ? flow_.inputs(root).front().value : -1;
}

/// What was handed on, seen from where the last addition and the last norm of the block are.
SiteResolver::Manner SiteResolver::manner_from(const BlockUse& use, Flow::Value value) const {
  Manner manner;
  while (!flow_.same(value, use.sum) && !flow_.same(value, use.after)) {
    value = weightless_input(value);
    if (value < 0) {
      return {Handed::kOther, 0};
    }
    ++manner.norms;
  }
  manner.handed = manner.norms > 0 ? Handed::kNorms : flow_.same(value, use.after) ? Handed::kAfter : Handed::kSum;
  return manner;
}

}  // namespace infoplane::hooks::detail
