// Which blocks are at work, and what was read.
#include "hooks/site_resolver.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/clone.h>
#include <ATen/record_function.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>

#include "hooks/operator_kind.hpp"

namespace infoplane::hooks::detail {

SiteResolver::SiteResolver(Plan& plan, Fire fire, FireNorm fire_norm)
    : plan_(plan),
      fire_(std::move(fire)),
      fire_norm_(std::move(fire_norm)),
      current_(plan.blocks().size(), -1),
      stacks_(plan.stacks().size()) {
  for (const auto& block : plan.blocks()) {
    was_resolved_.push_back(block.resolved);
  }
}

void SiteResolver::stop() noexcept {
  is_over_ = true;
  uses_.clear();
  zone_.clear();
  tail_.reset();
  taps_.clear();
  flow_ = Flow();
}

bool SiteResolver::has_run_through() const noexcept {
  return std::all_of(stacks_.begin(), stacks_.end(), [](const StackProgress& stack) { return stack.last >= 0; });
}

int SiteResolver::block_of(const Read& read) const {
  const auto& blocks = plan_.parameter(read.parameter).blocks;
  if (blocks.size() == 1) {
    return blocks.front();
  }
  // A tied parameter belongs to the block at work, until all of that was used and it comes again.
  const auto fresh = std::find_if(blocks.begin(), blocks.end(), [&](int block) { return current_[block] < 0; });
  for (std::size_t i = uses_.size(); i-- > 0;) {
    const auto& use = uses_[i];
    if (static_cast<int>(i) == current_[use.block] &&
        std::find(blocks.begin(), blocks.end(), use.block) != blocks.end()) {
      const bool is_next = use.touched.count(read.parameter) > 0 && is_used_up(use);
      return is_next && fresh != blocks.end() ? *fresh : use.block;
    }
  }
  return fresh != blocks.end() ? *fresh : blocks.front();
}

/// Every norm and every matrix of the block was used.
bool SiteResolver::is_used_up(const BlockUse& use) const {
  const auto& parameters = plan_.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& p = parameters[i];
    const int id = static_cast<int>(i);
    const bool counts = p.norm_like || (p.tensor.dim() >= 2 && !p.is_buffer);
    if (counts && use.touched.count(id) == 0 && derived_.count(id) == 0 &&
        std::find(p.blocks.begin(), p.blocks.end(), use.block) != p.blocks.end()) {
      return false;
    }
  }
  return true;
}

/// A block that is applied several times begins again where all of it was used and it gets what it made. (One that
/// gets anything else then is in another forward.)
bool SiteResolver::starts_again(const BlockUse& use, int id, const Read& read, Flow::Value value) {
  if (!use.accepted || use.touched.count(read.parameter) == 0 || !is_used_up(use) ||
      plan_.parameter(read.parameter).blocks.size() != 1) {
    return false;
  }
  if (!flow_.used(value, id)) {
    finish();
    return false;
  }
  return true;
}

int SiteResolver::open_use(int block) {
  const int id = static_cast<int>(uses_.size());
  for (std::size_t i = 0; i < plan_.parameters().size(); ++i) {
    const auto& blocks = plan_.parameters()[i].blocks;
    if (std::find(blocks.begin(), blocks.end(), block) != blocks.end()) {
      derived_.erase(static_cast<int>(i));
    }
  }
  auto& use = uses_.emplace_back();
  use.block = block;
  use.nth = static_cast<int>(std::count_if(
      uses_.begin(), uses_.end(), [&](const BlockUse& other) { return other.block == block && other.accepted; }));
  current_[block] = id;
  return id;
}

void SiteResolver::enter(int id) {
  auto& use = uses_[id];
  const int stack = plan_.blocks()[use.block].stack;
  use.accepted = true;
  use.index = latest_ < 0 ? 0 : uses_[latest_].index + 1;
  plan_.place(use.block, use.nth, use.index);
  latest_ = id;
  stacks_[stack].last = id;
  if (tail_ && plan_.blocks()[uses_[tail_->use].block].stack == stack) {
    tail_.reset();  // the forward went on
  }
}

void SiteResolver::release(int id) {
  auto& use = uses_[id];
  use.sum_tensor.reset();
  use.after_tensor.reset();
  use.sum_reader.reset();
  use.spots.clear();
}

/// What operators without parameters do from here on is counted from this parameter.
void SiteResolver::set_anchor(int parameter, std::size_t call) {
  anchor_ = parameter;
  anchor_call_ = call;
  since_anchor_.clear();
}

bool SiteResolver::read(const Read& read) {
  const auto value = flow_.value(*read.stream);
  set_anchor(read.parameter, read.call);
  if (plan_.parameter(read.parameter).blocks.empty()) {
    by_ = Flow::kOutside;
    return look_outside(read, value);
  }
  const int id = use_of(read, value);
  if (id < 0) {
    return false;
  }
  by_ = id;
  flow_.set_current_use(id);
  uses_[id].touched.insert(read.parameter);
  if (!uses_[id].accepted) {
    const auto known = enter_as_known(id, read, value);
    return known ? *known : hold(id, read, value);
  }
  if (id == latest_) {
    drop_spots(zone_, nullptr);
  }
  const auto& use = uses_[id];
  const bool reads_end = flow_.same(value, use.sum) || flow_.same(value, use.after);
  if (reads_end && operator_kind(read.operator_name) == OperatorKind::kElementwise) {
    made_ = {nullptr, id, false};
  }
  return false;
}

/// The use of the block whose parameter is read, opened where it begins; −1 where another forward does.
int SiteResolver::use_of(const Read& read, Flow::Value value) {
  const int block = block_of(read);
  const int id = current_[block];
  const bool again = id >= 0 && starts_again(uses_[id], id, read, value);
  if (is_over_) {
    return -1;
  }
  return id < 0 || again ? open_use(block) : id;
}

/// A block that an earlier pass has shown has its place at once. Nothing where it has not, else whether the stream that
/// is read is the one that enters it.
std::optional<bool> SiteResolver::enter_as_known(int id, const Read& read, Flow::Value value) {
  auto& use = uses_[id];
  const bool is_known = read.use != nullptr && read.use->block == use.block;
  if (!was_resolved_[use.block] || (use.nth > 0 && !is_known)) {
    return std::nullopt;
  }
  enter(id);
  use.stream = is_known ? value : -1;
  use.site = is_known ? read.use->site : -1;
  if (is_known) {
    sites_.insert(use.site);
    settle_taps(use.site, value);
  }
  return is_known;
}

/// Holds what a block without its place reads, where it may be the stream that enters it.
bool SiteResolver::hold(int id, const Read& read, Flow::Value value) {
  if (value < 0 || flow_.used(value, id)) {
    return false;
  }
  resolve_makers(id, value);
  if (is_over_) {
    return false;
  }
  uses_[id].spots.push_back(spot_of(read, value));
  return true;
}

void SiteResolver::embed(int parameter, std::size_t call) { set_anchor(parameter, call); }

void SiteResolver::derive(const std::vector<Operand>& operands) {
  for (const auto& operand : operands) {
    if (operand.parameter >= 0) {
      derived_.insert(operand.parameter);
    }
  }
}

void SiteResolver::plain(std::string_view name, const std::vector<Operand>& operands, bool is_norm, bool has_weight) {
  const int occurrence = ++since_anchor_[std::string(name)];
  for (const auto& operand : operands) {
    if (operand.parameter < 0 && latest_ >= 0) {
      look_at_reader(name, occurrence, operand, is_norm, has_weight);
    }
  }
  if (is_norm && !operands.empty() && operands.front().parameter < 0) {
    if (const auto value = flow_.value(*operands.front().tensor); value >= 0) {
      auto& spot = zone_.emplace_back(later_spot(name, occurrence, operands.front(), value));
      spot.is_norm = true;
      spot.has_weight = has_weight;
    }
    norm_.emplace(-1, 0);
  }
  if (is_addition(name)) {
    look_at_addition(name, operands, occurrence);
  }
}

/// Remembers who reads what the block at work hands on, if it goes no further.
void SiteResolver::look_at_reader(std::string_view name, int occurrence, const Operand& operand, bool is_norm,
                                  bool has_weight) {
  auto& use = uses_[latest_];
  const auto value = flow_.value(*operand.tensor);
  if (value < 0 || value != expected(use) || operand.tensor->numel() != flow_.numel(value)) {
    return;
  }
  use.lost_norm = use.lost_norm || (is_norm && has_weight);
  use.bare_norm = use.bare_norm || (is_norm && !has_weight);
  if (!use.sum_reader) {
    use.sum_reader = later_spot(name, occurrence, operand, value);
    use.sum_reader->tensor.reset();  // the use holds it
  }
}

void SiteResolver::begin(const void* key, std::string_view name, const std::vector<Operand>& operands, bool opaque) {
  if (is_over_) {
    return;
  }
  preserve(name, operands);
  flow_.begin(key, name, operands, by_, opaque);
  if (bare_step_) {
    flow_.mark_bare_step(key);
  }
  if (norm_) {
    flow_.mark_norm(key, norm_->first, norm_->second);
  } else if (by_ != Flow::kNoParameter && is_fused_norm(name)) {
    flow_.mark_norm(key, anchor_, anchor_call_);
  }
  if (made_.use >= 0 && made_.key == nullptr) {
    made_.key = key;
  }
  running_ = by_;
  by_ = Flow::kNoParameter;
  bare_step_ = false;
  norm_.reset();
}

void SiteResolver::end(const void* key, const std::vector<c10::IValue>& results) {
  if (is_over_) {
    return;
  }
  const auto newest = flow_.newest();
  flow_.end(key, results);
  if (flow_.newest() == newest) {
    return;  // a view, or another operator's end
  }
  if (running_ >= 0) {
    uses_[running_].last = flow_.newest();
  }
  if (made_.use < 0 || made_.key != key) {
    return;
  }
  auto& use = uses_[made_.use];
  const auto value = flow_.made();
  const auto held =
      !results.empty() && results.front().isTensor() ? results.front().toTensor().variable_data() : at::Tensor();
  if (made_.is_sum) {
    use.sum = value;
    use.sum_tensor = held;
    use.after = -1;
    use.after_tensor.reset();
  } else {
    use.after = value;
    use.after_tensor = held;
  }
  use.sum_reader.reset();
  use.lost_norm = false;
  use.bare_norm = false;
  if (tail_ && tail_->use == made_.use) {
    tail_.reset();  // the block goes on
  }
  made_ = {};
}

SiteResolver::Spot SiteResolver::spot_of(const Read& read, Flow::Value value) const {
  Spot spot;
  spot.value = value;
  spot.data = read.stream->const_data_ptr();
  spot.tensor = read.stream->variable_data();
  spot.parameter = read.parameter;
  spot.call = read.call;
  spot.reading = read.reading;
  spot.operator_name = read.operator_name;
  spot.is_outside = plan_.parameter(read.parameter).blocks.empty();
  return spot;
}

SiteResolver::Spot SiteResolver::later_spot(std::string_view name, int occurrence, const Operand& operand,
                                            Flow::Value value) const {
  Spot spot;
  spot.value = value;
  spot.data = operand.tensor->const_data_ptr();
  spot.tensor = operand.tensor->variable_data();
  spot.parameter = anchor_;
  spot.call = anchor_call_;
  spot.reading = Reading::kLater;
  spot.operator_name = name;
  spot.occurrence = occurrence;
  spot.operand = operand.position;
  return spot;
}

/// Lets go of what was read, but for norms that a pattern asks for: these are sites of their own.
void SiteResolver::drop_spots(std::vector<Spot>& spots, const Spot* chosen) {
  for (const auto& spot : spots) {
    const bool is_asked_for = spot.reading != Reading::kLater && spot.reading != Reading::kOther && !spot.is_outside &&
                              plan_.parameter(spot.parameter).asked_for;
    if (&spot != chosen && is_asked_for) {
      fire_norm_(spot.parameter, spot.reading, spot.tensor, spot.operator_name);
    }
  }
  spots.clear();
}

/// What is held keeps its values where the forward writes over them.
void SiteResolver::preserve(std::string_view name, const std::vector<Operand>& operands) {
  if (!writes_first(name) || is_layout_only(name)) {
    return;
  }
  const bool writes_all = !name.starts_with("aten::");
  for (std::size_t i = 0; i < operands.size() && (i == 0 || writes_all); ++i) {
    const auto& written = *operands[i].tensor;
    const auto value = flow_.known(written);
    if (operands[i].parameter >= 0 || value < 0) {
      continue;
    }
    for (auto& spot : zone_) {
      protect(spot.tensor, spot.value, written);
    }
    for (auto& use : uses_) {
      for (auto& spot : use.spots) {
        protect(spot.tensor, spot.value, written);
      }
      protect(use.sum_tensor, use.sum, written);
      protect(use.after_tensor, use.after, written);
    }
    for (auto& tapped : taps_) {
      protect(tapped.tensor, tapped.value, written);
    }
    if (tail_) {
      protect(tail_->spot.tensor, tail_->spot.value, written);
    }
  }
}

void SiteResolver::protect(at::Tensor& held, Flow::Value value, const at::Tensor& written) {
  if (value < 0 || !held.defined() || !held.has_storage() || !held.is_alias_of(written)) {
    return;
  }
  const at::DisableRecordFunctionGuard unobserved;
  const at::NoGradGuard no_grad;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  held = held.clone();
}

}  // namespace infoplane::hooks::detail
