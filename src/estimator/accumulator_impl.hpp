#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "estimator/assignment/soft_assignment.hpp"
#include "estimator/device/on_device.hpp"
#include "estimator/label_sums/label_set.hpp"
#include "estimator/label_sums/pair_counts.hpp"
#include "estimator/measure.hpp"
#include "estimator/row_totals.hpp"
#include "estimator/statistics/estimate_builder.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

struct SoftEntropyAccumulator::Impl {
  Impl(std::int64_t d, const SoftEntropyOptions& given)
      : options(given),
        epsilon(estimator::temperature(d, given.anchors(), given.calibration())),
        anchors(given.anchors(), d, given.seed(), given.raw_seed() ? Anchors::Rule::kRaw : Anchors::Rule::kMixed),
        panels(std::make_shared<kernels::AnchorPanels>(anchors.weight())),
        reservoir(given.anchors(), given.stream()),
        sum(static_cast<std::size_t>(given.anchors()), 0.0),
        row_totals(d, given.centre()) {
    INFOPLANE_CHECK(given.max_labels() >= 0, ArgumentError, "max_labels must be 0 (all labels) or more, got ",
                    given.max_labels());
  }

  /// What one update will do, made without changing a sum; `plans` speak of `sets`, then of `new_sets`.
  struct Update {
    kernels::SoftAssignment assignment;
    std::vector<std::pair<LabelSet*, UpdatePlan>> plans;
    std::vector<std::unique_ptr<LabelSet>> new_sets;
    std::vector<Reservoir::Pick> picks;
    /// Of two of the plans.
    struct Paired {
      PairCounts* counts;
      std::size_t input, output;
    };
    std::vector<Paired> pairs;
    std::vector<std::unique_ptr<PairCounts>> new_pairs;
    std::int64_t length = 1;  // rows of a sequence
    Reservoir::Units units;   // in the place of sequences; of a grouping that stays
  };

  /// An update that has taken z in, and waits for its commit.
  struct Staged {
    std::shared_ptr<const labels::Grouping> grouping;
    Update update;                                 // of z on the host
    std::shared_ptr<cuda::DeviceContext> context;  // of z on a device; null elsewhere
    OnDevice::Pending pending;

    std::int64_t memory_bytes(std::int64_t anchors) const noexcept {
      return update.assignment.rows * anchors * static_cast<std::int64_t>(sizeof(float)) +
             pending.assignment.probabilities.bytes + pending.assignment.on_host.bytes;
    }
  };

  /// What follows is of accumulator_update.cpp.
  Staged take_in(const at::Tensor& z, const labels::Grouping& grouping,
                 const std::shared_ptr<const labels::Grouping>* owner);
  void count(Staged& taken, const labels::Grouping& grouping);

  Measure measure() const {
    return {anchors.size(),       anchors.dimension(),      epsilon, anchors.seed(), anchors.rule_name(),
            options.max_labels(), anchors.known_generator()};
  }

  LabelSet* find(const std::string& name) const {
    const auto found = std::find_if(sets.begin(), sets.end(), [&name](const auto& set) { return set->name() == name; });
    return found == sets.end() ? nullptr : found->get();
  }

  /// The set of this name, or a new one that waits in `new_sets`.
  LabelSet& set_for(const std::string& name, int key_width, std::vector<std::unique_ptr<LabelSet>>& new_sets) {
    if (LabelSet* const found = find(name)) {
      check_width(name, key_width);
      return *found;
    }
    const auto spare = std::find_if(spares.begin(), spares.end(), [&](const auto& set) {
      return set != nullptr && set->name() == name && set->slots().key_width() == key_width;
    });
    new_sets.push_back(spare != spares.end() ? std::move(*spare)
                                             : std::make_unique<LabelSet>(name, key_width, anchors.size(), options));
    return *new_sets.back();
  }

  void check_width(const std::string& name, int key_width) const {
    const int known = known_width(name);
    INFOPLANE_CHECK(known == 0 || known == key_width, ArgumentError, "the label set \"", name, "\" has keys of ", known,
                    " integers and cannot take keys of ", key_width);
  }

  /// Rows of a sequence; `length` 0: z says it.
  static std::int64_t sequence_length(const at::Tensor& z, std::int64_t length) {
    return std::max<std::int64_t>(1, length > 0 ? length : z.dim() == 3 ? z.size(1) : 1);
  }

  void assign(Update& update, const at::Tensor& z, const std::uint8_t* counted, std::int64_t length) const {
    update.assignment = kernels::soft_assignment(row_totals.centred(z), *panels, epsilon, counted);
    update.length = sequence_length(z, length);
  }

  void plan(Update& update, const labels::Grouping& grouping) {
    for (const auto& assignment : grouping.sets) {
      update.plans.emplace_back(&set_for(assignment.name, assignment.table->width(), update.new_sets), UpdatePlan());
    }
    if (!grouping.units.empty()) {
      update.units = Reservoir::units_of(grouping.units, grouping.unit_count, update.assignment.used);
    }
    plan_each(update, grouping.sets, shared_replicates.get());
    plan_pairs(update);
  }
  /// Of the input and the output set of each order.
  void plan_pairs(Update& update) {
    std::vector<std::string> names;
    for (const auto& [set, plan] : update.plans) {
      names.push_back(set->name());
    }
    for (const auto& [input, output] : paired_sets(names)) {
      PairCounts* counts = find_pairs(names[input]);
      if (counts == nullptr) {
        update.new_pairs.push_back(std::make_unique<PairCounts>(names[input], names[output]));
        counts = update.new_pairs.back().get();
      }
      counts->reserve(static_cast<std::size_t>(update.assignment.tokens));
      update.pairs.push_back({counts, input, output});
    }
    pairs.reserve(pairs.size() + update.new_pairs.size());
  }
  /// Of what was seen so far.
  void know_no_pairs() {
    std::vector<std::string> names;
    for (const auto& set : sets) {
      names.push_back(set->name());
    }
    for (const auto& [input, output] : paired_sets(names)) {
      pairs.push_back(std::make_unique<PairCounts>(names[input], names[output]));
      pairs.back()->know_nothing();
    }
  }
  PairCounts* find_pairs(const std::string& input) const {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& of) { return of->input() == input; });
    return found == pairs.end() ? nullptr : found->get();
  }
  void plan(Update& update, const std::vector<IntegerLabels>& labels) {
    for (const auto& integers : labels) {
      update.plans.emplace_back(&set_for(integers.name, 1, update.new_sets), UpdatePlan());
    }
    plan_each(update, labels, nullptr);
    plan_pairs(update);
  }
  /// Side by side: sets share nothing that changes.
  template <typename Labels>
  void plan_each(Update& update, const std::vector<Labels>& labels, SharedReplicates* shared) {
    update.picks = reservoir.plan(update.assignment.used);
    at::parallel_for(0, static_cast<std::int64_t>(labels.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        auto& [set, plan] = update.plans[i];
        plan = set->plan(labels_of(labels[i]), batch(update, shared));
      }
    });
    sets.reserve(sets.size() + update.new_sets.size());
  }
  static const labels::LabelAssignment& labels_of(const labels::LabelAssignment& assignment) { return assignment; }
  static std::span<const std::int64_t> labels_of(const IntegerLabels& integers) { return integers.values; }

  UsedTokens batch(const Update& update, SharedReplicates* shared) const {
    return {update.assignment.used, reservoir.next_sequence(), update.length, shared, update.units.of_row};
  }

  /// The last step of an update; nothing in it fails.
  void commit(Update& update) noexcept {
    const kernels::SoftAssignment& assignment = update.assignment;
    std::transform(sum.begin(), sum.end(), assignment.sum.begin(), sum.begin(), std::plus<>());
    tokens += assignment.tokens;
    rejected += assignment.rejected;
    row_totals.add(assignment);
    for (std::size_t i = 0; i < assignment.used.size(); ++i) {
      row_entropies += assignment.used[i] != 0 ? static_cast<double>(assignment.entropies[i]) : 0.0;
    }
    reservoir.add(update.picks, assignment.used, assignment.probabilities.get(), update.length,
                  std::move(update.units));
    for (const auto& set : sets) {
      set->skip(update.picks);
    }
    for (auto& [set, plan] : update.plans) {
      set->commit(plan, assignment.entropies, update.picks, reservoir.size());
    }
    scatter(update);
    for (auto& [set, plan] : update.plans) {
      set->drop_beyond_limit();
    }
    for (const auto& [counts, input, output] : update.pairs) {
      counts->commit(update.plans[input].second, update.plans[output].second);
      if (update.plans[input].first->slots().level() > 0 || update.plans[output].first->slots().level() > 0) {
        counts->lose();
      }
    }
    std::move(update.new_pairs.begin(), update.new_pairs.end(), std::back_inserter(pairs));  // room was made
    std::move(update.new_sets.begin(), update.new_sets.end(), std::back_inserter(sets));     // room was made
  }

  /// Adds the assignments to the label rows. A thread owns whole sets, or columns of them when there are more threads
  /// than sets, so nobody waits and the order of every sum is that of the rows.
  void scatter(const Update& update) noexcept {
    constexpr std::int64_t kRows = 256;    // whose assignments stay in the second cache for all sets of a thread
    constexpr std::int64_t kColumns = 32;  // two cache lines
    const std::int64_t m = anchors.size();
    const auto count = static_cast<std::int64_t>(update.plans.size());
    if (count == 0 || !update.assignment.probabilities) {
      return;
    }
    const std::int64_t wanted = (at::get_num_threads() + count - 1) / count;
    const std::int64_t pieces = std::clamp<std::int64_t>(wanted, 1, (m + kColumns - 1) / kColumns);
    const std::int64_t rows = update.assignment.rows;
    at::parallel_for(0, count * pieces, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = 0; row < rows; row += kRows) {
        for (std::int64_t unit = begin; unit < end; ++unit) {
          const auto& [set, plan] = update.plans[static_cast<std::size_t>(unit / pieces)];
          const std::int64_t piece = unit % pieces;
          set->host_sums().add(plan, update.assignment.probabilities.get(), row, std::min(rows, row + kRows),
                               m * piece / pieces, m * (piece + 1) / pieces);
        }
      }
    });
  }

  /// What follows is of accumulator_device.cpp.
  /// Key width of a label set that was seen, or comes with an update that is not counted yet; 0: none.
  int known_width(const std::string& name) const;
  /// Starts an update on a device, after counting those that have come. It is nowhere yet.
  OnDevice::Pending start(cuda::DeviceContext& context, const at::Tensor& z, OnDevice::Pending labels);
  /// Adds it to those that will be counted.
  void add(std::shared_ptr<cuda::DeviceContext> context, OnDevice::Pending started);
  /// Counts the first update that is on the device.
  void count_first();
  void count_all();
  /// Queues what an estimate needs from the device.
  void prepare_estimate();
  /// Counts all updates and brings all sums to the host; what is not of an update or an estimate wants that first.
  void move_to_host();
  /// Forgets what was counted, and gives up what is on a device.
  void forget_tokens() noexcept {
    device.reset();
    staged.reset();
    std::fill(sum.begin(), sum.end(), 0.0);
    tokens = 0;
    rejected = 0;
    row_entropies = 0;
    row_totals.clear();
    pairs.clear();
  }

  void forget_readouts() noexcept {
    for (const auto& set : sets) {
      if (set->on_device() != nullptr) {
        set->on_device()->forget_readout();
      }
    }
  }

  Summed summed() const {
    return {options.label_weights(), reservoir, sum, tokens, rejected, row_entropies, sets, row_totals.means(tokens)};
  }

  /// Of a saved state. @throws ArgumentError if only one of both sums rows. @throws IoError
  void load_rows(state::Reader& in, std::uint32_t version);

  Estimate estimate();
  Estimate estimate_of_sums() const;
  /// Whose sums what goes through X is made of.
  std::vector<const LabelSet*> paired_inputs() const;
  /// Of the pairs of label sets, by slots.
  std::vector<InputJoint> joints() const;

  SoftEntropyOptions options;
  double epsilon;
  Anchors anchors;
  std::shared_ptr<const kernels::AnchorPanels> panels;
  std::shared_ptr<SharedReplicates> shared_replicates = std::make_shared<SharedReplicates>();  // with copies
  Reservoir reservoir;
  std::vector<double> sum;
  std::int64_t tokens = 0;
  std::int64_t rejected = 0;
  double row_entropies = 0;  // Σ H(p) over tokens, in nats; NaN where a saved state did not say
  RowTotals row_totals;
  std::vector<std::unique_ptr<LabelSet>> sets;
  std::vector<std::unique_ptr<PairCounts>> pairs;  // of n-grams on both sides
  std::vector<std::unique_ptr<LabelSet>> spares;   // of before the last clear(), for their memory; some null
  std::unique_ptr<OnDevice> device;                // null: everything is on the host
  std::optional<Staged> staged;                    // no part of what was seen: copies and saved states are without it

  struct Empty {};
  /// One that measures alike and has seen nothing.
  Impl(const Impl& other, Empty /*tag*/)
      : options(other.options),
        epsilon(other.epsilon),
        anchors(other.anchors),
        panels(other.panels),
        shared_replicates(other.shared_replicates),
        reservoir(other.options.anchors(), other.options.stream()),
        sum(other.sum.size(), 0.0),
        row_totals(other.anchors.dimension(), other.options.centre()) {}

  Impl(const Impl& other)
      : options(other.options),
        epsilon(other.epsilon),
        anchors(other.anchors),
        panels(other.panels),
        shared_replicates(other.shared_replicates),
        reservoir(other.reservoir),
        sum(other.sum),
        tokens(other.tokens),
        rejected(other.rejected),
        row_entropies(other.row_entropies),
        row_totals(other.row_totals) {
    for (const auto& set : other.sets) {
      sets.push_back(std::make_unique<LabelSet>(*set));
    }
    for (const auto& of : other.pairs) {
      pairs.push_back(std::make_unique<PairCounts>(*of));
    }
  }
};

}  // namespace infoplane::estimator
