#pragma once

#include <cstdint>
#include <infoplane/labels/key_table.hpp>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/state.hpp"
#include "estimator/label_sums/pair_counts.hpp"
#include "estimator/statistics/through_estimator.hpp"

namespace infoplane::estimator {

/// Two label sets over ranks, of which this one owns inputs and outputs: pairs go to the owner of the input, which has
/// P_x; what it knows of Q_y goes to the owner of the output; logarithms of Q_y come back, for the errors.
class JointExchange {
 public:
  /// The shards of this rank, borrowed; `counts`: this rank's pairs, null where it has none, of `own_inputs` and
  /// `own_outputs`.
  JointExchange(std::string input, std::string output, const LabelSet& inputs, const LabelSet& outputs,
                const PairCounts* counts, const LabelSet* own_inputs, const LabelSet* own_outputs);

  /// Writes this rank's pairs to the parcels of their inputs' owners.
  void put_pairs(std::span<state::Writer> parcels) const;
  void take_pairs(state::Reader& in);
  /// What came, once the shards have dropped what they had to.
  InputJoint joint();

  /// Writes what all ranks must know: P_x(i) of the sample's rows whose input is here, and the outputs that rows have,
  /// where they are here.
  void put_sampled(const ThroughEstimator& pair, state::Writer& out) const;
  void take_sampled(ThroughEstimator& pair, state::Reader& in);

  /// Writes the mixtures to the parcels of their outputs' owners.
  void put_mixtures(const ThroughEstimator& pair, std::span<state::Writer> parcels);
  void take_mixtures(ThroughEstimator& pair, std::size_t source, state::Reader& in);

  /// Writes the logarithms of the mixtures that each rank asked for.
  void put_logarithms(const ThroughEstimator& pair, std::span<state::Writer> parcels) const;
  void take_logarithms(std::size_t source, state::Reader& in);
  void logarithms(std::uint32_t y, std::span<double> out) const;

 private:
  std::string input_, output_;
  const LabelSet& inputs_;
  const LabelSet& outputs_;
  const PairCounts* counts_;
  const LabelSet* own_inputs_;
  const LabelSet* own_outputs_;
  labels::KeyTable keys_;  // of the numbers y of this owner of inputs
  JointCounts joint_;
  bool complete_ = true;
  std::unordered_set<std::uint32_t> sampled_;          // numbers y of the sample's rows
  std::vector<std::vector<std::uint32_t>> asked_;      // by owner of outputs: numbers y, in order
  std::vector<std::vector<std::uint32_t>> asked_for_;  // by owner of inputs: slots
  std::vector<float> logarithms_;                      // [y, m]
};

}  // namespace infoplane::estimator
