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

void Dropped::Tally::add(const Tally& other) noexcept {
  if (other.micro_batches == 0) {
    return;
  }
  first_step = micro_batches == 0 ? other.first_step : std::min(first_step, other.first_step);
  last_step = micro_batches == 0 ? other.last_step : std::max(last_step, other.last_step);
  micro_batches += other.micro_batches;
  tokens += other.tokens;
}

bool Dropped::empty() const noexcept {
  return std::all_of(tallies_.begin(), tallies_.end(), [](const Tally& tally) { return tally.micro_batches == 0; });
}

std::string Dropped::text() const {
  std::vector<std::string> sentences;
  for (std::size_t cause = 0; cause < kCauses; ++cause) {
    const Tally& tally = tallies_[cause];
    if (tally.micro_batches > 0) {
      const std::string steps = tally.first_step == tally.last_step
                                    ? detail::concat("step ", tally.first_step)
                                    : detail::concat("steps ", tally.first_step, " to ", tally.last_step);
      sentences.push_back(detail::concat(counted(tally.tokens, "token", "tokens"), " of ", steps, " (",
                                         counted(tally.micro_batches, "micro-batch", "micro-batches"), "), ",
                                         kWhy[cause]));
    }
  }
  return sentences.empty() ? "" : "not counted: " + detail::join(sentences, "; ");
}

void Dropped::save(state::Writer& out) const {
  for (const Tally& tally : tallies_) {
    out.put(tally.micro_batches);
    out.put(tally.tokens);
    out.put(tally.first_step);
    out.put(tally.last_step);
  }
}

void Dropped::load(state::Reader& in) {
  for (Tally& tally : tallies_) {
    tally.micro_batches = in.get<std::int64_t>();
    tally.tokens = in.get<std::int64_t>();
    tally.first_step = in.get<std::int64_t>();
    tally.last_step = in.get<std::int64_t>();
    state::Reader::require(tally.micro_batches >= 0 && tally.tokens >= 0, "what was dropped is less than nothing");
  }
}

}  // namespace infoplane
