#include <algorithm>
#include <array>
#include <functional>
#include <span>

#include "core/differences.hpp"
#include "core/state.hpp"
#include "estimator/accumulator_impl.hpp"
#include "estimator/ranks/common_sample.hpp"
#include "estimator/ranks/label_shard.hpp"

namespace infoplane::estimator {
namespace {

/// One label set of two accumulators, of which one may be without it.
struct Pair {
  const LabelSet* mine = nullptr;
  const LabelSet* theirs = nullptr;

  const LabelSet& any() const noexcept { return mine != nullptr ? *mine : *theirs; }
  int level() const noexcept {
    return std::max(mine != nullptr ? mine->slots().level() : 0, theirs != nullptr ? theirs->slots().level() : 0);
  }
  /// Of labels, where they have one together.
  std::shared_ptr<const labels::KeyTable> table() const noexcept {
    const auto first = any().slots().shared_table();
    return theirs == nullptr || theirs->slots().shared_table() == first ? first : nullptr;
  }
};

/// The labels of both, as the shard of an only owner.
std::unique_ptr<LabelSet> merged(const Pair& sets, const SoftEntropyOptions& options, std::int64_t anchors,
                                 const CommonSample& common, std::size_t number,
                                 const std::array<std::vector<std::uint32_t>, 2>& common_index) {
  auto shard = std::make_unique<LabelSet>(sets.any().name(), sets.any().slots().key_width(), anchors, options);
  begin_shard(*shard, sets.level(), common.labelled(number), sets.table());
  const std::array<const LabelSet*, 2> both = {sets.mine, sets.theirs};
  for (std::size_t source = 0; source < both.size(); ++source) {
    if (both[source] != nullptr) {
      state::Writer parcel;
      put_parcels(*both[source], std::span(&parcel, 1), common_index[source], *shard);
      state::Reader reader(parcel.content());
      take_parcel(*shard, reader);
      reader.end();
    }
  }
  if (sets.mine != nullptr) {
    continue_dealing(*shard, *sets.mine);
  }
  drop_to_limit(*shard, labels_by_level(*shard));
  return shard;
}

/// The pairs of both, whose sums are in the merged sets.
template <typename Impl>
std::vector<std::unique_ptr<PairCounts>> merged_pairs(const Impl& mine, const Impl& theirs,

                                                      std::span<const std::unique_ptr<LabelSet>> sets) {
  const auto merged_set = [&sets](const std::string& name) -> const LabelSet& {
    return **std::find_if(sets.begin(), sets.end(), [&](const auto& set) { return set->name() == name; });
  };
  std::vector<std::unique_ptr<PairCounts>> result;
  for (const auto* const source : {&mine, &theirs}) {
    for (const auto& of : source->pairs) {
      auto into =
          std::find_if(result.begin(), result.end(), [&](const auto& has) { return has->input() == of->input(); });
      if (into == result.end()) {
        into = result.insert(into, std::make_unique<PairCounts>(of->input(), of->output()));
      }
      (*into)->add(*of, sums_in(merged_set(of->input()), *source->find(of->input())),
                   sums_in(merged_set(of->output()), *source->find(of->output())));
    }
  }
  return result;
}

}  // namespace

// That of ranks, with one owner of all labels.
void SoftEntropyAccumulator::merge(const SoftEntropyAccumulator& other) {
  impl_->move_to_host();
  other.impl_->move_to_host();
  const Impl& mine = *impl_;
  const Impl& theirs = *other.impl_;
  Differences differences;
  compare(differences, mine.measure(), theirs.measure());
  compare(differences, mine.row_totals, theirs.row_totals);
  std::vector<Pair> pairs;
  for (const auto& set : mine.sets) {
    pairs.push_back({set.get(), theirs.find(set->name())});
  }
  for (const auto& set : theirs.sets) {
    const LabelSet* const known = mine.find(set->name());
    if (known == nullptr) {
      pairs.push_back({nullptr, set.get()});
      continue;
    }
    differences.compare("key width of " + set->name(), known->slots().key_width(), set->slots().key_width());
  }
  INFOPLANE_CHECK(differences.text().empty(), ArgumentError,
                  "accumulators cannot be merged that differ in: ", differences.text());

  std::vector<const LabelSet*> my_sets, their_sets;
  for (const Pair& pair : pairs) {
    my_sets.push_back(pair.mine);
    their_sets.push_back(pair.theirs);
  }
  const Reservoir::Drawn first = mine.reservoir.drawn(), second = theirs.reservoir.drawn();
  std::vector<Candidate> candidates = candidates_of(mine.reservoir, 0, my_sets, 0);
  for (Candidate& candidate : candidates_of(theirs.reservoir, 0, their_sets, 1)) {
    candidate.row.sequence += candidate.row.sequence < 0 ? 0 : first.next_sequence;
    candidates.push_back(std::move(candidate));
  }
  Reservoir::Drawn drawn{first.position + second.position, first.next_sequence + second.next_sequence,
                         first.sequences + second.sequences, first.documents};
  drawn.documents.insert(second.documents.begin(), second.documents.end());
  CommonSample common(std::move(candidates), mine.anchors.size(), mine.options.stream(), drawn);
  const std::array common_index = {common.index_of(0, mine.reservoir.size()),
                                   common.index_of(1, theirs.reservoir.size())};
  std::vector<std::unique_ptr<LabelSet>> sets;
  for (std::size_t number = 0; number < pairs.size(); ++number) {
    sets.push_back(merged(pairs[number], mine.options, mine.anchors.size(), common, number, common_index));
  }

  auto counted = merged_pairs(mine, theirs, sets);
  impl_->sets.swap(sets);
  impl_->pairs.swap(counted);
  std::transform(mine.sum.begin(), mine.sum.end(), theirs.sum.begin(), impl_->sum.begin(), std::plus<>());
  impl_->tokens += theirs.tokens;
  impl_->rejected += theirs.rejected;
  impl_->row_entropies += theirs.row_entropies;
  impl_->row_totals.add(theirs.row_totals);
  impl_->reservoir = std::move(common.sample);
}

}  // namespace infoplane::estimator
