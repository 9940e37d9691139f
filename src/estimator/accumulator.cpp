#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/labels/key_table.hpp>
#include <numeric>

#include "core/differences.hpp"
#include "core/state.hpp"
#include "estimator/batch.hpp"
#include "estimator/covariance.hpp"
#include "estimator/entropy.hpp"
#include "estimator/kernels/entropy.hpp"
#include "estimator/kernels/soft_assignment.hpp"
#include "estimator/label_rows.hpp"
#include "estimator/measure.hpp"
#include "estimator/reservoir.hpp"

namespace infoplane::estimator {
struct SoftEntropyAccumulator::Impl {
  Impl(std::int64_t d, const SoftEntropyOptions& given)
      : options(given),
        epsilon(estimator::temperature(d, given.anchors(), given.calibration())),
        anchors(given.anchors(), d, given.seed(), given.raw_seed() ? Anchors::Rule::kRaw : Anchors::Rule::kMixed),
        panels(std::make_shared<kernels::AnchorPanels>(anchors.weight())),
        reservoir(given.anchors(), given.stream()),
        sum(static_cast<std::size_t>(given.anchors()), 0.0) {
    INFOPLANE_CHECK(given.max_labels() >= 0, ArgumentError, "max_labels must be 0 (all labels) or more, got ",
                    given.max_labels());
  }

  /// What one update will do, made without changing a sum; `plans` speak of `sets`, then of `new_sets`.
  struct Update {
    kernels::SoftAssignment assignment;
    std::vector<std::pair<LabelRows*, LabelRows::Plan>> plans;
    std::vector<std::unique_ptr<LabelRows>> new_sets;
    std::vector<Reservoir::Pick> picks;
    std::int64_t length = 1;  // rows of a sequence
  };

  Measure measure() const {
    return {anchors.size(), anchors.dimension(), epsilon, anchors.seed(), anchors.rule_name(), options.max_labels()};
  }

  LabelRows* find(const std::string& name) const {
    const auto found = std::find_if(sets.begin(), sets.end(), [&name](const auto& set) { return set->name() == name; });
    return found == sets.end() ? nullptr : found->get();
  }

  /// The set of this name, or a new one that waits in `new_sets`.
  LabelRows& set_for(const std::string& name, int key_width, std::vector<std::unique_ptr<LabelRows>>& new_sets) {
    if (LabelRows* const found = find(name)) {
      check_width(*found, key_width);
      return *found;
    }
    new_sets.push_back(std::make_unique<LabelRows>(name, key_width, anchors.size(), options));
    return *new_sets.back();
  }

  void check_width(const LabelRows& set, int key_width) const {
    INFOPLANE_CHECK(set.key_width() == key_width, ArgumentError, "the label set \"", set.name(), "\" has keys of ",
                    set.key_width(), " integers and cannot take keys of ", key_width);
  }

  /// `length`: rows of a sequence; 0: z says it.
  void assign(Update& update, const at::Tensor& z, const std::uint8_t* counted, std::int64_t length) {
    update.assignment = kernels::soft_assignment(z, *panels, epsilon, counted);
    update.length = std::max<std::int64_t>(1, length > 0 ? length : z.dim() == 3 ? z.size(1) : 1);
    update.picks = reservoir.plan(update.assignment.used);
  }

  LabelRows::Batch batch(const Update& update) const {
    return {update.assignment.used, reservoir.sequences(), update.length};
  }

  /// The second half of an update; nothing in it fails.
  void commit(Update& update) noexcept {
    const kernels::SoftAssignment& assignment = update.assignment;
    std::transform(sum.begin(), sum.end(), assignment.sum.begin(), sum.begin(), std::plus<>());
    tokens += assignment.tokens;
    rejected += assignment.rejected;
    reservoir.add(update.picks, assignment.used, assignment.probabilities.get(), update.length);
    for (const auto& set : sets) {
      set->skip(update.picks);
    }
    for (auto& [set, plan] : update.plans) {
      set->count(plan, update.picks, reservoir.size());
    }
    scatter(update);
    for (auto& [set, plan] : update.plans) {
      set->drop_beyond_limit();
    }
    std::move(update.new_sets.begin(), update.new_sets.end(), std::back_inserter(sets));  // room was made
  }

  /// Adds the assignments to the label rows. A thread owns whole sets, or columns of them when there are more threads
  /// than sets, so nobody waits and the order of every sum is that of the rows.
  void scatter(const Update& update) noexcept {
    constexpr std::int64_t kRows = 256;    // whose assignments stay in the second cache for all sets of a thread
    constexpr std::int64_t kColumns = 32;  // two cache lines
    const std::int64_t m = anchors.size();
    const auto count = static_cast<std::int64_t>(update.plans.size());
    if (count == 0) {
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
          set->add(plan, update.assignment.probabilities.get(), row, std::min(rows, row + kRows), m * piece / pieces,
                   m * (piece + 1) / pieces);
        }
      }
    });
  }

  Estimate estimate() const;

  SoftEntropyOptions options;
  double epsilon;
  Anchors anchors;
  std::shared_ptr<const kernels::AnchorPanels> panels;
  Reservoir reservoir;
  std::vector<double> sum;
  std::int64_t tokens = 0;
  std::int64_t rejected = 0;
  std::vector<std::unique_ptr<LabelRows>> sets;

  struct Empty {};
  /// One that measures alike and has seen nothing.
  Impl(const Impl& other, Empty /*tag*/)
      : options(other.options),
        epsilon(other.epsilon),
        anchors(other.anchors),
        panels(other.panels),
        reservoir(other.options.anchors(), other.options.stream()),
        sum(other.sum.size(), 0.0) {}

  Impl(const Impl& other)
      : options(other.options),
        epsilon(other.epsilon),
        anchors(other.anchors),
        panels(other.panels),
        reservoir(other.reservoir),
        sum(other.sum),
        tokens(other.tokens),
        rejected(other.rejected) {
    for (const auto& set : other.sets) {
      sets.push_back(std::make_unique<LabelRows>(*set));
    }
  }
};

Estimate SoftEntropyAccumulator::Impl::estimate() const {
  Estimate result;
  result.tokens = tokens;
  result.rejected = rejected;
  result.anchors = anchors.size();
  result.sequences = reservoir.sequences();
  result.entropy_nats = entropy_of_sums(sum);
  const std::vector<std::uint32_t> order = reservoir.order();
  if (tokens > 0) {
    std::vector<double> logs(sum.size());
    kernels::logarithms(sum.data(), anchors.size(), 1 / static_cast<double>(tokens), logs.data());
    std::vector<std::vector<double>> influences(1);
    std::vector<double> second_order = {0}, of_labels = {0};
    for (std::uint32_t index = 0; index < reservoir.size(); ++index) {
      const float* const p = reservoir.row(index);
      influences[0].push_back(-kernels::dot(p, logs.data(), anchors.size()) / static_cast<double>(tokens));
    }
    const Background background(reservoir, order, sum, tokens);
    result.corrected_entropy_nats = result.entropy_nats + background.spread.entropy_bias;
    for (const auto& set : sets) {
      auto statistics = set->statistics(options.label_weights(), reservoir, order, background);
      statistics.entropy_influence.resize(order.size(), kUndefined);
      statistics.information_influence.resize(order.size(), kUndefined);
      influences.push_back(std::move(statistics.entropy_influence));
      influences.push_back(std::move(statistics.information_influence));
      second_order.insert(second_order.end(), {0, statistics.second_order});
      of_labels.insert(of_labels.end(), {0, statistics.of_labels});
      result.sets.push_back(std::move(statistics.estimate));
    }
    result.covariance = covariance(reservoir, tokens, std::move(influences), second_order, of_labels);
  } else {
    for (const auto& set : sets) {
      InformationEstimate& none = result.sets.emplace_back();
      none.name = set->name();
      none.entropy_nats = none.conditional_entropy_nats = none.information_nats = kUndefined;
      none.reason = "no token has a label of this set";
    }
  }
  const auto error = [&result](std::size_t value) {
    const std::pair<std::size_t, double> alone(value, 1.0);
    return std::sqrt(result.covariance.variance(std::span(&alone, 1)));
  };
  result.entropy_standard_error_nats = error(Covariance::kEntropy);
  for (std::size_t s = 0; s < result.sets.size(); ++s) {
    InformationEstimate& set = result.sets[s];
    set.standard_error_nats = error(Covariance::information_of(s));
    if (!set.reason.empty()) {
      set.error_reason = set.reason;
    } else if (std::isnan(set.standard_error_nats)) {
      set.error_reason = detail::concat("it needs at least 2 sequences, got ", result.sequences);
    }
  }
  return result;
}

SoftEntropyAccumulator::SoftEntropyAccumulator(std::int64_t d, const SoftEntropyOptions& options)
    : impl_(std::make_unique<Impl>(d, options)) {}
SoftEntropyAccumulator::SoftEntropyAccumulator(const SoftEntropyAccumulator& other)
    : impl_(std::make_unique<Impl>(*other.impl_)) {}
SoftEntropyAccumulator::SoftEntropyAccumulator(SoftEntropyAccumulator&&) noexcept = default;
SoftEntropyAccumulator& SoftEntropyAccumulator::operator=(SoftEntropyAccumulator&&) noexcept = default;
SoftEntropyAccumulator& SoftEntropyAccumulator::operator=(const SoftEntropyAccumulator& other) {
  if (this != &other) {
    impl_ = std::make_unique<Impl>(*other.impl_);
  }
  return *this;
}
SoftEntropyAccumulator::~SoftEntropyAccumulator() = default;

void SoftEntropyAccumulator::update(const at::Tensor& z) { update(z, NamedLabelTensors()); }

void SoftEntropyAccumulator::update(const at::Tensor& z, const labels::Grouping& grouping) {
  const PlainArithmetic plain;
  const at::Tensor values = checked_representations(z, dimension());
  check_grouping(grouping, values);
  for (const auto& assignment : grouping.sets) {
    if (const LabelRows* const set = impl_->find(assignment.name)) {
      impl_->check_width(*set, assignment.table->width());
    }
  }
  Impl::Update update;
  impl_->assign(update, values, grouping.counted.empty() ? nullptr : grouping.counted.data(), grouping.row_length);
  for (const auto& assignment : grouping.sets) {
    LabelRows& set = impl_->set_for(assignment.name, assignment.table->width(), update.new_sets);
    update.plans.emplace_back(&set, set.plan(assignment, impl_->batch(update)));
  }
  impl_->sets.reserve(impl_->sets.size() + update.new_sets.size());
  impl_->commit(update);
}

void SoftEntropyAccumulator::update(const at::Tensor& z, const NamedLabelTensors& labels) {
  const PlainArithmetic plain;
  const at::Tensor values = checked_representations(z, dimension());
  const std::vector<IntegerLabels> sets = checked_labels(labels, values);
  for (const auto& integers : sets) {
    if (const LabelRows* const set = impl_->find(integers.name)) {
      impl_->check_width(*set, 1);
    }
  }
  Impl::Update update;
  impl_->assign(update, values, nullptr, 0);
  for (const auto& integers : sets) {
    LabelRows& set = impl_->set_for(integers.name, 1, update.new_sets);
    update.plans.emplace_back(&set, set.plan(integers.values, impl_->batch(update)));
  }
  impl_->sets.reserve(impl_->sets.size() + update.new_sets.size());
  impl_->commit(update);
}

Estimate SoftEntropyAccumulator::estimate() const { return impl_->estimate(); }

std::vector<ConditionalEntropy> SoftEntropyAccumulator::conditional_entropies(const std::string& name) const {
  if (const LabelRows* const set = impl_->find(name)) {
    return set->conditional_entropies();
  }
  std::vector<std::string> known;
  for (const auto& set : impl_->sets) {
    known.push_back(set->name());
  }
  INFOPLANE_THROW(ArgumentError, "there is no label set \"", name,
                  "\"; seen so far: ", known.empty() ? std::string("none") : detail::join(known));
}

void SoftEntropyAccumulator::reset() {
  std::fill(impl_->sum.begin(), impl_->sum.end(), 0.0);
  impl_->tokens = 0;
  impl_->rejected = 0;
  impl_->reservoir.reset();
  impl_->sets.clear();
}

void SoftEntropyAccumulator::merge(const SoftEntropyAccumulator& other) {
  const Impl& theirs = *other.impl_;
  Differences differences;
  compare(differences, impl_->measure(), theirs.measure());
  for (const auto& set : theirs.sets) {
    if (const LabelRows* const mine = impl_->find(set->name())) {
      differences.compare(("key width of " + set->name()).c_str(), mine->key_width(), set->key_width());
    }
  }
  INFOPLANE_CHECK(differences.text().empty(), ArgumentError,
                  "accumulators cannot be merged that differ in: ", differences.text());
  Reservoir::Merged merged = impl_->reservoir.merged(theirs.reservoir);
  std::vector<std::unique_ptr<LabelRows>> new_sets;
  std::vector<std::pair<LabelRows*, LabelRows::MergePlan>> plans;
  for (const auto& set : theirs.sets) {
    LabelRows& mine = impl_->set_for(set->name(), set->key_width(), new_sets);
    plans.emplace_back(&mine, mine.plan_merge(*set, merged.sources));
  }
  std::vector<std::pair<LabelRows*, std::vector<std::uint32_t>>> others;  // sets that are only here
  for (const auto& set : impl_->sets) {
    if (theirs.find(set->name()) == nullptr) {
      others.emplace_back(set.get(), set->sampled_alone(merged.sources));
    }
  }
  impl_->sets.reserve(impl_->sets.size() + new_sets.size());
  for (std::size_t i = 0; i < plans.size(); ++i) {
    plans[i].first->merge(*theirs.sets[i], plans[i].second);
  }
  for (auto& [set, sampled] : others) {
    set->keep(sampled);
  }
  std::move(new_sets.begin(), new_sets.end(), std::back_inserter(impl_->sets));
  std::transform(impl_->sum.begin(), impl_->sum.end(), theirs.sum.begin(), impl_->sum.begin(), std::plus<>());
  impl_->tokens += theirs.tokens;
  impl_->rejected += theirs.rejected;
  impl_->reservoir = std::move(*merged.reservoir);
}

void SoftEntropyAccumulator::save(std::ostream& out) const {
  const Impl& mine = *impl_;
  const Measure measure = mine.measure();
  state::Writer content;
  content.put(measure.m);
  content.put(measure.d);
  content.put(measure.epsilon);
  content.put(measure.seed);
  content.put_text(measure.seed_rule);
  content.put(measure.max_labels);
  content.put(static_cast<std::uint8_t>(mine.options.label_weights()));
  content.put(mine.options.stream());
  content.put_array(mine.sum);
  content.put(mine.tokens);
  content.put(mine.rejected);
  mine.reservoir.save(content);
  content.put(static_cast<std::uint32_t>(mine.sets.size()));
  for (const auto& set : mine.sets) {
    set->save(content);
  }
  state::write(out, "accumulator", 1, content.content());
}

void SoftEntropyAccumulator::load(std::istream& in) {
  const Impl& mine = *impl_;
  const state::Content content = state::read(in, "accumulator", 1);
  state::Reader reader(content.bytes);
  Measure measure;
  measure.m = reader.get<std::int64_t>();
  measure.d = reader.get<std::int64_t>();
  measure.epsilon = reader.get<double>();
  measure.seed = reader.get<std::uint64_t>();
  measure.seed_rule = reader.get_text();
  measure.max_labels = reader.get<std::int64_t>();
  Differences differences;
  compare(differences, mine.measure(), measure);
  differences.compare("label weights", static_cast<int>(mine.options.label_weights()),
                      static_cast<int>(reader.get<std::uint8_t>()));
  differences.compare("stream", mine.options.stream(), reader.get<std::uint64_t>());
  INFOPLANE_CHECK(differences.text().empty(), ArgumentError,
                  "a saved state cannot be loaded by an accumulator that differs in: ", differences.text());
  auto loaded = std::make_unique<Impl>(mine, Impl::Empty());
  loaded->sum = reader.get_array<double>(mine.sum.size(), "its sums are of another number of anchors");
  loaded->tokens = reader.get<std::int64_t>();
  loaded->rejected = reader.get<std::int64_t>();
  state::Reader::require(loaded->tokens >= 0 && loaded->rejected >= 0, "it has fewer than no tokens");
  state::Reader::require(are_sums(loaded->sum), "it has a sum that is none");
  loaded->reservoir.load(reader);
  for (auto sets = reader.get<std::uint32_t>(); sets > 0; --sets) {
    auto set = LabelRows::load(reader, mine.anchors.size(), mine.options, loaded->reservoir.size());
    state::Reader::require(loaded->find(set->name()) == nullptr, "a label set is there twice");
    loaded->sets.push_back(std::move(set));
  }
  reader.end();
  impl_ = std::move(loaded);
}

std::int64_t SoftEntropyAccumulator::memory_bytes() const noexcept {
  std::int64_t bytes = impl_->panels->memory_bytes() + static_cast<std::int64_t>(impl_->sum.size() * sizeof(double)) +
                       impl_->reservoir.memory_bytes();
  for (const auto& set : impl_->sets) {
    bytes += set->memory_bytes();
  }
  return bytes;
}

std::int64_t SoftEntropyAccumulator::dimension() const noexcept { return impl_->anchors.dimension(); }
const SoftEntropyOptions& SoftEntropyAccumulator::options() const noexcept { return impl_->options; }
const Anchors& SoftEntropyAccumulator::anchors() const noexcept { return impl_->anchors; }
double SoftEntropyAccumulator::temperature() const noexcept { return impl_->epsilon; }

}  // namespace infoplane::estimator
