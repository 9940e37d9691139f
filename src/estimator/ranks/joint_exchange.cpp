#include "estimator/ranks/joint_exchange.hpp"

#include <algorithm>
#include <array>

#include "estimator/ranks/label_shard.hpp"

namespace infoplane::estimator {
namespace {

void put_key(std::span<const std::int64_t> key, state::Writer& out) { out.put_values(key.data(), key.size()); }

void put_floats(const double* values, std::size_t count, state::Writer& out) {
  for (std::size_t b = 0; b < count; ++b) {
    out.put(static_cast<float>(values[b]));
  }
}

void get_floats(std::vector<double>& into, state::Reader& in) {
  for (double& value : into) {
    value = static_cast<double>(in.get<float>());
  }
}

}  // namespace

JointExchange::JointExchange(std::string input, std::string output, const LabelSet& inputs, const LabelSet& outputs,
                             const PairCounts* counts, const LabelSet* own_inputs, const LabelSet* own_outputs)
    : input_(std::move(input)),
      output_(std::move(output)),
      inputs_(inputs),
      outputs_(outputs),
      counts_(counts),
      own_inputs_(own_inputs),
      own_outputs_(own_outputs),
      keys_(outputs.slots().key_width()) {}

void JointExchange::put_pairs(std::span<state::Writer> parcels) const {
  std::vector<std::vector<PairCounts::Pair>> of_owner(parcels.size());
  const auto pairs = counts_ != nullptr ? counts_->pairs() : std::vector<PairCounts::Pair>();
  std::vector<std::uint32_t> slot_of_input, slot_of_output;
  if (!pairs.empty()) {
    slot_of_input = own_inputs_->replicates().slot_of_sum(own_inputs_->counts().size());
    slot_of_output = own_outputs_->replicates().slot_of_sum(own_outputs_->counts().size());
  }
  for (const PairCounts::Pair& pair : pairs) {
    const auto key = own_inputs_->slots().key(slot_of_input[pair.input]);
    of_owner[owner_of(inputs_, key, parcels.size())].push_back(pair);
  }
  for (std::size_t owner = 0; owner < parcels.size(); ++owner) {
    state::Writer& out = parcels[owner];
    out.put(static_cast<std::uint64_t>(of_owner[owner].size()));
    for (const auto& [input, output, tokens] : of_owner[owner]) {
      const Replicates::Sums& sums = own_outputs_->replicates().sums(slot_of_output[output]);
      put_key(own_inputs_->slots().key(slot_of_input[input]), out);
      put_key(own_outputs_->slots().key(slot_of_output[output]), out);
      out.put(static_cast<std::uint8_t>(std::find(sums.begin(), sums.end(), output) - sums.begin()));
      out.put(tokens);
    }
  }
}

void JointExchange::take_pairs(state::Reader& in) {
  std::vector<std::int64_t> x(static_cast<std::size_t>(inputs_.slots().key_width()));
  std::vector<std::int64_t> y(static_cast<std::size_t>(keys_.width()));
  for (auto pairs = in.get<std::uint64_t>(); pairs > 0; --pairs) {
    in.get_values(x.data(), x.size());
    in.get_values(y.data(), y.size());
    const auto replicate = in.get<std::uint8_t>();
    const auto tokens = in.get<std::int64_t>();
    const std::uint32_t slot = inputs_.slots().find(x);
    complete_ = complete_ && slot != kDropped;
    if (slot != kDropped) {
      joint_.entries.push_back({static_cast<std::uint32_t>(keys_.insert(y)), replicate, slot, tokens});
    }
  }
}

InputJoint JointExchange::joint() {
  complete_ = complete_ && inputs_.slots().level() == 0 && outputs_.slots().level() == 0 &&
              (counts_ == nullptr || counts_->complete());
  if (!complete_) {
    joint_.entries.clear();  // slots may be others' now
  }
  // The same pair of several ranks is one.
  joint_.sort();
  JointCounts together;
  for (const JointCounts::Entry& entry : joint_.entries) {
    if (!together.entries.empty() && together.entries.back().y == entry.y &&
        together.entries.back().replicate == entry.replicate && together.entries.back().x == entry.x) {
      together.entries.back().tokens += entry.tokens;
    } else {
      together.entries.push_back(entry);
    }
  }
  joint_ = {};
  return {input_, output_, std::move(together), counts_ != nullptr ? counts_->positions() : 0, complete_};
}

void JointExchange::put_sampled(const ThroughEstimator& pair, state::Writer& out) const {
  pair.each_mean([&out](std::uint32_t row, std::span<const float> mean) {
    out.put(std::uint8_t{1});
    out.put(row);
    out.put_values(mean.data(), mean.size());
  });
  out.put(std::uint8_t{0});
  const std::vector<std::uint32_t> outputs = pair.sampled_outputs();
  out.put(static_cast<std::uint32_t>(outputs.size()));
  for (const std::uint32_t slot : outputs) {
    put_key(outputs_.slots().key(slot), out);
  }
}

void JointExchange::take_sampled(ThroughEstimator& pair, state::Reader& in) {
  std::vector<float> mean(static_cast<std::size_t>(inputs_.anchors()));
  while (in.get_flag()) {
    const auto row = in.get<std::uint32_t>();
    in.get_values(mean.data(), mean.size());
    pair.set_mean(row, mean);
  }
  std::vector<std::int64_t> key(static_cast<std::size_t>(keys_.width()));
  for (auto outputs = in.get<std::uint32_t>(); outputs > 0; --outputs) {
    in.get_values(key.data(), key.size());
    if (const std::int32_t y = keys_.find(key); y != labels::kNoRow) {
      sampled_.insert(static_cast<std::uint32_t>(y));
    }
  }
}

void JointExchange::put_mixtures(const ThroughEstimator& pair, std::span<state::Writer> parcels) {
  const auto m = static_cast<std::size_t>(outputs_.anchors());
  asked_.assign(parcels.size(), {});
  const std::vector<std::uint32_t> in_order = pair.asked();
  std::size_t next = 0;
  pair.mix([this](std::uint32_t y) { return sampled_.contains(y); },
           [&](std::uint32_t y, const Mixture& mixture) {
             const auto key = keys_.key(y);
             const std::size_t owner = owner_of(outputs_, key, parcels.size());
             const bool asks = next < in_order.size() && in_order[next] == y;
             if (asks) {
               asked_[owner].push_back(y);
               ++next;
             }
             state::Writer& out = parcels[owner];
             out.put(std::uint8_t{1});
             put_key(key, out);
             out.put(static_cast<std::uint8_t>(asks ? 1 : 0));
             out.put(static_cast<std::uint8_t>(mixture.sums.size()));
             out.put(static_cast<std::uint8_t>(mixture.halves[0] != nullptr ? 1 : 0));
             for (const Mixture::Sum& sum : mixture.sums) {
               out.put(static_cast<std::uint8_t>(sum.replicate));
               out.put(sum.tokens);
               out.put(sum.row_entropies);
               put_floats(sum.values, m, out);
             }
             for (const double* const half : mixture.halves) {
               if (half != nullptr) {
                 put_floats(half, m, out);
               }
             }
           });
  for (state::Writer& parcel : parcels) {
    parcel.put(std::uint8_t{0});
  }
}

void JointExchange::take_mixtures(ThroughEstimator& pair, std::size_t source, state::Reader& in) {
  const auto m = static_cast<std::size_t>(outputs_.anchors());
  asked_for_.resize(std::max(asked_for_.size(), source + 1));
  std::vector<std::int64_t> key(static_cast<std::size_t>(keys_.width()));
  std::array<std::vector<double>, Replicates::kCount + 2> values;
  values.fill(std::vector<double>(m));
  while (in.get_flag()) {
    in.get_values(key.data(), key.size());
    const std::uint32_t slot = outputs_.slots().find(key);
    state::Reader::require(slot != kDropped, "a mixture came of a label that is not there");
    const bool asks = in.get_flag();
    const auto count = in.get<std::uint8_t>();
    const bool has_halves = in.get_flag();
    state::Reader::require(count <= Replicates::kCount, "a mixture has too many parts");
    std::array<Mixture::Sum, Replicates::kCount> sums{};
    for (std::size_t i = 0; i < count; ++i) {
      sums[i].replicate = in.get<std::uint8_t>();
      sums[i].tokens = in.get<std::int64_t>();
      sums[i].row_entropies = in.get<double>();
      get_floats(values[i], in);
      sums[i].values = values[i].data();
    }
    Mixture mixture{{sums.data(), count}};
    for (std::size_t which = 0; has_halves && which < 2; ++which) {
      get_floats(values[Replicates::kCount + which], in);
      mixture.halves[which] = values[Replicates::kCount + which].data();
    }
    pair.mixtures().add(slot, mixture);
    if (asks) {
      asked_for_[source].push_back(slot);
    }
  }
}

void JointExchange::put_logarithms(const ThroughEstimator& pair, std::span<state::Writer> parcels) const {
  std::vector<double> values(static_cast<std::size_t>(outputs_.anchors()));
  for (std::size_t source = 0; source < parcels.size(); ++source) {
    for (const std::uint32_t slot : asked_for_[source]) {
      pair.logarithms(slot, values);
      put_floats(values.data(), values.size(), parcels[source]);
    }
  }
}

void JointExchange::take_logarithms(std::size_t source, state::Reader& in) {
  const auto m = static_cast<std::size_t>(outputs_.anchors());
  logarithms_.resize(static_cast<std::size_t>(keys_.size()) * m);
  for (const std::uint32_t y : asked_[source]) {
    in.get_values(logarithms_.data() + y * m, m);
  }
}

void JointExchange::logarithms(std::uint32_t y, std::span<double> out) const {
  std::copy_n(logarithms_.begin() + static_cast<std::ptrdiff_t>(y * out.size()), out.size(), out.begin());
}

}  // namespace infoplane::estimator
