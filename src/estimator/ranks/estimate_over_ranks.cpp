#include <algorithm>
#include <infoplane/estimator/estimate_over_ranks.hpp>
#include <utility>

#include "core/state.hpp"
#include "estimator/ranks/estimation_over_ranks.hpp"
#include "estimator/ranks/label_shard.hpp"
#include "estimator/ranks/shared_joints.hpp"
#include "estimator/statistics/reduction.hpp"

namespace infoplane::estimator {

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
    (layer.own != nullptr ? layer.own->row_totals : *layer.rows).put(reduction);
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
    layer.rows->take(reduction);
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
    layer.estimation =
        std::make_unique<EstimateBuilder>(Summed{layer.weights, *layer.sample, layer.sum, layer.tokens, layer.rejected,
                                                 layer.row_entropies, layer.shards, layer.rows->means(layer.tokens)});
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
