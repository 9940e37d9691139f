// The output of the last block of a stack, which no block reads.
#include <infoplane/core/error.hpp>

#include <algorithm>

#include "hooks/centred.hpp"
#include "hooks/learner.hpp"

namespace infoplane::hooks::detail {

/// A block of the stack has not run.
bool Learner::waits(int stack) const {
  const auto& blocks = plan_.stacks()[stack].blocks;
  return std::any_of(blocks.begin(), blocks.end(), [&](int block) {
    const int id = current_[block];
    return !plan_.blocks()[block].dismissed && (id < 0 || !uses_[id].accepted);
  });
}

/// What the block hands on if it does as those before it, or as its own parts do.
Learner::Manner Learner::manner_of(const BlockUse& use) const {
  const auto& manner = stacks_[plan_.blocks()[use.block].stack].manner;
  return manner.handed == Handed::kUnknown ? use.inner : manner;
}

Flow::Value Learner::expected(const BlockUse& use) const {
  const auto handed = manner_of(use).handed;
  if (handed == Handed::kOther) {
    return -1;
  }
  return use.after >= 0 && handed != Handed::kSum ? use.after : use.sum;
}

/// A parameter outside of all blocks: it may read what the last block handed on.
bool Learner::look_outside(const Read& read, Flow::Value value) {
  const auto given = spot_of(read, value);
  zone_.push_back(given);
  outside_.insert(read.parameter);
  if (value < 0) {
    return false;
  }
  for (int id = 0; id < static_cast<int>(uses_.size()); ++id) {
    if (flow_.used(value, id) && !uses_[id].accepted && is_used_up(uses_[id])) {
      resolve(id, -1);
    }
  }
  if (is_over_) {
    return true;
  }
  if (read.use != nullptr && read.use->is_tail && latest_ >= 0) {
    auto& progress = stacks_[plan_.blocks()[uses_[latest_].block].stack];
    progress.has_tail = true;
    if (read.use->site >= 0) {
      settle_taps(read.use->site, value);
      sites_.insert(read.use->site);
    }
    const bool has_site = read.use->site >= 0;
    has_left_ = true;
    stop_if_complete();
    return has_site;
  }
  int last = -1;
  for (int id = 0; id < static_cast<int>(uses_.size()); ++id) {
    const bool is_later = last < 0 || uses_[id].index > uses_[last].index;
    last = uses_[id].accepted && flow_.used(value, id) && is_later ? id : last;
  }
  return last >= 0 && look_at_tail(last, given);
}

/// Whether an operator outside the blocks shows the output of the use.
bool Learner::look_at_tail(int id, const Spot& given) {
  const int stack = plan_.blocks()[uses_[id].block].stack;
  if (id != stacks_[stack].last || stacks_[stack].has_tail) {
    return false;
  }
  auto tail = find_tail(id, given);
  if (!tail) {
    return false;
  }
  if (waits(stack) || !is_used_up(uses_[id])) {
    tail_ = tail_ ? tail_ : tail;  // decided when the forward is over, unless it goes on
    return true;
  }
  accept_tail(*tail);
  return true;
}

/// A final norm is registered that was not used, and one that is not registered was: it has been replaced.
bool Learner::is_replaced(const BlockUse& use, const at::Tensor& stream) const {
  const auto& parameters = plan_.parameters();
  const auto waits = [&](const Parameter& p) {
    const auto id = static_cast<int>(&p - parameters.data());
    return p.norm_like && p.blocks.empty() && outside_.count(id) == 0 && p.tensor.numel() == stream.size(-1);
  };
  return use.lost_norm && std::any_of(parameters.begin(), parameters.end(), waits);
}

std::optional<Learner::Tail> Learner::find_tail(int id, const Spot& given) const {
  const auto& use = uses_[id];
  const auto manner = manner_of(use);
  // What a norm of the block made of its sum is the later of the two, whatever other blocks do.
  const bool is_after = flow_.same(given.value, use.after) || flow_.paths(use.after, given.value).any;
  const auto out = is_after ? use.after : expected(use);
  const bool is_whole = given.tensor.numel() == flow_.numel(given.value);
  if (is_replaced(use, given.tensor)) {
    return std::nullopt;
  }
  if (out < 0) {
    const bool is_its_own =
        use.sum < 0 ? is_handed_on(id, given.value)
                    : flow_.carries(given.value, use.sum) && !flow_.paths(use.sum, given.value).has_parameter;
    return is_whole && is_its_own && continues(id, given.value) ? std::optional(Tail{id, given.value, given, given})
                                                                : std::nullopt;
  }
  // Norms without a weight behind the last sum: the block's come first.
  std::vector<Flow::Value> chain = {given.value};
  while (!flow_.same(chain.back(), out) && weightless_input(chain.back()) >= 0) {
    chain.push_back(weightless_input(chain.back()));
  }
  const int norms = flow_.same(chain.back(), out) ? static_cast<int>(chain.size()) - 1 : -1;
  if (manner.handed == Handed::kNorms || norms > 0) {
    const int own = norms - manner.norms;
    if (manner.handed == Handed::kUnknown || own < 0) {
      return std::nullopt;
    }
    const auto value = chain[static_cast<std::size_t>(own)];
    const auto* spot = own == 0 && is_whole ? &given : choose(value, nullptr, {});
    return spot == nullptr ? std::nullopt : std::optional(Tail{id, value, given, *spot});
  }
  if (norms == 0 && is_whole) {
    return Tail{id, out, given, given};
  }
  const bool is_ambiguous = manner.handed == Handed::kUnknown && use.bare_norm;
  if (is_ambiguous || !flow_.paths(out, given.value).any || !flow_.passes(id, out, given.value)) {
    return std::nullopt;
  }
  const bool is_gain = given.reading == Reading::kGain && flow_.carries(given.value, out);
  if (is_gain || own_norm(out, id) != nullptr) {
    return Tail{id, out, given, given};
  }
  // The operator has something else that was made of it, which is read where it was read first.
  if (const auto* spot = choose(out, nullptr, {}); spot != nullptr) {
    return Tail{id, out, given, *spot};
  }
  auto reader = use.sum_reader;
  if (reader) {
    reader->tensor = out == use.after ? use.after_tensor : use.sum_tensor;
  }
  return reader && reader->value == out && reader->tensor.defined() ? std::optional(Tail{id, out, given, *reader})
                                                                    : std::nullopt;
}

void Learner::accept_tail(const Tail& tail) {
  auto& use = uses_[tail.use];
  const int stack = plan_.blocks()[use.block].stack;
  const int site = plan_.record(plan_.output_name(use.block, use.nth));
  const auto& spot = tail.reader;
  const bool is_asked = is_asked_for(spot) && flow_.same(spot.value, tail.value);
  const auto* norm = is_asked ? nullptr : own_norm(tail.value, tail.use);
  Use found;
  found.site = site;
  found.is_tail = true;
  at::Tensor tensor = spot.tensor;
  auto kind = spot.is_norm ? SiteKind::kNormInput : kind_of(spot.reading);
  std::string source = spot.parameter < 0 ? "" : plan_.parameter(spot.parameter).names.front();
  std::string operator_name = spot.operator_name;
  const auto leave = [&](const Spot& at, Use end) {
    if (at.parameter >= 0 && at.reading != Reading::kLater) {
      end.call = at.call;
      end.reading = at.reading;
      plan_.add_use(at.parameter, end);
    }
  };
  Use end;
  end.is_tail = true;
  if (norm != nullptr) {
    found.call = norm->call;
    found.reading = Reading::kOutput;
    found.is_tail = false;
    kind = SiteKind::kNormOutput;
    source = plan_.name_in(plan_.parameter(norm->parameter), use.block);
    operator_name = "aten::layer_norm";
    const auto result = result_of(*norm, tail.value);
    tensor = result.defined() ? result : use.after_tensor.defined() ? use.after_tensor : tensor;
    plan_.add_use(norm->parameter, found);
    plan_.stacks()[stack].post_norm = true;
    leave(tail.spot, end);
  } else {
    found.call = spot.call;
    found.reading = spot.reading;
    found.operator_name = spot.reading == Reading::kLater ? spot.operator_name : "";
    found.occurrence = spot.occurrence;
    found.operand = spot.operand;
    plan_.add_use(spot.parameter, found);
    if (spot.reading == Reading::kLater) {
      leave(tail.spot, end);
    }
    if (spot.reading == Reading::kGain) {
      kind = flow_.same(spot.value, tail.value) ? SiteKind::kLinearInput
             : is_centred(tensor)               ? SiteKind::kCentredStream
                                                : kind;
    }
  }
  if (!is_handed_over(plan_.records()[site].site.kind) || plan_.records()[site].hits == 0) {
    plan_.refine(site, kind, source, use.index, stack);
  }
  plan_.stacks()[stack].tail_resolved = true;
  stacks_[stack].has_tail = true;
  has_left_ = true;
  tail_.reset();
  sites_.insert(site);
  outputs_.emplace_back(site, tail.value);
  if (!settle_taps(site, tail.value) && tensor.defined()) {
    fire_(site, tensor, operator_name, FiredBy::kTail);
  }
  drop_spots(zone_, nullptr);
  release(tail.use);
  stop_if_complete();
}

/// Every stack was run through: what follows is another forward.
void Learner::stop_if_complete() {
  const auto is_through = [](const StackProgress& progress) { return progress.last >= 0 && progress.has_tail; };
  if (std::all_of(stacks_.begin(), stacks_.end(), is_through)) {
    flush(std::exchange(taps_, {}), false);
    stop();
  }
}

void Learner::finish() {
  if (is_over_) {
    return;
  }
  for (int id = 0; !is_over_ && id < static_cast<int>(uses_.size()); ++id) {
    resolve(id, -1);
  }
  if (!is_over_ && tail_ && tail_->use == stacks_[plan_.blocks()[uses_[tail_->use].block].stack].last) {
    const auto tail = *tail_;
    const auto out = expected(uses_[tail.use]);
    if (out < 0 || flow_.carries(tail.value, out)) {
      accept_tail(tail);
    }
  }
  for (int stack = 0; !is_over_ && stack < static_cast<int>(stacks_.size()); ++stack) {
    finish_stack(stack);
  }
  if (!is_over_) {
    flush(std::exchange(taps_, {}), true);
    stop();
  }
}

/// Post-norm blocks all end in a norm of the same path, also the last one, which nothing reads.
void Learner::finish_stack(int stack) {
  auto& progress = stacks_[stack];
  if (progress.last < 0 || progress.has_tail) {
    return;
  }
  const auto& use = uses_[progress.last];
  const bool is_post_norm = progress.manner.handed == Handed::kAfter && plan_.stacks()[stack].post_norm;
  if (is_post_norm && !waits(stack) && own_norm(use.after, progress.last) != nullptr && use.after_tensor.defined()) {
    Spot spot;
    spot.value = use.after;
    spot.tensor = use.after_tensor;
    spot.reading = Reading::kLater;
    accept_tail({progress.last, use.after, spot, spot});
    return;
  }
  const int record = plan_.find_record(plan_.output_name(use.block, use.nth));
  if (record >= 0 && plan_.records()[record].hits == 0 && plan_.records()[record].doubt.empty()) {
    plan_.records()[record].doubt =
        infoplane::detail::concat("no parameter behind ", plan_.blocks()[use.block].path, " reads what it hands on");
  }
}

}  // namespace infoplane::hooks::detail
