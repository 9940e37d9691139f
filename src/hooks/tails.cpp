// The output of the last block of a stack, which no block reads.
#include <infoplane/core/error.hpp>

#include <algorithm>

#include "hooks/centred.hpp"
#include "hooks/site_resolver.hpp"

namespace infoplane::hooks::detail {

/// A block of the stack has not run.
bool SiteResolver::waits(int stack) const {
  const auto& blocks = plan_.stacks()[stack].blocks;
  return std::any_of(blocks.begin(), blocks.end(), [&](int block) {
    const int id = current_[block];
    return !plan_.blocks()[block].dismissed && (id < 0 || !uses_[id].accepted);
  });
}

/// What the block hands on if it does as those before it, or as its own parts do.
SiteResolver::Manner SiteResolver::manner_of(const BlockUse& use) const {
  const auto& manner = stacks_[plan_.blocks()[use.block].stack].manner;
  return manner.handed == Handed::kUnknown ? use.inner : manner;
}

Flow::Value SiteResolver::expected(const BlockUse& use) const {
  const auto handed = manner_of(use).handed;
  if (handed == Handed::kOther) {
    return -1;
  }
  return use.after >= 0 && handed != Handed::kSum ? use.after : use.sum;
}

/// A parameter outside of all blocks: it may read what the last block handed on.
bool SiteResolver::look_outside(const Read& read, Flow::Value value) {
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
    return leave_as_known(*read.use, value);
  }
  const int last = last_use_in(value);
  return last >= 0 && look_at_tail(last, given);
}

/// The stack at work ends where an earlier pass has shown it; whether the stream that is read there is a site's.
bool SiteResolver::leave_as_known(const Use& tail, Flow::Value value) {
  stacks_[plan_.blocks()[uses_[latest_].block].stack].has_tail = true;
  const int site = tail.site;
  if (site >= 0) {
    settle_taps(site, value);
    sites_.insert(site);
  }
  has_left_ = true;
  stop_if_complete();
  return site >= 0;
}

/// The use with the last place in the order that went into the value, or −1.
int SiteResolver::last_use_in(Flow::Value value) const {
  int last = -1;
  for (int id = 0; id < static_cast<int>(uses_.size()); ++id) {
    const bool is_later = last < 0 || uses_[id].index > uses_[last].index;
    last = uses_[id].accepted && flow_.used(value, id) && is_later ? id : last;
  }
  return last;
}

/// Whether an operator outside the blocks shows the output of the use.
bool SiteResolver::look_at_tail(int id, const Spot& given) {
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
bool SiteResolver::is_replaced(const BlockUse& use, const at::Tensor& stream) const {
  const auto& parameters = plan_.parameters();
  const auto waits = [&](const Parameter& p) {
    const auto id = static_cast<int>(&p - parameters.data());
    return p.norm_like && p.blocks.empty() && outside_.count(id) == 0 && p.tensor.numel() == stream.size(-1);
  };
  return use.lost_norm && std::any_of(parameters.begin(), parameters.end(), waits);
}

std::optional<SiteResolver::Tail> SiteResolver::find_tail(int id, const Spot& given) const {
  const auto& use = uses_[id];
  const auto manner = manner_of(use);
  // What a norm of the block made of its sum is the later of the two, whatever other blocks do.
  const bool is_after = flow_.same(given.value, use.after) || flow_.paths(use.after, given.value).any;
  const auto out = is_after ? use.after : expected(use);
  if (is_replaced(use, given.tensor)) {
    return std::nullopt;
  }
  if (out < 0) {
    return tail_without_sum(id, given);
  }
  const auto chain = weightless_chain(given.value, out);
  const int norms = flow_.same(chain.back(), out) ? static_cast<int>(chain.size()) - 1 : -1;
  if (manner.handed == Handed::kNorms || norms > 0) {
    return manner.handed == Handed::kUnknown ? std::nullopt : tail_among_norms(id, given, chain, norms - manner.norms);
  }
  if (norms == 0 && is_whole(given)) {
    return Tail{id, out, given, given};
  }
  const bool is_ambiguous = manner.handed == Handed::kUnknown && use.bare_norm;
  if (is_ambiguous || !flow_.paths(out, given.value).any || !flow_.passes(id, out, given.value)) {
    return std::nullopt;
  }
  return tail_behind(id, out, given);
}

bool SiteResolver::is_whole(const Spot& spot) const { return spot.tensor.numel() == flow_.numel(spot.value); }

/// Of a block in which nothing was added, or that hands on something else than its sum: what is given, if it made that.
std::optional<SiteResolver::Tail> SiteResolver::tail_without_sum(int id, const Spot& given) const {
  const auto sum = uses_[id].sum;
  const bool is_its_own = sum < 0 ? is_handed_on(id, given.value)
                                  : flow_.carries(given.value, sum) && !flow_.paths(sum, given.value).has_parameter;
  return is_whole(given) && is_its_own && continues(id, given.value)
             ? std::optional(Tail{id, given.value, given, given})
             : std::nullopt;
}

/// The value and what it was before norms without a weight, back to `out` where they lead there.
std::vector<Flow::Value> SiteResolver::weightless_chain(Flow::Value value, Flow::Value out) const {
  std::vector<Flow::Value> chain = {value};
  while (!flow_.same(chain.back(), out) && weightless_input(chain.back()) >= 0) {
    chain.push_back(weightless_input(chain.back()));
  }
  return chain;
}

/// Norms without a weight are behind the last sum, and the block's come first; `behind` of them are not its own.
std::optional<SiteResolver::Tail> SiteResolver::tail_among_norms(int id, const Spot& given,
                                                                 const std::vector<Flow::Value>& chain,
                                                                 int behind) const {
  if (behind < 0) {
    return std::nullopt;
  }
  const auto value = chain[static_cast<std::size_t>(behind)];
  const auto* spot = behind == 0 && is_whole(given) ? &given : choose(value, nullptr, {});
  return spot == nullptr ? std::nullopt : std::optional(Tail{id, value, given, *spot});
}

/// The operator has something that was made of what the block hands on, which is read where it was read first.
std::optional<SiteResolver::Tail> SiteResolver::tail_behind(int id, Flow::Value out, const Spot& given) const {
  const auto& use = uses_[id];
  const bool is_gain = given.reading == Reading::kGain && flow_.carries(given.value, out);
  if (is_gain || own_norm(out, id) != nullptr) {
    return Tail{id, out, given, given};
  }
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

void SiteResolver::accept_tail(const Tail& tail) {
  auto& use = uses_[tail.use];
  const int stack = plan_.blocks()[use.block].stack;
  const int site = plan_.record(plan_.output_name(use.block, use.nth));
  const auto& spot = tail.reader;
  const bool is_asked = is_asked_for(spot) && flow_.same(spot.value, tail.value);
  const auto* norm = is_asked ? nullptr : own_norm(tail.value, tail.use);
  auto found = norm != nullptr ? found_at(*norm, tail.value, use.block) : found_at(spot, tail.value);
  if (norm != nullptr) {
    found.tensor = found.tensor.defined() ? found.tensor : use.after_tensor.defined() ? use.after_tensor : spot.tensor;
    plan_.stacks()[stack].post_norm = true;
  } else {
    found.source = spot.parameter < 0 ? "" : plan_.parameter(spot.parameter).names.front();
  }
  found.use.site = site;
  found.use.is_tail = norm == nullptr;
  plan_.add_use(found.parameter, found.use);
  if (norm != nullptr || spot.reading == Reading::kLater) {
    add_end(tail.spot);
  }
  name_site(site, found, use.index, stack);
  plan_.stacks()[stack].tail_resolved = true;
  stacks_[stack].has_tail = true;
  has_left_ = true;
  tail_.reset();
  sites_.insert(site);
  outputs_.emplace_back(site, tail.value);
  fire_found(site, tail.value, found, FiredBy::kTail);
  drop_spots(zone_, nullptr);
  release(tail.use);
  stop_if_complete();
}

/// The last block of a stack has ended where this is read, while its stream is read elsewhere.
void SiteResolver::add_end(const Spot& spot) {
  if (spot.parameter >= 0 && spot.reading != Reading::kLater) {
    Use end;
    end.is_tail = true;
    end.call = spot.call;
    end.reading = spot.reading;
    plan_.add_use(spot.parameter, end);
  }
}

/// Every stack was run through: what follows is another forward.
void SiteResolver::stop_if_complete() {
  const auto is_through = [](const StackProgress& progress) { return progress.last >= 0 && progress.has_tail; };
  if (std::all_of(stacks_.begin(), stacks_.end(), is_through)) {
    flush(std::exchange(taps_, {}), false);
    stop();
  }
}

void SiteResolver::finish() {
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
void SiteResolver::finish_stack(int stack) {
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
