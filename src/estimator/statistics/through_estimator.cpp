#include "estimator/statistics/through_estimator.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <iterator>
#include <utility>

#include "estimator/statistics/entropy_kernels.hpp"
#include "estimator/statistics/label_statistics.hpp"

namespace infoplane::estimator {
namespace {

// What the correction for noise of P_x is expected to be wrong by, as a part of it.
constexpr double kChannelError = 0.1;

// Rows that are means are less unlike one another than soft assignments: fewer orders of them tell the chance level.
constexpr std::size_t kPermutations = 4;

}  // namespace

ThroughEstimator::ThroughEstimator(InputJoint joint, const LabelSet& inputs, const LabelSet& outputs,
                                   LabelWeights weights, const Reservoir& sample, std::span<const std::uint32_t> order)
    : joint_(std::move(joint)),
      inputs_(inputs),
      outputs_(outputs),
      weights_(weights),
      sample_(sample),
      slot_of_input_sum_(inputs.replicates().slot_of_sum(inputs.counts().size())) {
  std::copy_if(order.begin(), order.end(), std::back_inserter(rows_),
               [&](std::uint32_t index) { return inputs.has_label(index) && outputs.has_label(index); });
  joint_.counts.sort();
}

void ThroughEstimator::put_channel(Reduction& reduction) {
  std::vector<bool> wanted(inputs_.slots().size(), false);
  std::vector<std::int64_t> tokens(wanted.size(), 0);
  for (const JointCounts::Entry& entry : joint_.counts.entries) {
    wanted[entry.x] = true;
    tokens[entry.x] += entry.tokens;
  }
  for (const std::uint32_t row : rows_) {
    if (inputs_.sampled()[row] < kDropped) {
      wanted[slot_of_input_sum_[inputs_.sampled()[row]]] = true;
    }
  }
  channel_.emplace(inputs_, wanted);
  double counted = 0, entropy = 0, divergence = 0;
  for (std::uint32_t slot = 0; slot < wanted.size(); ++slot) {
    const auto n = static_cast<double>(tokens[slot]);
    if (tokens[slot] > 0) {
      counted += n;
      entropy += n * channel_->entropy(slot);
      divergence += n * channel_->divergence(slot);
    }
  }
  reduction.put(std::array{static_cast<double>(joint_.positions), joint_.positions < 0 ? 1.0 : 0.0,
                           joint_.complete ? 0.0 : 1.0, counted, entropy, divergence});
}

void ThroughEstimator::take_channel(Reduction& reduction) {
  result_.input = joint_.input;
  result_.output = joint_.output;
  const double positions = reduction.take();
  result_.positions = reduction.take() > 0 ? -1 : static_cast<std::int64_t>(positions);
  const bool complete = reduction.take() == 0;
  tokens_ = static_cast<std::int64_t>(reduction.take());
  const double entropy = reduction.take();
  input_divergence_ = reduction.take();
  result_.conditional_entropy_of_inputs_nats = entropy / static_cast<double>(tokens_);
  if (!complete) {
    result_.reason =
        "the pairs of labels are not all known, because labels were dropped (raise max_labels) or a saved "
        "state was without them";
  } else if (result_.positions == 0) {
    result_.reason = "no position has a label of both sets";
  } else if (weights_ == LabelWeights::kUniform) {
    result_.reason = "p(x, y) is that of the tokens, and labels weigh the same";
  } else if (rows_.empty()) {
    result_.reason = "no row of the sample has a label of both sets";
  }
  if (goes_on()) {
    mean_values_.assign(rows_.size() * channel_->anchors(), 0.0F);
  }
}

void ThroughEstimator::each_mean(const std::function<void(std::uint32_t row, std::span<const float> mean)>& use) const {
  for (std::uint32_t i = 0; i < rows_.size(); ++i) {
    const std::uint32_t sum = inputs_.sampled()[rows_[i]];
    if (sum < kDropped) {
      use(i, {channel_->mean(slot_of_input_sum_[sum]), channel_->anchors()});
    }
  }
}

void ThroughEstimator::set_mean(std::uint32_t row, std::span<const float> mean) {
  std::copy(mean.begin(), mean.end(), mean_values_.begin() + static_cast<std::ptrdiff_t>(row * mean.size()));
}

std::vector<std::uint32_t> ThroughEstimator::sampled_outputs() const {
  const std::vector<std::uint32_t> slot_of_sum = outputs_.replicates().slot_of_sum(outputs_.counts().size());
  std::vector<bool> seen(outputs_.slots().size(), false);
  std::vector<std::uint32_t> slots;
  for (const std::uint32_t row : rows_) {
    const std::uint32_t sum = outputs_.sampled()[row];
    if (sum < kDropped && !seen[slot_of_sum[sum]]) {
      seen[slot_of_sum[sum]] = true;
      slots.push_back(slot_of_sum[sum]);
    }
  }
  return slots;
}

void ThroughEstimator::begin_mixtures() {
  const std::size_t m = channel_->anchors();
  std::vector<Reservoir::Row> means;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    means.push_back({i, sample_.sequence(rows_[i]), mean_values_.data() + i * m});
  }
  const auto drawn = sample_.drawn();
  means_ = Reservoir::of(static_cast<std::int64_t>(m), sample_.stream(), means,
                         {static_cast<std::uint64_t>(tokens_), drawn.next_sequence, drawn.sequences, drawn.documents});
  mean_values_ = std::vector<float>();
  order_ = means_->order();
  mixtures_.emplace(outputs_);
}

std::vector<std::uint32_t> ThroughEstimator::asked() const {
  std::vector<bool> has_row(inputs_.slots().size(), false);
  for (const std::uint32_t row : rows_) {
    if (inputs_.sampled()[row] < kDropped) {
      has_row[slot_of_input_sum_[inputs_.sampled()[row]]] = true;
    }
  }
  std::vector<std::uint32_t> result;
  for (const JointCounts::Entry& entry : joint_.counts.entries) {
    if (has_row[entry.x] && (result.empty() || result.back() != entry.y)) {
      result.push_back(entry.y);
    }
  }
  return result;
}

void ThroughEstimator::put_mixtures(Reduction& reduction) {
  mixtures_->finish(rows_);
  reduction.put(mixtures_->divergence());
  reduction.put(sum_of_all(mixtures_->set()));
}

void ThroughEstimator::take_mixtures(Reduction& reduction) {
  // As the sample has it: rows stand for all positions.
  divergence_ = reduction.take() / static_cast<double>(rows_.size()) * static_cast<double>(tokens_);
  all_mixtures_.resize(channel_->anchors());
  reduction.take(all_mixtures_);
  background_.emplace(*means_, order_, all_mixtures_, tokens_, kPermutations);
  estimator_.emplace(mixtures_->set(), weights_, *means_, order_, *background_, std::span<const double>());
}

void ThroughEstimator::stage(int number, Reduction& reduction) { estimator_->stage(number, reduction); }

void ThroughEstimator::logarithms(std::uint32_t output, std::span<double> out) const {
  const auto m = static_cast<std::int64_t>(out.size());
  const std::uint32_t slot = mixtures_->slot_of(output);
  std::vector<double> of_all(out.size()), sum(out.size(), 0.0);
  for (const std::uint32_t number : mixtures_->set().replicates().sums(slot)) {
    if (number != kNoSum) {
      mixtures_->set().add_to(number, sum.data());
    }
  }
  kernels::logarithms(sum.data(), m, 1 / static_cast<double>(mixtures_->set().tokens_of(slot)), out.data());
  kernels::logarithms(all_mixtures_.data(), m, 1 / static_cast<double>(tokens_), of_all.data());
  std::transform(out.begin(), out.end(), of_all.begin(), out.begin(), std::minus<>());
}

void ThroughEstimator::put_influences(const std::function<void(std::uint32_t y, std::span<double> out)>& logarithms_of,
                                      Reduction& reduction) {
  const std::size_t m = channel_->anchors();
  std::vector<std::uint32_t> number(inputs_.slots().size(), kNoSum);  // of the gradient of a label with a row here
  std::uint32_t next = 0;
  for (const std::uint32_t row : rows_) {
    const std::uint32_t sum = inputs_.sampled()[row];
    if (sum < kDropped && number[slot_of_input_sum_[sum]] == kNoSum) {
      number[slot_of_input_sum_[sum]] = next++;
    }
  }
  std::vector<double> gradients(next * m, 0.0), tokens(next, 0.0), logs(m);
  const auto& entries = joint_.counts.entries;
  for (std::size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
    bool known = false;
    for (; end < entries.size() && entries[end].y == entries[begin].y; ++end) {
      if (number[entries[end].x] == kNoSum) {
        continue;
      }
      if (!std::exchange(known, true)) {
        logarithms_of(entries[begin].y, logs);
      }
      const auto n = static_cast<double>(entries[end].tokens);
      tokens[number[entries[end].x]] += n;
      double* const gradient = gradients.data() + number[entries[end].x] * m;
      for (std::size_t b = 0; b < m; ++b) {
        gradient[b] += n * logs[b];
      }
    }
  }
  channel_influence_.assign(sample_.size(), 0.0);
  for (const std::uint32_t row : rows_) {
    const std::uint32_t sum = inputs_.sampled()[row];
    if (sum < kDropped) {
      const std::uint32_t slot = slot_of_input_sum_[sum];
      const double* const gradient = gradients.data() + number[slot] * m;
      const float* const p = sample_.row(row);
      const float* const mean = channel_->mean(slot);
      double moved = 0;
      for (std::size_t b = 0; b < m; ++b) {
        moved += (static_cast<double>(p[b]) - static_cast<double>(mean[b])) * gradient[b];
      }
      channel_influence_[row] =
          tokens[number[slot]] > 0 ? moved / tokens[number[slot]] / static_cast<double>(tokens_) : 0.0;
    }
  }
  reduction.put(channel_influence_);
}

void ThroughEstimator::take_influences(Reduction& reduction) { reduction.take(channel_influence_); }

void ThroughEstimator::finish(const InformationEstimate& input, const InformationEstimate& output) {
  if (goes_on()) {
    LabelSetEstimator::Result& of_mixtures = estimator_->result();
    const InformationEstimate& estimate = of_mixtures.estimate;
    result_.complexity_nats = estimate.entropy_nats - result_.conditional_entropy_of_inputs_nats;
    result_.information_nats = estimate.information_nats;
    result_.chance_nats = estimate.chance_nats;
    if (!estimate.reason.empty()) {
      result_.reason = estimate.reason;
    } else if (!input.reason.empty()) {
      result_.reason = "no corrected complexity: " + input.reason;
    } else {
      // All of the noise of H(Z|x), of which H(Y|B̄)'s is a part.
      const double noise = input.corrected_entropy_nats - input.corrected_nats - input.conditional_entropy_nats;
      const double part = input_divergence_ > 0 ? divergence_ / input_divergence_ : 0.0;
      const double removed = part * noise;
      result_.corrected_nats = estimate.corrected_nats - estimate.corrected_entropy_nats + estimate.entropy_nats +
                               output.corrected_entropy_nats - output.entropy_nats - removed;
      all_.other = of_mixtures.of_model + kChannelError * kChannelError * removed * removed;
      all_.second_order = of_mixtures.second_order;
      all_.influence.assign(sample_.size(), 0.0);
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        all_.influence[rows_[i]] = of_mixtures.information_influence[i] + channel_influence_[rows_[i]];
      }
    }
  }
  all_.estimate = std::move(result_);
}

}  // namespace infoplane::estimator
