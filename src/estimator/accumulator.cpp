#include <ATen/core/Tensor.h>

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/labels/key_table.hpp>
#include <limits>
#include <numeric>

#include "core/differences.hpp"
#include "core/state.hpp"
#include "estimator/accumulator_impl.hpp"
#include "estimator/assignment/input_checks.hpp"
#include "estimator/label_sums/label_set_state.hpp"
#include "estimator/statistics/entropy.hpp"
#include "estimator/statistics/label_set_estimator.hpp"
#include "estimator/statistics/label_statistics.hpp"

namespace infoplane::estimator {

SoftEntropyAccumulator::SoftEntropyAccumulator(std::int64_t d, const SoftEntropyOptions& options)
    : impl_(std::make_unique<Impl>(d, options)) {}
SoftEntropyAccumulator::SoftEntropyAccumulator(const SoftEntropyAccumulator& other) {
  other.impl_->move_to_host();
  impl_ = std::make_unique<Impl>(*other.impl_);
}
SoftEntropyAccumulator::SoftEntropyAccumulator(SoftEntropyAccumulator&&) noexcept = default;
SoftEntropyAccumulator& SoftEntropyAccumulator::operator=(SoftEntropyAccumulator&&) noexcept = default;
SoftEntropyAccumulator& SoftEntropyAccumulator::operator=(const SoftEntropyAccumulator& other) {
  if (this != &other) {
    other.impl_->move_to_host();
    impl_ = std::make_unique<Impl>(*other.impl_);
  }
  return *this;
}
SoftEntropyAccumulator::~SoftEntropyAccumulator() = default;

void SoftEntropyAccumulator::update(const at::Tensor& z) { update(z, NamedLabelTensors()); }

void SoftEntropyAccumulator::update(const at::Tensor& z, const NamedLabelTensors& labels) {
  const PlainArithmetic plain;
  const at::Tensor values = checked_representations(z, dimension());
  std::vector<IntegerLabels> sets = checked_labels(labels, values);
  for (const auto& integers : sets) {
    impl_->check_width(integers.name, 1);
  }
  if (auto context = kernels::fused_device(values, *impl_->panels)) {
    auto started = impl_->start(*context, values, {{}, nullptr, std::move(sets), Impl::sequence_length(values, 0)});
    impl_->add(std::move(context), std::move(started));
    return;
  }
  impl_->move_to_host();
  Impl::Update update;
  impl_->assign(update, values, nullptr, 0);
  impl_->plan(update, sets);
  impl_->commit(update);
}

void SoftEntropyAccumulator::set_centre(const at::Tensor& c) {
  Impl& mine = *impl_;
  const bool empty =
      mine.tokens == 0 && mine.rejected == 0 && !mine.staged && (!mine.device || mine.device->pending().empty());
  INFOPLANE_CHECK(empty, StateError, "a centre was given to an accumulator that has seen ", mine.tokens + mine.rejected,
                  " rows: all its rows have one centre, so clear() it first");
  mine.row_totals.set_centre(c);
}

const at::Tensor& SoftEntropyAccumulator::centre() const noexcept { return impl_->row_totals.centre(); }

void SoftEntropyAccumulator::prepare_estimate() const { impl_->prepare_estimate(); }

Estimate SoftEntropyAccumulator::estimate() const { return impl_->estimate(); }

std::vector<ConditionalEntropy> SoftEntropyAccumulator::conditional_entropies(const std::string& name) const {
  impl_->move_to_host();
  if (const LabelSet* const set = impl_->find(name)) {
    return estimator::conditional_entropies(*set);
  }
  std::vector<std::string> known;
  for (const auto& set : impl_->sets) {
    known.push_back(set->name());
  }
  INFOPLANE_THROW(ArgumentError, "there is no label set \"", name,
                  "\"; seen so far: ", known.empty() ? std::string("none") : detail::join(known));
}

void SoftEntropyAccumulator::reset() noexcept {
  impl_->forget_tokens();
  impl_->reservoir.reset();
  impl_->sets.clear();
  impl_->spares.clear();
}

void SoftEntropyAccumulator::clear() noexcept {
  impl_->forget_tokens();
  impl_->reservoir.clear();
  for (const auto& set : impl_->sets) {
    set->clear();
  }
  impl_->spares = std::move(impl_->sets);
  impl_->sets.clear();
}

void SoftEntropyAccumulator::save(std::ostream& out) const {
  impl_->move_to_host();
  const Impl& mine = *impl_;
  state::Writer content;
  mine.measure().put(content);
  content.put(static_cast<std::uint8_t>(mine.options.label_weights()));
  content.put(mine.options.stream());
  content.put_array(mine.sum);
  content.put(mine.tokens);
  content.put(mine.rejected);
  content.put(mine.row_entropies);
  mine.row_totals.save(content);
  mine.reservoir.save(content);
  content.put(static_cast<std::uint32_t>(mine.sets.size()));
  for (const auto& set : mine.sets) {
    estimator::save(*set, content);
  }
  content.put(static_cast<std::uint32_t>(mine.pairs.size()));
  for (const auto& of : mine.pairs) {
    of->save(content);
  }
  state::write(out, "accumulator", kStateVersion, content.content());
}

void SoftEntropyAccumulator::Impl::load_rows(state::Reader& in, std::uint32_t version) {
  const bool theirs = version >= kVersionWithDirections && in.get_flag();
  INFOPLANE_CHECK(theirs == options.centre(), ArgumentError,
                  "a saved state cannot be loaded by an accumulator that differs in: centre (",
                  options.centre() ? "yes and no)" : "no and yes)");
  if (version >= kVersionWithDirections) {
    row_totals.load(in, tokens);
  } else {
    row_totals.know_nothing();
  }
}

void SoftEntropyAccumulator::load(std::istream& in) {
  const Impl& mine = *impl_;
  const state::Content content = state::read(in, "accumulator", kStateVersion);
  state::Reader reader(content.bytes);
  const Measure measure = Measure::get(reader);
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
  loaded->row_entropies =
      content.version >= kVersionWithRowEntropies ? reader.get<double>() : std::numeric_limits<double>::quiet_NaN();
  constexpr auto kMost = static_cast<std::int64_t>(state::kMost);
  state::Reader::require(
      loaded->tokens >= 0 && loaded->tokens < kMost && loaded->rejected >= 0 && loaded->rejected < kMost,
      "it has an impossible number of tokens");
  state::Reader::require(
      are_sums(loaded->sum) && state::agree(std::accumulate(loaded->sum.begin(), loaded->sum.end(), 0.0),
                                            static_cast<double>(loaded->tokens)),
      "its sums are not those of its tokens");
  state::Reader::require(are_row_entropies(loaded->row_entropies, loaded->tokens, mine.anchors.size()),
                         "its entropies are not those of its tokens");
  loaded->load_rows(reader, content.version);
  loaded->reservoir.load(reader, content.version >= kVersionWithDirections);
  state::Reader::require(loaded->reservoir.position() == static_cast<std::uint64_t>(loaded->tokens),
                         "its sample is of other tokens");
  for (auto sets = reader.get<std::uint32_t>(); sets > 0; --sets) {
    auto set = load_label_set(reader, mine.anchors.size(), mine.options, loaded->reservoir.size(), content.version);
    state::Reader::require(loaded->find(set->name()) == nullptr, "a label set is there twice");
    state::Reader::require(set->tokens() <= loaded->tokens, "a label set has more tokens than there are");
    loaded->sets.push_back(std::move(set));
  }
  if (content.version >= kVersionWithRowEntropies) {
    for (auto pairs = reader.get<std::uint32_t>(); pairs > 0; --pairs) {
      auto counts = std::make_unique<PairCounts>(PairCounts::load(reader, loaded->sets));
      state::Reader::require(loaded->find_pairs(counts->input()) == nullptr, "pairs of label sets are there twice");
      loaded->pairs.push_back(std::move(counts));
    }
  } else {
    loaded->know_no_pairs();
  }
  reader.end();
  impl_ = std::move(loaded);
}

std::int64_t SoftEntropyAccumulator::memory_bytes() const noexcept {
  std::int64_t bytes = impl_->panels->memory_bytes() + static_cast<std::int64_t>(impl_->sum.size() * sizeof(double)) +
                       impl_->row_totals.memory_bytes() + impl_->reservoir.memory_bytes() +
                       (impl_->device ? impl_->device->memory_bytes() : 0) +
                       (impl_->staged ? impl_->staged->memory_bytes(impl_->anchors.size()) : 0);
  for (const auto* const of : {&impl_->sets, &impl_->spares}) {
    for (const auto& set : *of) {
      bytes += set != nullptr ? set->memory_bytes() : 0;
    }
  }
  for (const auto& of : impl_->pairs) {
    bytes += of->memory_bytes();
  }
  return bytes;
}

std::int64_t SoftEntropyAccumulator::dimension() const noexcept { return impl_->anchors.dimension(); }
const SoftEntropyOptions& SoftEntropyAccumulator::options() const noexcept { return impl_->options; }
const Anchors& SoftEntropyAccumulator::anchors() const noexcept { return impl_->anchors; }
double SoftEntropyAccumulator::temperature() const noexcept { return impl_->epsilon; }

}  // namespace infoplane::estimator
