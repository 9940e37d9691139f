#include "hooks/flow.hpp"

#include <algorithm>
#include <array>

namespace infoplane::hooks::detail {
namespace {

bool is_tracked(const at::Tensor& tensor) {
  return tensor.defined() && tensor.has_storage() && (tensor.is_floating_point() || tensor.is_complex());
}

std::int64_t version_of(const at::Tensor& tensor) {
  const auto& counter = tensor.unsafeGetTensorImpl()->version_counter();
  return counter.enabled() ? static_cast<std::int64_t>(counter.current_version()) : -1;
}

const c10::StorageImpl* storage_of(const at::Tensor& tensor) { return tensor.storage().unsafeGetStorageImpl(); }

}  // namespace

Flow::Value Flow::add(Content content) {
  const auto value = static_cast<Value>(values_.size());
  for (const auto& input : content.inputs) {
    const auto& uses = values_[input.value].uses;
    content.uses.resize(std::max(content.uses.size(), uses.size()), false);
    for (std::size_t use = 0; use < uses.size(); ++use) {
      content.uses[use] = content.uses[use] || uses[use];
    }
  }
  const int own = content.dark ? current_use_ : content.by;
  if (own >= 0) {
    content.uses.resize(std::max(content.uses.size(), static_cast<std::size_t>(own) + 1), false);
    content.uses[own] = true;
  }
  const bool is_copy = content.inputs.size() == 1 && content.inputs.front().link == Link::kSame;
  content.root = is_copy ? values_[content.inputs.front().value].root : value;
  values_.push_back(std::move(content));
  return value;
}

void Flow::put(const at::Tensor& tensor, Value value) {
  const auto* storage = storage_of(tensor);
  const auto entry = entries_.find(storage);
  if (entry != entries_.end()) {
    entry->second.value = value;
  } else {
    entries_.emplace(storage, Entry{tensor.storage().getWeakStorageImpl(), value});
  }
}

Flow::Value Flow::known(const at::Tensor& tensor) const {
  if (!is_tracked(tensor)) {
    return -1;
  }
  const auto entry = entries_.find(storage_of(tensor));
  return entry == entries_.end() ? -1 : entry->second.value;
}

Flow::Value Flow::value(const at::Tensor& tensor) {
  auto value = known(tensor);
  if (value < 0 && is_tracked(tensor)) {
    Content content;
    content.numel = tensor.numel();
    content.width = tensor.dim() > 0 ? tensor.size(-1) : 1;
    value = add(std::move(content));
    put(tensor, value);
  }
  return value;
}

void Flow::begin(const void* key, std::string_view name, const std::vector<Operand>& operands, int by, bool opaque) {
  auto& open = open_.emplace_back();
  open.key = key;
  open.name = name;
  open.by = by;
  open.opaque = opaque;
  for (const auto& operand : operands) {
    if (operand.parameter >= 0) {
      continue;
    }
    if (const auto value = this->value(*operand.tensor); value >= 0) {
      open.tensors.push_back(*operand.tensor);
      open.values.push_back(value);
      open.positions.push_back(operand.position);
      open.versions.push_back(version_of(*operand.tensor));
    }
  }
  open.newest = newest();
}

void Flow::end(const void* key, const std::vector<c10::IValue>& results) {
  if (open_.empty() || open_.back().key != key) {
    return;
  }
  const auto open = std::move(open_.back());
  open_.pop_back();
  made_ = -1;
  put_written(open);
  for (const auto& result : results) {
    if (result.isTensor()) {
      finish(open, result.toTensor());
    } else if (result.isTensorList()) {
      for (const auto& element : result.toListRef()) {
        finish(open, element.toTensor());
      }
    }
  }
}

/// Whether the operator wrote to its operand, by its name or by the operand's version.
bool Flow::is_written(const Open& open, std::size_t operand) const {
  const auto& tensor = open.tensors[operand];
  const bool told_inside = !open.opaque && known(tensor) > open.newest;
  if (told_inside || is_layout_only(open.name)) {
    return false;
  }
  const bool writes_all = !open.name.starts_with("aten::") && open.name.ends_with('_');
  const bool by_name = writes_all || (open.positions[operand] == 0 && writes_first(open.name));
  return by_name || version_of(tensor) != open.versions[operand];
}

/// What was written in place holds new values, one for each memory.
void Flow::put_written(const Open& open) {
  std::vector<std::size_t> written;
  for (std::size_t i = 0; i < open.tensors.size(); ++i) {
    const auto shares = [&](std::size_t earlier) { return open.tensors[earlier].is_alias_of(open.tensors[i]); };
    if (is_written(open, i) && std::none_of(written.begin(), written.end(), shares)) {
      written.push_back(i);
      put(open.tensors[i], make(open, open.tensors[i], static_cast<int>(i)));
    }
  }
}

void Flow::finish(const Open& open, const at::Tensor& result) {
  if (!is_tracked(result)) {
    return;
  }
  const auto shares = [&](const at::Tensor& tensor) { return tensor.is_alias_of(result); };
  const bool is_view = std::any_of(open.tensors.begin(), open.tensors.end(), shares);
  const bool told_inside = !open.opaque && known(result) > open.newest;
  if (!is_view && !told_inside) {
    const auto value = make(open, result, -1);
    put(result, value);
    if (open.norm && made_ < 0) {
      values_[value].norm = static_cast<int>(norms_.size());
      norms_.push_back(*open.norm);
      norms_.back().result.emplace(result.getIntrusivePtr());
    }
  }
  made_ = made_ < 0 ? known(result) : made_;
}

Flow::Value Flow::make(const Open& open, const at::Tensor& result, int written) {
  Content content;
  content.numel = result.numel();
  content.width = result.dim() > 0 ? result.size(-1) : 1;
  content.by = open.by;
  content.bare_step = open.bare_step;
  const auto kind = operator_kind(open.name);
  content.dark = kind == OperatorKind::kEmpty;
  if (kind == OperatorKind::kEmpty || kind == OperatorKind::kFresh) {
    return add(std::move(content));
  }
  const bool is_whole =
      written >= 0 && static_cast<std::size_t>(result.numel()) * result.element_size() == result.storage().nbytes();
  for (std::size_t i = 0; i < open.values.size(); ++i) {
    const bool is_target = static_cast<int>(i) == written;
    if (is_target && is_whole && kind == OperatorKind::kCopy) {
      continue;  // nothing is left of what was there
    }
    const auto link = is_target ? Link::kCarry : link_of(open, kind, i, content.numel, written < 0 || is_whole);
    content.inputs.push_back({open.values[i], link, open.tensors[i].numel()});
  }
  return add(std::move(content));
}

/// How an operand that is not written goes into a result of `numel` elements; `fills`: it makes all of the result's
/// memory.
Flow::Link Flow::link_of(const Open& open, OperatorKind kind, std::size_t operand, std::int64_t numel, bool fills) {
  const bool same_size = open.tensors[operand].numel() == numel;
  switch (kind) {
    case OperatorKind::kCopy:
      return same_size && fills ? Link::kSame : Link::kCarry;
    case OperatorKind::kRearrange:
      return Link::kCarry;
    case OperatorKind::kMix:
      return open.positions[operand] == 0 && same_size && adds_first(open.name) ? Link::kCarry : Link::kMix;
    default:
      return same_size ? Link::kCarry : Link::kMix;
  }
}

void Flow::mark_bare_step(const void* key) {
  if (!open_.empty() && open_.back().key == key) {
    open_.back().bare_step = true;
  }
}

void Flow::mark_norm(const void* key, int parameter, std::size_t call) {
  if (!open_.empty() && open_.back().key == key) {
    open_.back().norm = Norm{parameter, call, {}};
  }
}

const Flow::Norm* Flow::norm(Value value) const {
  return value < 0 || values_[value].norm < 0 ? nullptr : &norms_[values_[value].norm];
}

bool Flow::used(Value value, int use) const {
  return value >= 0 && use >= 0 && static_cast<std::size_t>(use) < values_[value].uses.size() &&
         values_[value].uses[use];
}

Flow::Paths Flow::paths(Value from, Value into) const {
  Paths paths;
  if (from < 0 || into < 0 || from > into) {
    return paths;
  }
  // The ways to `into` from each value, later ones first: bit 0 without, 1 by a mix, 2 by a parameter, 3 by both.
  std::vector<std::uint8_t> ways(static_cast<std::size_t>(into - from) + 1, 0);
  ways.back() = 1;
  const auto arrive = [&](std::uint8_t set) {
    paths.any = true;
    paths.mixes = paths.mixes || (set & 0b1010) != 0;
    paths.has_parameter = paths.has_parameter || (set & 0b1100) != 0;
  };
  for (Value value = into; value > from; --value) {
    auto set = ways[static_cast<std::size_t>(value - from)];
    if (set == 0) {
      continue;
    }
    const auto& content = values_[value];
    if (content.by != kNoParameter) {
      set = static_cast<std::uint8_t>((set & 0b1100) | ((set & 0b0011) << 2));
    }
    const auto mixed = static_cast<std::uint8_t>((set & 0b1010) | ((set & 0b0101) << 1));
    if (content.dark) {
      arrive(mixed);
    }
    for (const auto& input : content.inputs) {
      if (input.value >= from) {
        ways[static_cast<std::size_t>(input.value - from)] |= input.link == Link::kMix ? mixed : set;
      }
    }
  }
  if (ways.front() != 0) {
    arrive(ways.front());
  }
  return paths;
}

std::vector<Flow::Value> Flow::origins(Value value, const std::function<bool(Value)>& stops) const {
  std::vector<Value> ends;
  std::vector<Value> waiting = {value};
  std::vector<bool> seen(values_.size(), false);
  while (!waiting.empty()) {
    const auto current = waiting.back();
    waiting.pop_back();
    if (current < 0 || seen[current]) {
      continue;
    }
    seen[current] = true;
    bool goes_on = false;
    if (!stops(current)) {
      for (const auto& input : values_[current].inputs) {
        if (input.link != Link::kMix) {
          waiting.push_back(input.value);
          goes_on = true;
        }
      }
    }
    if (!goes_on) {
      ends.push_back(current);
    }
  }
  return ends;
}

bool Flow::passes(int use, Value through, Value into) const {
  std::vector<Value> waiting = {into};
  std::vector<bool> seen(values_.size(), false);
  while (!waiting.empty()) {
    const auto current = waiting.back();
    waiting.pop_back();
    if (seen[current] || same(current, through)) {
      continue;
    }
    seen[current] = true;
    if (current < through ? used(current, use) : by(current) == use) {
      return false;
    }
    for (const auto& input : values_[current].inputs) {
      if (input.value > through || used(input.value, use)) {
        waiting.push_back(input.value);
      }
    }
  }
  return true;
}

bool Flow::carries(Value value, Value origin) const {
  if (value < 0 || origin < 0) {
    return false;
  }
  const auto is_origin = [&](Value other) { return same(other, origin); };
  const auto ends = origins(value, is_origin);
  return std::any_of(ends.begin(), ends.end(), is_origin);
}

}  // namespace infoplane::hooks::detail
