#include <algorithm>
#include <cstddef>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/exchange.hpp>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "core/state.hpp"
#include "estimator/accumulator_impl.hpp"
#include "estimator/parallel_for_each.hpp"
#include "estimator/statistics/reduction.hpp"

namespace infoplane::estimator {

/// `shared_estimates` in its steps.
class SharedEstimation {
 public:
  SharedEstimation(const std::vector<NamedAccumulator>& mine, Exchange& exchange, std::int64_t sequence_group)
      : exchange_(exchange) {
    introduce(mine, sequence_group < 0 ? -1 - exchange.rank() : sequence_group);
  }

  std::vector<NamedEstimate> run() {
    constexpr std::int64_t kBatchBytes = std::int64_t{256} << 20U;
    std::vector<NamedEstimate> results;
    for (std::size_t begin = 0, end = 0; begin < layers_.size(); begin = end) {
      std::int64_t bytes = 0;
      for (; end < layers_.size() && (end == begin || bytes + layers_[end].bytes <= kBatchBytes); ++end) {
        bytes += layers_[end].bytes;
      }
      const std::span<Layer> batch(layers_.data() + begin, end - begin);
      share_samples(batch);
      share_labels(batch);
      estimate(batch);
      std::vector<Estimate> estimates(batch.size());
      parallel_for_each(batch.size(), [&](std::size_t i) { estimates[i] = batch[i].estimation->finish(); });
      for (std::size_t i = 0; i < batch.size(); ++i) {
        results.push_back({batch[i].name, std::move(estimates[i])});
        batch[i].release();
      }
    }
    return results;
  }

 private:
  static constexpr std::int64_t kNowhere = std::numeric_limits<std::int64_t>::min();  // the group of a rank without it
  struct Set {
    std::string name;
    int key_width;
    int level;
  };
  /// A layer over all ranks, and this rank's shard of it.
  struct Layer {
    std::string name;
    const SoftEntropyAccumulator::Impl* own = nullptr;
    int from = 0;  // the first rank that has it
    Measure measure;
    LabelWeights weights = LabelWeights::kEmpirical;
    std::vector<Set> sets;
    std::int64_t tokens = 0;
    std::int64_t rejected = 0;
    std::uint64_t rows = 0;
    std::int64_t bytes = 0;  // of the largest rank
    struct Sequences {
      std::int64_t numbers = 0;    // that were given away
      std::int64_t with_rows = 0;  // of one rank: for a rank that has parts of them, as many as that
    };
    std::map<std::int64_t, Sequences> sequences;  // of each group
    std::vector<std::int64_t> group_of;           // by rank

    std::optional<Reservoir> sample;
    std::vector<std::uint32_t> shared_index;  // of the rows of the own sample
    std::vector<double> sum;
    std::vector<std::unique_ptr<LabelRows>> shards;
    std::unique_ptr<Estimation> estimation;

    void release() {
      estimation.reset();
      shards.clear();
      sample.reset();
    }
  };

  /// Every rank learns what layers there are and what they are like; an error of one comes to all.
  void introduce(const std::vector<NamedAccumulator>& mine, std::int64_t group);
  static std::string introduction(const std::vector<NamedAccumulator>& mine, std::int64_t group);
  void add_layer(int rank, std::int64_t group, state::Reader& in);
  void share_samples(std::span<Layer> batch);
  void share_labels(std::span<Layer> batch);
  void estimate(std::span<Layer> batch);

  Exchange& exchange_;
  std::vector<Layer> layers_;
};

std::string SharedEstimation::introduction(const std::vector<NamedAccumulator>& mine, std::int64_t group) {
  state::Writer out;
  out.put_text("");
  out.put(group);
  out.put(static_cast<std::uint32_t>(mine.size()));
  for (const auto& [name, accumulator] : mine) {
    INFOPLANE_CHECK(accumulator != nullptr, ArgumentError, "the accumulator of layer \"", name, "\" is a null pointer");
    accumulator->impl_->move_to_host();
    const SoftEntropyAccumulator::Impl& impl = *accumulator->impl_;
    out.put_text(name);
    impl.measure().put(out);
    out.put(static_cast<std::uint8_t>(impl.options.label_weights()));
    out.put(impl.tokens);
    out.put(impl.rejected);
    out.put(impl.reservoir.position());
    out.put(impl.reservoir.next_sequence());
    out.put(impl.reservoir.sequences());
    out.put(accumulator->memory_bytes());
    out.put(static_cast<std::uint32_t>(impl.sets.size()));
    for (const auto& set : impl.sets) {
      out.put_text(set->name());
      out.put(static_cast<std::uint8_t>(set->key_width()));
      out.put(static_cast<std::uint8_t>(set->level()));
    }
  }
  return out.take();
}

void SharedEstimation::introduce(const std::vector<NamedAccumulator>& mine, std::int64_t group) {
  std::string own;
  try {
    own = introduction(mine, group);
  } catch (const std::exception& error) {
    state::Writer out;
    out.put_text(error.what());
    own = out.take();
  }
  const std::vector<std::string> all = exchange_.gather(std::move(own));
  std::vector<state::Reader> readers(all.begin(), all.end());
  std::vector<std::string> errors;
  for (std::size_t rank = 0; rank < readers.size(); ++rank) {
    const std::string error = readers[rank].get_text();
    if (!error.empty()) {
      errors.push_back(detail::concat("rank ", rank, ": ", error));
    }
  }
  INFOPLANE_CHECK(errors.empty(), StateError, "the sums of ranks cannot be added: ", detail::join(errors, "; "));
  for (int rank = 0; rank < exchange_.size(); ++rank) {
    state::Reader& in = readers[static_cast<std::size_t>(rank)];
    const auto its_group = in.get<std::int64_t>();
    for (auto layers = in.get<std::uint32_t>(); layers > 0; --layers) {
      add_layer(rank, its_group, in);
    }
    in.end();
  }
  for (const auto& [name, accumulator] : mine) {
    std::find_if(layers_.begin(), layers_.end(), [&](const Layer& layer) { return layer.name == name; })->own =
        accumulator->impl_.get();
  }
}

void SharedEstimation::add_layer(int rank, std::int64_t group, state::Reader& in) {
  const std::string name = in.get_text();
  const Measure measure = Measure::get(in);
  const auto weights = static_cast<LabelWeights>(in.get<std::uint8_t>());
  auto layer = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& known) { return known.name == name; });
  const bool known = layer != layers_.end();
  if (!known) {
    layer = layers_.emplace(layers_.end());
    layer->name = name;
    layer->from = rank;
    layer->measure = measure;
    layer->weights = weights;
    layer->sum.assign(static_cast<std::size_t>(measure.m), 0.0);
  }
  layer->group_of.resize(static_cast<std::size_t>(exchange_.size()), kNowhere);
  layer->group_of[static_cast<std::size_t>(rank)] = group;
  Differences differences;
  compare(differences, layer->measure, measure);
  differences.compare("label weights", static_cast<int>(layer->weights), static_cast<int>(weights));
  layer->tokens += in.get<std::int64_t>();
  layer->rejected += in.get<std::int64_t>();
  layer->rows += in.get<std::uint64_t>();
  Layer::Sequences& sequences = layer->sequences[group];
  sequences.numbers = std::max(sequences.numbers, in.get<std::int64_t>());
  sequences.with_rows = std::max(sequences.with_rows, in.get<std::int64_t>());
  layer->bytes = std::max(layer->bytes, in.get<std::int64_t>());
  for (auto sets = in.get<std::uint32_t>(); sets > 0; --sets) {
    Set set{in.get_text(), in.get<std::uint8_t>(), in.get<std::uint8_t>()};
    const auto same =
        std::find_if(layer->sets.begin(), layer->sets.end(), [&](const Set& each) { return each.name == set.name; });
    if (same == layer->sets.end()) {
      layer->sets.push_back(std::move(set));
      continue;
    }
    differences.compare(("key width of " + set.name).c_str(), same->key_width, set.key_width);
    same->level = std::max(same->level, set.level);
  }
  INFOPLANE_CHECK(differences.text().empty(), ArgumentError, "\"", name, "\" of ranks ", layer->from, " and ", rank,
                  " cannot be added, which differ in: ", differences.text());
}

// All ranks get the same sample of the rows of all; of each row they learn which sets it has a label of.
void SharedEstimation::share_samples(std::span<Layer> batch) {
  state::Writer out;
  std::vector<std::vector<Reservoir::Entry>> own(batch.size());
  for (std::size_t l = 0; l < batch.size(); ++l) {
    const Layer& layer = batch[l];
    if (layer.own != nullptr) {
      own[l] = layer.own->reservoir.candidates(layer.rows);
    }
    out.put(static_cast<std::uint32_t>(own[l].size()));
    for (const auto& [priority, index] : own[l]) {
      const Reservoir& reservoir = layer.own->reservoir;
      out.put(priority);
      out.put(reservoir.sequence(index));
      std::vector<std::uint8_t> labelled((layer.sets.size() + 7) / 8, 0);
      for (std::size_t s = 0; s < layer.sets.size(); ++s) {
        const LabelRows* const set = layer.own->find(layer.sets[s].name);
        if (set != nullptr && set->samples(index)) {
          labelled[s / 8] = static_cast<std::uint8_t>(labelled[s / 8] | 1U << s % 8);
        }
      }
      out.put_values(labelled.data(), labelled.size());
      out.put_values(reservoir.row(index), static_cast<std::size_t>(layer.measure.m));
    }
  }
  const std::vector<std::string> all = exchange_.gather(out.take());
  std::vector<state::Reader> readers(all.begin(), all.end());
  for (std::size_t l = 0; l < batch.size(); ++l) {
    Layer& layer = batch[l];
    struct Candidate {
      Reservoir::Row row;
      std::size_t rank;
      std::size_t number;  // of those of the rank
      std::vector<std::uint8_t> labelled;
      std::unique_ptr<float[]> values;
    };
    std::map<std::int64_t, std::int64_t> offsets;
    Layer::Sequences all_groups;
    for (const std::int64_t group : layer.group_of) {  // in order of ranks
      if (layer.sequences.contains(group) && offsets.emplace(group, all_groups.numbers).second) {
        all_groups.numbers += layer.sequences.at(group).numbers;
        all_groups.with_rows += layer.sequences.at(group).with_rows;
      }
    }
    const auto m = static_cast<std::size_t>(layer.measure.m);
    std::vector<Candidate> candidates;
    for (std::size_t rank = 0; rank < readers.size(); ++rank) {
      const auto count = readers[rank].get<std::uint32_t>();
      for (std::uint32_t i = 0; i < count; ++i) {
        Candidate& candidate = candidates.emplace_back();
        candidate.rank = rank;
        candidate.number = i;
        candidate.row.priority = readers[rank].get<std::uint64_t>();
        candidate.row.sequence = readers[rank].get<std::int64_t>() + offsets.at(layer.group_of[rank]);
        candidate.labelled.resize((layer.sets.size() + 7) / 8);
        readers[rank].get_values(candidate.labelled.data(), candidate.labelled.size());
        candidate.values = std::make_unique_for_overwrite<float[]>(m);
        readers[rank].get_values(candidate.values.get(), m);
        candidate.row.values = candidate.values.get();
      }
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(a.row.priority, a.rank, a.number) < std::tie(b.row.priority, b.rank, b.number);
    });
    candidates.resize(std::min<std::size_t>(candidates.size(), Reservoir::kCapacity));
    std::vector<Reservoir::Row> rows;
    std::vector<std::vector<bool>> labelled(layer.sets.size());
    layer.shared_index.assign(layer.own != nullptr ? layer.own->reservoir.size() : 0, Reservoir::kNone);
    for (std::uint32_t index = 0; index < candidates.size(); ++index) {
      const Candidate& candidate = candidates[index];
      rows.push_back(candidate.row);
      for (std::size_t s = 0; s < layer.sets.size(); ++s) {
        labelled[s].push_back((candidate.labelled[s / 8] >> s % 8 & 1U) != 0);
      }
      if (candidate.rank == static_cast<std::size_t>(exchange_.rank())) {
        layer.shared_index[own[l][candidate.number].index] = index;
      }
    }
    layer.sample.emplace(Reservoir::of(layer.measure.m, rows, layer.rows, all_groups.with_rows));
    const auto options = SoftEntropyOptions().anchors(layer.measure.m).max_labels(layer.measure.max_labels);
    for (std::size_t s = 0; s < layer.sets.size(); ++s) {
      const Set& set = layer.sets[s];
      layer.shards.push_back(std::make_unique<LabelRows>(set.name, set.key_width, layer.measure.m, options));
      layer.shards.back()->begin_shard(set.level, labelled[s]);
    }
  }
}

void SharedEstimation::share_labels(std::span<Layer> batch) {
  std::vector<state::Writer> parcels(static_cast<std::size_t>(exchange_.size()));
  const auto each_set = [&batch](const auto& function) {
    for (Layer& layer : batch) {
      for (std::size_t s = 0; s < layer.sets.size(); ++s) {
        function(layer, layer.own != nullptr ? layer.own->find(layer.sets[s].name) : nullptr, *layer.shards[s]);
      }
    }
  };
  each_set([&parcels](const Layer& layer, const LabelRows* own, LabelRows& shard) {
    for (state::Writer& parcel : parcels) {
      parcel.put(static_cast<std::uint8_t>(own != nullptr ? 1 : 0));
    }
    if (own != nullptr) {
      own->put_parcels(parcels, layer.shared_index, shard);
    }
  });
  std::vector<std::string> sent;
  for (state::Writer& parcel : parcels) {
    sent.push_back(parcel.take());
  }
  const std::vector<std::string> received = exchange_.exchange(std::move(sent));
  std::vector<state::Reader> readers(received.begin(), received.end());
  each_set([&readers](const Layer&, const LabelRows*, LabelRows& shard) {
    for (state::Reader& reader : readers) {
      if (reader.get_flag()) {
        shard.take_parcel(reader);
      }
    }
  });
  for (const state::Reader& reader : readers) {
    reader.end();
  }
}

void SharedEstimation::estimate(std::span<Layer> batch) {
  Reduction reduction(exchange_.rank() == 0);
  const auto sum = [this](std::span<double> values) { exchange_.sum(values); };
  for (Layer& layer : batch) {
    reduction.put(layer.own != nullptr ? layer.own->sum : layer.sum);
    for (const auto& shard : layer.shards) {
      if (layer.measure.max_labels > 0) {
        reduction.put(shard->labels_by_level());
      }
    }
  }
  reduction.next(sum);
  for (Layer& layer : batch) {
    reduction.take(layer.sum);
    for (const auto& shard : layer.shards) {
      if (layer.measure.max_labels > 0) {
        std::vector<double> labels_by_level = shard->labels_by_level();
        reduction.take(labels_by_level);
        shard->drop_to_limit(labels_by_level);
      }
    }
  }
  parallel_for_each(batch.size(), [&batch](std::size_t i) {
    Layer& layer = batch[i];
    layer.estimation = std::make_unique<Estimation>(
        Summed{layer.weights, *layer.sample, layer.sum, layer.tokens, layer.rejected, layer.shards});
  });
  for (int stage = 0; stage < LabelEstimation::kStages; ++stage) {
    for (Layer& layer : batch) {
      for (LabelEstimation& set : layer.estimation->sets()) {
        set.stage(stage, reduction);
      }
    }
    if (stage + 1 < LabelEstimation::kStages) {
      reduction.next(sum);
    }
  }
}

std::vector<NamedEstimate> shared_estimates(const std::vector<NamedAccumulator>& mine, Exchange& exchange,
                                            std::int64_t sequence_group) {
  return SharedEstimation(mine, exchange, sequence_group).run();
}

}  // namespace infoplane::estimator
