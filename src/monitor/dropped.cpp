#include "monitor/dropped.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <vector>

#include "core/state.hpp"

namespace infoplane {

namespace {

constexpr std::array<const char*, Dropped::kCauses> kWhy = {
    "whose observation an exception ended",
    "whose forward ended before the last site that it reached before (if it is to end there: rescan())",
    "which discard() took back",
    "which lie outside the window of this point, and whose own end_step did not come",
    "behind which an earlier step was observed",
    "whose window an error ended",
    "which were observed before rescan()"};

std::string counted(std::int64_t count, const char* one, const char* more) {
  return detail::concat(count, ' ', count == 1 ? one : more);
}

}  // namespace

void Dropped::Part::add(const Part& other) noexcept {
  if (other.micro_batches == 0) {
    return;
  }
  first_step = micro_batches == 0 ? other.first_step : std::min(first_step, other.first_step);
  last_step = micro_batches == 0 ? other.last_step : std::max(last_step, other.last_step);
  micro_batches += other.micro_batches;
  tokens += other.tokens;
}

bool Dropped::empty() const noexcept {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.micro_batches == 0; });
}

std::string Dropped::text() const {
  std::vector<std::string> sentences;
  for (std::size_t cause = 0; cause < kCauses; ++cause) {
    const Part& part = parts_[cause];
    if (part.micro_batches > 0) {
      const std::string steps = part.first_step == part.last_step
                                    ? detail::concat("step ", part.first_step)
                                    : detail::concat("steps ", part.first_step, " to ", part.last_step);
      sentences.push_back(detail::concat(counted(part.tokens, "token", "tokens"), " of ", steps, " (",
                                         counted(part.micro_batches, "micro-batch", "micro-batches"), "), ",
                                         kWhy[cause]));
    }
  }
  return sentences.empty() ? "" : "not counted: " + detail::join(sentences, "; ");
}

void Dropped::save(state::Writer& out) const {
  for (const Part& part : parts_) {
    out.put(part.micro_batches);
    out.put(part.tokens);
    out.put(part.first_step);
    out.put(part.last_step);
  }
}

void Dropped::load(state::Reader& in) {
  for (Part& part : parts_) {
    part.micro_batches = in.get<std::int64_t>();
    part.tokens = in.get<std::int64_t>();
    part.first_step = in.get<std::int64_t>();
    part.last_step = in.get<std::int64_t>();
    state::Reader::require(part.micro_batches >= 0 && part.tokens >= 0, "what was dropped is less than nothing");
  }
}

}  // namespace infoplane
