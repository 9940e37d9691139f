// What shows that a tensor is the stream that enters a block.
#include <algorithm>

#include "hooks/centred.hpp"
#include "hooks/learner.hpp"
#include "hooks/operator_kind.hpp"

namespace infoplane::hooks::detail {

void Learner::look_at_addition(std::string_view name, const std::vector<Operand>& operands, int occurrence) {
  for (const auto& a : operands) {
    for (const auto& b : operands) {
      const bool is_pair = &a != &b && a.parameter < 0 && b.parameter < 0 &&
                           (is_scatter(name) ? a.position == 0 : a.tensor->numel() == b.tensor->numel());
      if (is_pair && !is_over_) {
        look_at_pair(a, b, name, occurrence);
      }
    }
  }
}

/// An addition of `a`, or what became of a stream in it, and `b`, which is made of that stream.
void Learner::look_at_pair(const Operand& a, const Operand& b, std::string_view name, int occurrence) {
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
    if (uses_[id].accepted || uses_[id].closed || !flow_.used(step, id)) {
      continue;
    }
    const auto is_stream = [&](Flow::Value value) { return !flow_.used(value, id) && flow_.paths(value, step).mixes; };
    auto streams = flow_.origins(base, is_stream);
    std::erase_if(streams, [&](Flow::Value value) { return !is_stream(value); });
    const int before = stacks_[plan_.blocks()[uses_[id].block].stack].last;
    if (streams.size() > 1 && before >= 0) {
      std::erase_if(streams, [&](Flow::Value value) { return !continues(before, value); });
    }
    if (streams.size() == 1) {
      accept(id, streams.front(), streams.front() == base ? &a : nullptr, name, occurrence);
    }
  }
  const auto is_of_waiting = [&](const BlockUse& use) {
    return !use.accepted && !use.closed && flow_.used(step, static_cast<int>(&use - uses_.data()));
  };
  if (std::any_of(uses_.begin(), uses_.end(), is_of_waiting)) {
    return;
  }
  for (int id = latest_; id >= 0; --id) {
    auto& use = uses_[id];
    const bool carries = flow_.carries(base, use.sum) || flow_.carries(base, use.stream);
    const bool is_step = flow_.paths(use.stream, step).mixes || flow_.paths(use.sum, step).mixes;
    if (use.accepted && flow_.used(step, id) && carries && is_step) {
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
}

/// Whether the value is what a block made of its stream: that was carried into it, or, where the block hands on
/// something else than what entered it, its last sum went into it, no other stream did, nor a product with a
/// parameter that is not the block's.
bool Learner::continues(int id, Flow::Value value) const {
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
bool Learner::is_handed_on(int id, Flow::Value value) const {
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
bool Learner::is_whole_start(Flow::Value value) const {
  const auto& inputs = flow_.inputs(value);
  const auto differs = [&](const Flow::Input& input) { return input.numel != flow_.numel(value); };
  const bool is_row = inputs.size() > 1 && std::any_of(inputs.begin(), inputs.end(), [&](const Flow::Input& input) {
                        return input.link == Flow::Link::kCarry && differs(input);
                      });
  return !is_row && weightless_input(value) < 0 && !flow_.is_bare_step(flow_.root(value));
}

/// The last block that the value went through, or −1.
int Learner::owner_of(Flow::Value value) const {
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
const Flow::Norm* Learner::own_norm(Flow::Value value, int id) const {
  const auto root = flow_.root(value);
  const auto* norm = flow_.norm(root);
  return norm != nullptr && norm->parameter >= 0 && flow_.by(root) == id ? norm : nullptr;
}

at::Tensor Learner::result_of(const Flow::Norm& norm, Flow::Value value) const {
  auto result = norm.result ? norm.result->lock() : nullptr;
  if (!result) {
    return {};
  }
  const at::Tensor tensor(std::move(result));
  return flow_.same(flow_.known(tensor), value) ? tensor : at::Tensor();
}

bool Learner::is_asked_for(const Spot& spot) const {
  return spot.parameter >= 0 && spot.reading == Reading::kNorm && plan_.parameter(spot.parameter).asked_for;
}

/// The first place where the value was read (a norm that a pattern asks for goes before others), or else one where its
/// direction was.
const Learner::Spot* Learner::choose(Flow::Value value, const at::Tensor* operand, const std::vector<Spot>& own) const {
  const Spot* exact = nullptr;
  const Spot* gain = nullptr;
  for (const auto* spots : {&zone_, &own}) {
    for (const auto& spot : *spots) {
      if (!spot.tensor.defined()) {
        continue;
      }
      const bool is_itself = operand != nullptr && spot.value == value;
      const bool is_same = is_itself ? spot.data == operand->const_data_ptr() && spot.tensor.numel() == operand->numel()
                                     : flow_.same(spot.value, value) && spot.tensor.numel() == flow_.numel(value);
      if (is_same && (exact == nullptr || (is_asked_for(spot) && !is_asked_for(*exact)))) {
        exact = &spot;
      }
      if (gain == nullptr && spot.reading == Reading::kGain && flow_.carries(spot.value, value)) {
        gain = &spot;
      }
    }
  }
  return exact != nullptr ? exact : gain;
}

bool Learner::accept(int id, Flow::Value value, const Operand* operand, std::string_view name, int occurrence) {
  const bool is_part = operand != nullptr && operand->tensor->numel() < flow_.numel(value) &&
                       operand->tensor->size(-1) != flow_.width(value);  // some of the channels
  if (is_part || flow_.is_bare_step(flow_.root(value))) {
    return false;
  }
  for (int other = 0; other < static_cast<int>(uses_.size()); ++other) {
    if (other != id && flow_.used(value, other)) {
      resolve(other, uses_[id].block);
    }
  }
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

/// The record of the stream that enters a block. What entered the first block of a stack from another stack, and was
/// not seen before, is the output of the other's last block; else it is an embedding.
int Learner::site_for(int id, int owner) {
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

void Learner::settle(int id, int owner, Flow::Value value, const Spot* spot, const at::Tensor* operand) {
  auto& use = uses_[id];
  const int stack = plan_.blocks()[use.block].stack;
  const int site = site_for(id, owner);
  const bool is_output =
      owner >= 0 && site == plan_.find_record(plan_.output_name(uses_[owner].block, uses_[owner].nth));
  const auto* norm = is_output && (spot == nullptr || !is_asked_for(*spot)) ? own_norm(value, owner) : nullptr;
  Use found;
  found.site = site;
  found.block = use.block;
  at::Tensor tensor;
  SiteKind kind = SiteKind::kNormOutput;
  std::string source;
  std::string operator_name = "aten::layer_norm";
  int parameter = -1;
  if (norm != nullptr) {
    parameter = norm->parameter;
    found.call = norm->call;
    found.reading = Reading::kOutput;
    source = plan_.name_in(plan_.parameter(parameter), uses_[owner].block);
    tensor = result_of(*norm, value);
    tensor = tensor.defined() || operand == nullptr ? tensor : *operand;
    tensor = tensor.defined() || spot == nullptr ? tensor : spot->tensor;
  } else {
    const auto sizes_differ = [&] { return operand->sizes() != spot->tensor.sizes(); };
    const bool is_direct = spot->reading == Reading::kNorm || spot->reading == Reading::kOther;
    parameter = spot->parameter;
    found.call = spot->call;
    found.reading = spot->reading;
    found.at_addition = is_direct && operand != nullptr && sizes_differ();
    found.operator_name = spot->reading == Reading::kLater ? spot->operator_name : "";
    found.occurrence = spot->occurrence;
    found.operand = spot->operand;
    tensor = found.at_addition ? *operand : spot->tensor;
    operator_name = found.at_addition ? "aten::add" : spot->operator_name;
    kind = spot->is_norm ? SiteKind::kNormInput : kind_of(spot->reading);
    if (spot->reading == Reading::kGain) {
      kind = flow_.same(spot->value, value) ? SiteKind::kLinearInput
             : is_centred(spot->tensor)     ? SiteKind::kCentredStream
                                            : kind;
    }
    const bool is_inside = parameter >= 0 && !spot->is_outside && spot->reading != Reading::kLater;
    source = parameter >= 0 ? plan_.name_in(plan_.parameter(parameter), is_inside ? use.block : -1)
                            : plan_.name_in(plan_.parameter(*use.touched.begin()), use.block);
  }
  const bool is_input = kind != SiteKind::kNormOutput;  // what enters that norm is another tensor
  for (auto& record : plan_.records()) {
    record.dropped = record.dropped || (is_input && record.site.index == -2 && record.site.source == source &&
                                        !is_handed_over(record.site.kind));
  }
  if (!is_handed_over(plan_.records()[site].site.kind) || plan_.records()[site].hits == 0) {
    plan_.refine(site, kind, source, is_output ? uses_[owner].index : -1,
                 is_output ? plan_.blocks()[uses_[owner].block].stack : stack);
  }
  plan_.add_use(parameter, found);
  plan_.blocks()[use.block].resolved = true;
  if (is_output && uses_[owner].stream >= 0) {
    stacks_[plan_.blocks()[uses_[owner].block].stack].manner = manner_from(uses_[owner], value);
    plan_.stacks()[plan_.blocks()[uses_[owner].block].stack].post_norm |= norm != nullptr;
  }
  use.stream = value;
  use.site = site;
  if (norm == nullptr && spot->is_norm && flow_.same(spot->value, value)) {
    use.inner.handed = Handed::kSum;  // pre-norm
  }
  sites_.insert(site);
  enter(id);
  if (!settle_taps(site, value) && tensor.defined()) {
    fire_(site, tensor, operator_name, FiredBy::kOperator);
  }
  drop_spots(use.spots, spot);
  drop_spots(zone_, spot);
  if (owner >= 0) {
    release(owner);
  }
}

/// What entered the norm without a known weight that returned the value, or −1.
Flow::Value Learner::weightless_input(Flow::Value value) const {
  const auto root = flow_.root(value);
  const auto* norm = flow_.norm(root);
  const bool is_one = norm != nullptr && norm->parameter < 0 && !flow_.inputs(root).empty();
  return is_one ? flow_.inputs(root).front().value : -1;
}

/// What was handed on, seen from where the last addition and the last norm of the block are.
Learner::Manner Learner::manner_from(const BlockUse& use, Flow::Value value) const {
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
