#pragma once

#include <cstddef>
#include <deque>
#include <infoplane/estimator/estimate_over_ranks.hpp>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "estimator/accumulator_impl.hpp"
#include "estimator/parallel_for_each.hpp"
#include "estimator/ranks/common_sample.hpp"
#include "estimator/ranks/joint_exchange.hpp"

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
    std::optional<RowTotals> rows;
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
  std::vector<std::int64_t> documents_;  // of the layer of a rank that was introduced last
};

}  // namespace infoplane::estimator
