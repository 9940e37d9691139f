// What a pass learns when it meets a parameter for the first time.
#include <algorithm>

#include "hooks/glob.hpp"
#include "hooks/pass.hpp"

namespace infoplane::hooks::detail {
bool Pass::learn(int parameter, Reading reading, const at::Tensor& stream) {
  const auto& p = plan_.parameters()[parameter];
  if (p.blocks.empty()) {
    return learn_tail(parameter, reading, stream);
  }
  // A tied parameter begins its blocks one after another.
  const auto fresh = std::find_if(p.blocks.begin(), p.blocks.end(), [&](int block) { return entered_[block] == 0; });
  if (fresh != p.blocks.end()) {
    return learn_block(*fresh, parameter, reading, stream);
  }
  // Used again before the tail: a shared block. Without a tail it could as well be a second forward.
  const int block = p.blocks.front();
  const bool is_shared = p.blocks.size() == 1 && plan_.stacks()[plan_.blocks()[block].stack].expects_tail;
  return is_shared && !p.uses.empty() && is_used_up(block) && learn_block(block, parameter, reading, stream);
}

// A parameter that comes again before all of its block were used is used twice in the block (one norm in two places).
bool Pass::is_used_up(int block) const {
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    const auto& p = plan_.parameters()[i];
    const bool counts = p.norm_like || (p.tensor.dim() >= 2 && !p.is_buffer);
    if (counts && !touched_[i] && std::find(p.blocks.begin(), p.blocks.end(), block) != p.blocks.end()) {
      return false;
    }
  }
  return true;
}

bool Pass::learn_block(int block, int parameter, Reading reading, const at::Tensor& stream) {
  auto& b = plan_.blocks()[block];
  auto& p = plan_.parameters()[parameter];
  if (b.resolved && entered_[block] == 0) {  // known to begin at another parameter, or not to be read where it begins
    if (plan_.stacks()[b.stack].post_norm) {
      enter(block);
    }
    return false;
  }
  if (reading == Reading::kOther && learn_post_norm(block, stream)) {
    enter(block);
    return true;
  }
  const bool first = !stack_entered_[b.stack];
  const auto name =
      first ? plan_.stacks()[b.stack].embedding : plan_.output_name(last_block_, entered_[last_block_] - 1);
  const auto& source = plan_.name_in(p, block);
  for (auto& record : plan_.records()) {
    record.dropped = record.dropped || (record.site.index == -2 && record.site.source == source);
  }
  const int site = plan_.record(name);
  if (!is_handed_over(plan_.records()[site].site.kind) || plan_.records()[site].hits == 0) {
    plan_.refine(site, kind_of_stream(reading, stream), source, first ? -1 : last_index(), b.stack);
  }
  p.reading = reading;
  p.uses.push_back({site, block});
  calls_[parameter] = p.uses.size();
  b.resolved = true;
  enter(block);
  fire_stream(site, reading, stream);
  return true;
}

// The block begins with a linear map: if what enters is what a norm of the previous block returned, the norm is where
// the stream is read, also behind the last block.
bool Pass::learn_post_norm(int block, const at::Tensor& stream) {
  const int stack = plan_.blocks()[block].stack;
  if (last_norm_ < 0 || last_block_ < 0 || last_block_ == block || plan_.blocks()[last_block_].stack != stack) {
    return false;
  }
  const auto& norm = plan_.parameters()[last_norm_];
  const bool is_last_of_block = norm.blocks.size() == 1 && norm.blocks.front() == last_block_;
  const bool alive = last_norm_storage_ && last_norm_storage_->use_count() > 0;
  if (!is_last_of_block || !alive || !stream.has_storage() || stream.const_data_ptr() != last_norm_data_) {
    return false;
  }
  finish();
  const int previous = last_block_;
  const auto& path = plan_.blocks()[previous].path;
  plan_.set_post_norm(stack, std::string_view(plan_.name_in(norm, previous)).substr(path.size() + 1));
  const auto result =
      last_norm_result_ ? last_norm_result_->lock() : nullptr;  // the stream may be a transposed view of it
  fire(norm.output_site, result ? at::Tensor(result) : stream, Source::kOperator);
  return true;
}

bool Pass::learn_tail(int parameter, Reading reading, const at::Tensor& stream) {
  if (last_block_ < 0) {
    return false;
  }
  const int id = plan_.blocks()[last_block_].stack;
  auto& stack = plan_.stacks()[id];
  const auto waits = [&](int block) { return entered_[block] == 0; };
  if (std::any_of(stack.blocks.begin(), stack.blocks.end(), waits)) {
    return false;
  }
  if (stack.tail_resolved) {
    if (stack.post_norm) {  // the tail carries no site, but it ends the forward
      mark({});
    }
    return false;
  }
  if (reading == Reading::kOther) {
    for (std::size_t i = 0; i < touched_.size(); ++i) {
      const auto& p = plan_.parameters()[i];
      const bool fits = p.norm_like && p.blocks.empty() && p.tensor.numel() == stream.size(-1);
      if (fits && !touched_[i]) {
        return false;  // a final norm is still to come
      }
    }
  }
  auto& p = plan_.parameters()[parameter];
  const int site = plan_.record(plan_.output_name(last_block_, entered_[last_block_] - 1));
  if (!is_handed_over(plan_.records()[site].site.kind) || plan_.records()[site].hits == 0) {
    plan_.refine(site, kind_of_stream(reading, stream), p.names.front(), last_index(), id);
  }
  p.reading = reading;
  p.uses.push_back({site, -1});
  calls_[parameter] = p.uses.size();
  stack.tail_resolved = true;
  fire_tail(site, stream);
  mark(p.uses.back());
  return true;
}

}  // namespace infoplane::hooks::detail
