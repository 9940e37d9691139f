#include "estimator/statistics/label_statistics.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <functional>

#include "estimator/statistics/entropy.hpp"

namespace infoplane::estimator {
namespace {

/// Halves, quarters and noise from entropies of replicates and pairs of them.
void fill(LabelEntropies& result, const LabelCounts& counts, const kernels::SplitEntropies& entropies) noexcept {
  const auto n = static_cast<double>(counts.tokens);
  std::array<double, 3> halves{};
  for (std::size_t pair = 0; pair < kReplicatePairs.size(); ++pair) {
    const std::int64_t of_pair =
        counts.replicates[kReplicatePairs[pair][0]] + counts.replicates[kReplicatePairs[pair][1]];
    halves[pair / 2] += entropies.pairs[pair] * static_cast<double>(of_pair) / n;
  }
  result.halves = (halves[0] + halves[1] + halves[2]) / 3;
  result.quarters = 0;
  for (std::size_t part = 0; part < counts.replicates.size(); ++part) {
    result.quarters += entropies.rows[part] * static_cast<double>(counts.replicates[part]) / n;
  }
  for (const double half : halves) {
    result.noise += (half - result.halves) * (half - result.halves) / 2;
  }
}

/// Asks for the sums of a label before they are needed.
void prefetch(const LabelSet& set, std::size_t slot) noexcept {
  for (const std::uint32_t sum : set.replicates().sums(slot)) {
    if (sum != kNoSum) {
      set.sums().prefetch(sum);
    }
  }
}

}  // namespace

LabelCounts counts_of(const LabelSet& set, std::size_t slot) noexcept {
  LabelCounts counts;
  const Replicates::Sums& sums = set.replicates().sums(slot);
  for (std::size_t replicate = 0; replicate < sums.size(); ++replicate) {
    const std::uint32_t sum = sums[replicate];
    if (sum != kNoSum) {
      counts.replicates[replicate] = set.counts().tokens(sum);
      counts.squares[replicate] = set.counts().squares(sum);
      counts.tokens += counts.replicates[replicate];
      counts.row_entropies += set.counts().row_entropies(sum);
    }
  }
  return counts;
}

LabelEntropies entropies_of(const LabelSet& set, std::size_t slot, const LabelCounts& counts, ReplicateSums& scratch,
                            double* all) {
  if (const auto there = set.sums().entropies(slot)) {
    return *there;
  }
  std::array<const float*, 4> sums{};
  bool is_large = false;
  for (std::size_t replicate = 0; replicate < sums.size(); ++replicate) {
    if (counts.replicates[replicate] > 0) {
      sums[replicate] = set.in_float32(set.replicates().sums(slot)[replicate]);
      is_large = is_large || sums[replicate] == nullptr;
    }
  }
  LabelEntropies result;
  if (is_large) {
    scratch.load(set, slot);
    const auto& of_all = scratch.sums[ReplicateSums::kAll];
    std::transform(of_all.begin(), of_all.end(), all, all, std::plus<>());
    result.whole = result.halves = result.quarters = scratch.entropy(ReplicateSums::kAll);
  } else {
    result.whole = result.halves = result.quarters = kernels::total_entropy(sums, set.anchors(), all);
  }
  if (counts.splits()) {
    fill(
        result, counts,
        is_large ? scratch.split() : kernels::split_entropies(sums, set.anchors(), static_cast<double>(counts.tokens)));
  }
  return result;
}

LabelTotals totals_of(const LabelSet& set, LabelWeights weights, const TokenBias& bias, std::vector<double>& all) {
  constexpr std::size_t kBlock = 64, kAhead = 4;
  const std::size_t slots = set.replicates().size();
  // The number of pieces, and so the order of sums, does not depend on that of threads.
  const std::size_t pieces = std::clamp<std::size_t>(slots / 256, 1, 32);
  const auto m = static_cast<std::size_t>(set.anchors());
  std::vector<double> sums(pieces * m, 0.0);
  std::vector<LabelTotals> totals(pieces);
  const auto add = [&](std::size_t piece, std::size_t slot, ReplicateSums& scratch) {
    prefetch(set, std::min(slot + kAhead, slots - 1));
    const LabelCounts counts = counts_of(set, slot);
    if (counts.tokens > 0) {
      const LabelEntropies entropies = entropies_of(set, slot, counts, scratch, sums.data() + piece * m);
      totals[piece].add(counts, entropies, weight_of(counts, weights), bias);
    }
  };
  at::parallel_for(0, static_cast<std::int64_t>(pieces), 1, [&](std::int64_t first, std::int64_t last) {
    ReplicateSums scratch(set.anchors());
    for (auto piece = static_cast<std::size_t>(first); piece < static_cast<std::size_t>(last); ++piece) {
      // Blocks go round over pieces: early labels are the frequent ones and have more sums than others.
      for (std::size_t block = piece * kBlock; block < slots; block += pieces * kBlock) {
        for (std::size_t slot = block; slot < std::min(slots, block + kBlock); ++slot) {
          add(piece, slot, scratch);
        }
      }
    }
  });
  all.assign(m, 0.0);
  if (const double* const there = set.sums().sum_of_all()) {
    std::copy_n(there, m, all.begin());
  } else {
    set.sums().add_dropped_to(all.data());
  }
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    std::transform(all.begin(), all.end(), sums.begin() + static_cast<std::ptrdiff_t>(piece * m), all.begin(),
                   std::plus<>());
    if (piece > 0) {
      totals[0].add(totals[piece]);
    }
  }
  totals[0].add_row_entropies(set.counts().all_row_entropies());
  return totals[0];
}

std::vector<double> sum_of_all(const LabelSet& set) {
  const auto m = static_cast<std::size_t>(set.anchors());
  if (const double* const there = set.sums().sum_of_all()) {
    return {there, there + m};
  }
  std::vector<double> all(m, 0.0);
  set.sums().add_dropped_to(all.data());
  for (std::size_t slot = 0; slot < set.replicates().size(); ++slot) {
    for (const std::uint32_t sum : set.replicates().sums(slot)) {
      if (sum != kNoSum) {
        set.add_to(sum, all.data());
      }
    }
  }
  return all;
}

std::vector<ConditionalEntropy> conditional_entropies(const LabelSet& set) {
  std::vector<ConditionalEntropy> result;
  std::vector<double> sums(static_cast<std::size_t>(set.anchors()));
  for (std::size_t slot = 0; slot < set.replicates().size(); ++slot) {
    const std::int64_t tokens = set.tokens_of(slot);
    if (tokens == 0) {
      continue;
    }
    std::fill(sums.begin(), sums.end(), 0.0);
    for (const std::uint32_t sum : set.replicates().sums(slot)) {
      if (sum != kNoSum) {
        set.add_to(sum, sums.data());
      }
    }
    const auto key = set.slots().key(slot);
    result.push_back({{key.begin(), key.end()}, tokens, entropy_of_sums(sums)});
  }
  return result;
}

}  // namespace infoplane::estimator
