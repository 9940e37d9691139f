#include <algorithm>
#include <cstddef>
#include <deque>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/estimate_over_ranks.hpp>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "core/state.hpp"
#include "estimator/accumulator_impl.hpp"
#include "estimator/parallel_for_each.hpp"
#include "estimator/ranks/common_sample.hpp"
#include "estimator/ranks/joint_exchange.hpp"
#include "estimator/ranks/label_shard.hpp"
#include "estimator/ranks/shared_joints.hpp"
#include "estimator/statistics/reduction.hpp"

namespace infoplane::estimator {

/// `estimate_over_ranks` in its steps.
class EstimationOverRanks {
 public:
  EstimationOverRanks(const std::vector<NamedAccumulator>& mine, distributed::ByteCollectives& ranks,
                      std::int64_t sequence_group)
      : ranks_(ranks) {
    introduce(mine, sequence_group < 0 ? -1 - ranks.rank() : sequence_group);
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
      estimate_through(batch);
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
    std::vector<std::pair<std::string, std::string>> pairs;  // names of two of the sets
    std::int64_t tokens = 0;
    std::int64_t rejected = 0;
    Reservoir::Drawn drawn;
    std::int64_t bytes = 0;  // of the largest rank
    struct Sequences {
      std::int64_t numbers = 0;    // that were given away
      std::int64_t with_rows = 0;  // of one rank: for a rank that has parts of them, as many as that
    };
    std::map<std::int64_t, Sequences> sequences;  // of each group
    std::vector<std::int64_t> group_of;           // by rank

    std::optional<Reservoir> sample;
    std::vector<std::uint32_t> common_index;  // of the rows of the own sample
    std::vector<double> sum;
    double row_entropies = 0;
    std::vector<std::unique_ptr<LabelSet>> shards;
    std::deque<JointExchange> joints;  // of the pairs
    std::unique_ptr<EstimateBuilder> estimation;

    /// This rank's, by set; null where it has none.
    std::vector<const LabelSet*> own_sets() const {
      std::vector<const LabelSet*> result;
      for (const Set& set : sets) {
        result.push_back(own != nullptr ? own->find(set.name) : nullptr);
      }
      return result;
    }
    /// The first sequence of each group, in order of ranks.
    std::map<std::int64_t, std::int64_t> number_sequences();
    void begin_shards(CommonSample common, std::size_t rank);
    void release() {
      estimation.reset();
      joints.clear();
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
  void estimate_through(std::span<Layer> batch);

  distributed::ByteCollectives& ranks_;
  std::vector<Layer> layers_;
};

std::string EstimationOverRanks::introduction(const std::vector<NamedAccumulator>& mine, std::int64_t group) {
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
      out.put(static_cast<std::uint8_t>(set->slots().key_width()));
      out.put(static_cast<std::uint8_t>(set->slots().level()));
    }
    out.put(static_cast<std::uint32_t>(impl.pairs.size()));
    for (const auto& pair : impl.pairs) {
      out.put_text(pair->input());
      out.put_text(pair->output());
    }
  }
  return out.take();
}

void EstimationOverRanks::introduce(const std::vector<NamedAccumulator>& mine, std::int64_t group) {
  std::string own;
  try {
    own = introduction(mine, group);
  } catch (const std::exception& error) {
    state::Writer out;
    out.put_text(error.what());
    own = out.take();
  }
  const std::vector<std::string> all = ranks_.all_gather(std::move(own));
  std::vector<state::Reader> readers(all.begin(), all.end());
  std::vector<std::string> errors;
  for (std::size_t rank = 0; rank < readers.size(); ++rank) {
    const std::string error = readers[rank].get_text();
    if (!error.empty()) {
      errors.push_back(detail::concat("rank ", rank, ": ", error));
    }
  }
  INFOPLANE_CHECK(errors.empty(), StateError, "the sums of ranks cannot be added: ", detail::join(errors, "; "));
  for (int rank = 0; rank < ranks_.size(); ++rank) {
    state::Reader& in = readers[static_cast<std::size_t>(rank)];
    const auto its_group = in.get<std::int64_t>();
    for (auto layers = in.get<std::uint32_t>(); layers > 0; --layers) {
      add_layer(rank, its_group, in);
    }
    in.end();
  }
  for (const auto& named : mine) {
    std::find_if(layers_.begin(), layers_.end(), [&](const Layer& layer) { return layer.name == named.name; })->own =
        named.accumulator->impl_.get();
  }
}

void EstimationOverRanks::add_layer(int rank, std::int64_t group, state::Reader& in) {
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
  layer->group_of.resize(static_cast<std::size_t>(ranks_.size()), kNowhere);
  layer->group_of[static_cast<std::size_t>(rank)] = group;
  Differences differences;
  compare(differences, layer->measure, measure);
  differences.compare("label weights", static_cast<int>(layer->weights), static_cast<int>(weights));
  layer->tokens += in.get<std::int64_t>();
  layer->rejected += in.get<std::int64_t>();
  layer->drawn.position += in.get<std::uint64_t>();
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
    differences.compare("key width of " + set.name, same->key_width, set.key_width);
    same->level = std::max(same->level, set.level);
  }
  for (auto pairs = in.get<std::uint32_t>(); pairs > 0; --pairs) {
    std::pair<std::string, std::string> pair{in.get_text(), in.get_text()};
    if (std::find(layer->pairs.begin(), layer->pairs.end(), pair) == layer->pairs.end()) {
      layer->pairs.push_back(std::move(pair));
    }
  }
  INFOPLANE_CHECK(differences.text().empty(), ArgumentError, "\"", name, "\" of ranks ", layer->from, " and ", rank,
                  " cannot be added, which differ in: ", differences.text());
}

std::map<std::int64_t, std::int64_t> EstimationOverRanks::Layer::number_sequences() {
  std::map<std::int64_t, std::int64_t> first;
  std::int64_t numbers = 0;
  for (const std::int64_t group : group_of) {
    if (sequences.contains(group) && first.emplace(group, numbers).second) {
      numbers += sequences.at(group).numbers;
      drawn.sequences += sequences.at(group).with_rows;
    }
  }
  drawn.next_sequence = drawn.sequences;
  return first;
}

void EstimationOverRanks::Layer::begin_shards(CommonSample common, std::size_t rank) {
  common_index = common.index_of(rank, own != nullptr ? own->reservoir.size() : 0);
  const auto options = SoftEntropyOptions().anchors(measure.m).max_labels(measure.max_labels).label_weights(weights);
  for (std::size_t s = 0; s < sets.size(); ++s) {
    shards.push_back(std::make_unique<LabelSet>(sets[s].name, sets[s].key_width, measure.m, options));
    begin_shard(*shards.back(), sets[s].level, common.labelled(s));
  }
  const auto shard_of = [this](const std::string& set) -> const LabelSet& {
    return **std::find_if(shards.begin(), shards.end(), [&](const auto& shard) { return shard->name() == set; });
  };
  for (const auto& [input, output] : pairs) {
    const PairCounts* const counts = own != nullptr ? own->find_pairs(input) : nullptr;
    joints.emplace_back(input, output, shard_of(input), shard_of(output), counts,
                        counts != nullptr ? own->find(input) : nullptr,
                        counts != nullptr ? own->find(output) : nullptr);
  }
  sample.emplace(std::move(common.sample));
}

// All ranks get the same sample of the rows of all; of each row they learn which sets it has a label of.
void EstimationOverRanks::share_samples(std::span<Layer> batch) {
  const auto rank = static_cast<std::size_t>(ranks_.rank());
  state::Writer out;
  std::vector<std::vector<Candidate>> own(batch.size());
  for (std::size_t l = 0; l < batch.size(); ++l) {
    const Layer& layer = batch[l];
    if (layer.own != nullptr) {
      own[l] = candidates_of(layer.own->reservoir, layer.drawn.position, layer.own_sets(), rank);
    }
    put_candidates(own[l], layer.measure.m, out);
  }
  const std::vector<std::string> all = ranks_.all_gather(out.take());
  std::vector<state::Reader> readers(all.begin(), all.end());
  for (std::size_t l = 0; l < batch.size(); ++l) {
    Layer& layer = batch[l];
    const std::map<std::int64_t, std::int64_t> first_sequence = layer.number_sequences();
    std::vector<Candidate> candidates;
    for (std::size_t r = 0; r < readers.size(); ++r) {
      const auto offset = first_sequence.find(layer.group_of[r]);
      const std::size_t begin = candidates.size();
      take_candidates(candidates, r, offset == first_sequence.end() ? 0 : offset->second, layer.measure.m,
                      layer.sets.size(), readers[r]);
      for (std::size_t i = begin; r == rank && i < candidates.size(); ++i) {
        candidates[i].index = own[l][i - begin].index;
      }
    }
    layer.begin_shards(CommonSample(std::move(candidates), layer.measure.m, 0, layer.drawn), rank);
  }
}

void EstimationOverRanks::share_labels(std::span<Layer> batch) {
  std::vector<state::Writer> parcels(static_cast<std::size_t>(ranks_.size()));
  const auto each_set = [&batch](const auto& function) {
    for (Layer& layer : batch) {
      for (std::size_t s = 0; s < layer.sets.size(); ++s) {
        function(layer, layer.own != nullptr ? layer.own->find(layer.sets[s].name) : nullptr, *layer.shards[s]);
      }
    }
  };
  each_set([&parcels](const Layer& layer, const LabelSet* own, LabelSet& shard) {
    for (state::Writer& parcel : parcels) {
      parcel.put(static_cast<std::uint8_t>(own != nullptr ? 1 : 0));
    }
    if (own != nullptr) {
      put_parcels(*own, parcels, layer.common_index, shard);
    }
  });
  for (Layer& layer : batch) {
    for (const JointExchange& joint : layer.joints) {
      joint.put_pairs(parcels);
    }
  }
  const std::vector<std::string> received = exchange(parcels, ranks_);
  std::vector<state::Reader> readers(received.begin(), received.end());
  each_set([&readers](const Layer&, const LabelSet*, LabelSet& shard) {
    for (state::Reader& reader : readers) {
      if (reader.get_flag()) {
        take_parcel(shard, reader);
      }
    }
  });
  for (Layer& layer : batch) {
    for (JointExchange& joint : layer.joints) {
      for (state::Reader& reader : readers) {
        joint.take_pairs(reader);
      }
    }
  }
  for (const state::Reader& reader : readers) {
    reader.end();
  }
}

void EstimationOverRanks::estimate(std::span<Layer> batch) {
  Reduction reduction(ranks_.rank() == 0);
  const auto sum = [this](std::span<double> values) { ranks_.sum(values); };
  for (Layer& layer : batch) {
    reduction.put(layer.own != nullptr ? layer.own->sum : layer.sum);
    reduction.put(layer.own != nullptr ? layer.own->row_entropies : 0.0);
    for (const auto& shard : layer.shards) {
      if (layer.measure.max_labels > 0) {
        reduction.put(labels_by_level(*shard));
      }
    }
  }
  reduction.next(sum);
  for (Layer& layer : batch) {
    reduction.take(layer.sum);
    layer.row_entropies = reduction.take();
    for (const auto& shard : layer.shards) {
      if (layer.measure.max_labels > 0) {
        std::vector<double> labels = labels_by_level(*shard);
        reduction.take(labels);
        drop_to_limit(*shard, labels);
      }
    }
  }
  parallel_for_each(batch.size(), [&batch](std::size_t i) {
    Layer& layer = batch[i];
    layer.estimation = std::make_unique<EstimateBuilder>(Summed{layer.weights, *layer.sample, layer.sum, layer.tokens,
                                                                layer.rejected, layer.row_entropies, layer.shards});
  });
  for (int stage = 0; stage < LabelSetEstimator::kStages; ++stage) {
    for (Layer& layer : batch) {
      for (LabelSetEstimator& set : layer.estimation->sets()) {
        set.stage(stage, reduction);
      }
    }
    if (stage + 1 < LabelSetEstimator::kStages) {
      reduction.next(sum);
    }
  }
}

void EstimationOverRanks::estimate_through(std::span<Layer> batch) {
  std::vector<SharedJoint> pairs;
  for (Layer& layer : batch) {
    std::vector<InputJoint> joints;
    for (JointExchange& joint : layer.joints) {
      joints.push_back(joint.joint());
    }
    layer.estimation->add_joints(std::move(joints));
    for (std::size_t pair = 0; pair < layer.estimation->through().size(); ++pair) {
      pairs.push_back({&layer.estimation->through()[pair], &layer.joints[pair]});
    }
  }
  estimate_joints(std::move(pairs), ranks_);
}

std::vector<NamedEstimate> estimate_over_ranks(const std::vector<NamedAccumulator>& mine,
                                               distributed::ByteCollectives& ranks, std::int64_t sequence_group) {
  return EstimationOverRanks(mine, ranks, sequence_group).run();
}

}  // namespace infoplane::estimator
