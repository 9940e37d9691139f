#pragma once

#include <cstdint>
#include <functional>
#include <infoplane/estimator/estimate.hpp>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "estimator/label_sums/pair_counts.hpp"
#include "estimator/statistics/background.hpp"
#include "estimator/statistics/channel.hpp"
#include "estimator/statistics/label_set_estimator.hpp"
#include "estimator/statistics/mixtures.hpp"
#include "estimator/statistics/reduction.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// What is known of the joint of two label sets, at the owner of the inputs.
struct InputJoint {
  std::string input, output;
  JointCounts counts;          ///< y: a number of the owner's choice
  std::int64_t positions = 0;  ///< of this rank, with a label of both; −1: not known
  bool complete = true;        ///< whether all of them are in the counts of some owner
};

/// I(Y;B̄), in steps, like LabelSetEstimator: each takes the totals of the one before and puts its own. Between them an
/// owner of inputs and an owner of outputs, who can be the same, tell each other of mixtures and of their logarithms.
///
/// Its bias has two parts. That p(x|y) is counted from few tokens is a matter of labels like any other, with P_x(i) in
/// the place of p_i, and is extrapolated like one. That P_x is noisy shows in the Jensen-Shannon divergence D of halves
/// of it: what noise takes from Σ w_x H(P_x), which the input set's extrapolation says, is taken from Σ w_y H(Q_y) in
/// the proportion of the D of both.
class ThroughEstimator {
 public:
  static constexpr int kStages = LabelSetEstimator::kStages;

  /// All but the joint is borrowed. `order`: of the rows of the sample.
  ThroughEstimator(InputJoint joint, const LabelSet& inputs, const LabelSet& outputs, LabelWeights weights,
                   const Reservoir& sample, std::span<const std::uint32_t> order);
  ThroughEstimator(const ThroughEstimator&) = delete;
  ThroughEstimator& operator=(const ThroughEstimator&) = delete;

  const InputJoint& joint() const noexcept { return joint_; }

  /// Of the inputs' owner: makes the channel, and puts what all must know of it.
  void put_channel(Reduction& reduction);
  void take_channel(Reduction& reduction);
  /// P_x(i) of the rows of the sample whose input is here: `use(row, P_x)`, the row by its number among those with
  /// labels of both sets.
  void each_mean(const std::function<void(std::uint32_t row, std::span<const float> mean)>& use) const;
  void set_mean(std::uint32_t row, std::span<const float> mean);
  /// Slots of outputs that a row of the sample has, where they are here.
  std::vector<std::uint32_t> sampled_outputs() const;
  /// After all means were set.
  void begin_mixtures();
  /// Whether there is anything to estimate, the same on all ranks.
  bool goes_on() const noexcept { return result_.reason.empty(); }
  /// What the outputs' owners must be told; halves of those that `wants_halves`.
  void mix(const std::function<bool(std::uint32_t y)>& wants_halves,
           const std::function<void(std::uint32_t y, const Mixture& mixture)>& use) const {
    estimator::mix(joint_.counts, *channel_, wants_halves, use);
  }
  /// Labels of the joint whose logarithms put_influences() asks for, in order.
  std::vector<std::uint32_t> asked() const;
  /// Of the outputs' owner: what he is told, then what he puts.
  Mixtures& mixtures() noexcept { return *mixtures_; }
  void put_mixtures(Reduction& reduction);
  void take_mixtures(Reduction& reduction);
  void stage(int number, Reduction& reduction);

  /// log(Q_y / P̄), m values, of a label by its slot in the set of outputs.
  void logarithms(std::uint32_t output, std::span<double> out) const;
  /// Of the inputs' owner: how rows move P_x and so I(Y;B̄). `logarithms_of(y, out)`: of the labels of the joint.
  void put_influences(const std::function<void(std::uint32_t y, std::span<double> out)>& logarithms_of,
                      Reduction& reduction);
  void take_influences(Reduction& reduction);

  /// After the last step. `input`, `output`: of the two sets.
  void finish(const InformationEstimate& input, const InformationEstimate& output);
  struct Result {
    ThroughEstimate estimate;
    std::vector<double> influence;  // by row of the sample; empty where it is not known
    double second_order = 0, other = 0;
  };
  Result& result() noexcept { return all_; }

 private:
  InputJoint joint_;
  const LabelSet& inputs_;
  const LabelSet& outputs_;
  LabelWeights weights_;
  const Reservoir& sample_;
  std::vector<std::uint32_t> rows_;  // of the sample, with a label of both sets, in random order
  std::vector<std::uint32_t> slot_of_input_sum_;
  std::optional<Channel> channel_;
  std::optional<Mixtures> mixtures_;
  std::vector<float> mean_values_;  // P_x(i) of the rows
  std::optional<Reservoir> means_;
  std::vector<std::uint32_t> order_;
  std::vector<double> all_mixtures_;  // Σ over tokens
  std::optional<Background> background_;
  std::optional<LabelSetEstimator> estimator_;
  std::int64_t tokens_ = 0;
  double input_divergence_ = 0, divergence_ = 0;  // Σ over tokens
  std::vector<double> channel_influence_;         // by row of the sample
  ThroughEstimate result_;
  Result all_;
};

}  // namespace infoplane::estimator
