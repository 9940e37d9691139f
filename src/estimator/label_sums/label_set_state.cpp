#include "estimator/label_sums/label_set_state.hpp"

#include <algorithm>
#include <numeric>

#include "core/state.hpp"
#include "estimator/measure.hpp"
#include "estimator/statistics/entropy.hpp"

namespace infoplane::estimator {
namespace {

using state::Reader;

constexpr auto kMostTokens = static_cast<std::int64_t>(state::kMost);

void load_sums(LabelSet& set, Reader& in) {
  const auto m = static_cast<std::size_t>(set.anchors());
  const auto count = static_cast<std::uint32_t>(set.counts().size());
  for (std::uint32_t sum = 0; sum < count; ++sum) {
    const auto values = in.get_array<float>(m, "a row has another number of anchors");
    Reader::require(are_sums(values), "a row has a sum that is none");
    set.host_sums().append(sum);
    std::copy(values.begin(), values.end(), set.host_sums().recent(sum));
  }
  for (std::uint32_t sum = 0; sum < count; ++sum) {
    if (set.counts().is_large(sum)) {
      set.counts().load_large(sum, in);
      const auto values = in.get_array<double>(m, "a row has another number of anchors");
      Reader::require(are_sums(values), "a row has a sum that is none");
      set.host_sums().make_large(sum);
      std::copy(values.begin(), values.end(), set.host_sums().large(sum));
    }
  }
}

void load_dropped(LabelSet& set, Reader& in) {
  auto dropped = in.get_array<double>(set.host_sums().dropped().size(), "sums are of another number of anchors");
  const auto tokens = in.get<std::int64_t>();
  Reader::require(are_sums(dropped) && tokens >= 0 && tokens < kMostTokens &&
                      state::agree(std::accumulate(dropped.begin(), dropped.end(), 0.0), static_cast<double>(tokens)),
                  "the dropped labels have sums that are not those of their tokens");
  set.host_sums().set_dropped(std::move(dropped));
  set.set_dropped_tokens(tokens);
}

/// Sums and their numbers of tokens say the same.
void check_counts(const LabelSet& set) {
  std::vector<double> values(static_cast<std::size_t>(set.anchors()));
  std::int64_t all = set.dropped_tokens();
  Reader::require(are_row_entropies(set.counts().all_row_entropies(), set.counts().all_tokens(), set.anchors()),
                  "a label set has entropies that are none");
  for (std::uint32_t sum = 0; sum < set.counts().size(); ++sum) {
    const std::int64_t tokens = set.counts().tokens(sum);
    const auto count = static_cast<double>(tokens);
    std::fill(values.begin(), values.end(), 0.0);
    set.add_to(sum, values.data());
    Reader::require(state::agree(std::accumulate(values.begin(), values.end(), 0.0), count),
                    "a row has sums that are not those of its tokens");
    const auto squares = static_cast<double>(set.counts().squares(sum));  // Σ k² over sequences, where Σ k is the count
    constexpr double kExact = 1 << 24;                                    // float32 beyond does not grow by 1
    Reader::require(squares >= std::min(count, kExact) * (1 - 1e-3) && squares <= count * count * (1 + 1e-3),
                    "a row has squares that are none");
    Reader::require((all += tokens) < kMostTokens, "a label set has an impossible number of tokens");
    Reader::require(are_row_entropies(set.counts().row_entropies(sum), tokens, set.anchors()),
                    "a row has entropies that are none");
  }
}

void load_sampled(LabelSet& set, Reader& in, std::uint32_t sample_size) {
  set.sampled() = in.get_array<std::uint32_t>();
  Reader::require(set.sampled().size() <= sample_size, "a label set knows more samples than there are");
  const std::vector<std::uint32_t> slot_of = set.replicates().slot_of_sum(set.counts().size());
  for (const std::uint32_t sum : set.sampled()) {
    Reader::require(
        sum >= kDropped || (sum < slot_of.size() && slot_of[sum] != kNoSum && set.tokens_of(slot_of[sum]) > 0),
        "a sample has a label that was not seen");
  }
  set.sampled().reserve(Reservoir::kCapacity);
}

}  // namespace

void save(const LabelSet& set, state::Writer& out) {
  const auto m = static_cast<std::size_t>(set.anchors());
  const TokenCounts& counts = set.counts();
  out.put_text(set.name());
  out.put(set.slots().key_width());
  out.put(static_cast<std::uint8_t>(set.slots().level()));
  set.slots().save_labels(out);
  set.replicates().save(out);
  set.slots().save_free(out);
  counts.save(out);
  for (std::uint32_t sum = 0; sum < counts.size(); ++sum) {
    out.put_array(set.host_sums().recent(sum), m);
  }
  for (std::uint32_t sum = 0; sum < counts.size(); ++sum) {
    if (counts.is_large(sum)) {
      counts.save_large(sum, out);
      out.put_array(set.host_sums().large(sum), m);
    }
  }
  out.put_array(set.host_sums().dropped());
  out.put(set.dropped_tokens());
  out.put_array(set.sampled());
}

std::unique_ptr<LabelSet> load_label_set(Reader& in, std::int64_t anchors, const SoftEntropyOptions& options,
                                         std::uint32_t sample_size, std::uint32_t version) {
  const std::string name = in.get_text();
  const auto width = in.get<int>();
  Reader::require(width >= 1 && width <= 8, "a label set has keys of an impossible width");
  auto set = std::make_unique<LabelSet>(name, width, anchors, options);
  set->slots().set_level(in.get<std::uint8_t>());
  Reader::require(set->slots().level() <= (options.max_labels() > 0 ? 64 : 0), "labels were dropped without need");
  set->slots().load_labels(in);
  set->replicates().load(in, set->slots());
  set->slots().load_free(in);
  const bool of_sums = version >= kVersionWithEntropiesOfSums || options.max_labels() > 0 ||
                       options.label_weights() == LabelWeights::kUniform;
  using Saved = TokenCounts::SavedEntropies;
  set->counts().load(in, set->replicates(),
                     version < kVersionWithRowEntropies ? Saved::kNone
                     : of_sums                          ? Saved::kOfSums
                                                        : Saved::kTogether);
  load_sums(*set, in);
  load_dropped(*set, in);
  check_counts(*set);
  load_sampled(*set, in, sample_size);
  return set;
}

}  // namespace infoplane::estimator
