#include <algorithm>
#include <array>
#include <utility>

#include "estimator/kernels/entropy.hpp"
#include "estimator/label_estimation.hpp"
#include "estimator/label_sums.hpp"

namespace infoplane::estimator {
/// −Σ_b p_b log q_b of rows p, where q is the distribution of a label, of a part of it or of two parts.
class LabelRows::Surprise {
 public:
  explicit Surprise(std::int64_t anchors) : label(anchors), anchors_(anchors) {
    logs_.fill(std::vector<double>(static_cast<std::size_t>(anchors)));
  }

  Label label;

  /// `parts`: whether more is asked of than the distribution of the label.
  void load(const LabelRows& rows, std::uint32_t slot, bool parts) {
    if (parts) {
      label.load(rows, slot);
    } else {
      label.load_all(rows, slot);
    }
    ready_.fill(false);
  }
  double operator()(const float* p, std::size_t group) {
    if (!ready_[group]) {
      kernels::logarithms(label.sums[group].data(), anchors_, 1 / static_cast<double>(label.tokens[group]),
                          logs_[group].data());
      ready_[group] = true;
    }
    return -kernels::dot(p, logs_[group].data(), anchors_);
  }
  /// Mean over the three parts that may stand beside `part`.
  double of_halves(const float* p, std::size_t part) {
    double sum = 0;
    for (std::size_t pair = 0; pair < kPairs.size(); ++pair) {
      if (kPairs[pair][0] == part || kPairs[pair][1] == part) {
        sum += (*this)(p, Label::kHalf + pair) / 3;
      }
    }
    return sum;
  }

 private:
  std::int64_t anchors_;
  std::array<std::vector<double>, Label::kAll + 1> logs_;
  std::array<bool, Label::kAll + 1> ready_{};
};

std::vector<std::uint32_t> LabelRows::slot_of_row() const {
  std::vector<std::uint32_t> result(rows(), kNone);
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    for (const std::uint32_t row : parts_[slot]) {
      if (row != kNone) {
        result[row] = slot;
      }
    }
  }
  return result;
}

void LabelEstimation::add_entropy_influences() {
  const auto anchors = static_cast<std::int64_t>(all_.size());
  const double share = 1 / static_cast<double>(result_.estimate.tokens);
  std::vector<double> logs(all_.size());
  kernels::logarithms(all_.data(), anchors, share, logs.data());
  auto& influence = result_.entropy_influence;
  influence.assign(reservoir_.size(), 0.0);
  double mean = 0;
  for (const std::uint32_t index : rows_) {
    influence[index] = -share * kernels::dot(reservoir_.row(index), logs.data(), anchors);
    mean += influence[index] / static_cast<double>(rows_.size());
  }
  for (const std::uint32_t index : rows_) {
    influence[index] -= mean;
  }
}

void LabelEstimation::add_influences(const Extrapolation& extrapolation, double sum_of_weights) {
  constexpr auto kAll = LabelRows::Label::kAll;
  const std::vector<std::uint32_t> slot_of = set_.slot_of_row();
  std::vector<std::pair<std::uint32_t, std::uint32_t>> rows;  // slot and row of the sample
  for (const std::uint32_t index : kept_rows_) {
    rows.emplace_back(slot_of[set_.sampled_[index]], index);
  }
  std::sort(rows.begin(), rows.end());
  auto& influence = result_.information_influence;
  influence.assign(reservoir_.size(), 0.0);
  LabelRows::Surprise surprise(set_.anchors_);
  std::vector<double> ignored(all_.size());
  std::uint32_t current = LabelRows::kNone;
  LabelCounts counts;
  LabelEntropies entropies;
  std::array<double, 2> gain{};
  for (const auto& [slot, index] : rows) {
    if (slot != current) {
      current = slot;
      counts = set_.counts_of(slot);
      gain = counts.splits() ? extrapolation.gain(counts.tokens) : std::array<double, 2>{};
      if (weights_ == LabelWeights::kUniform) {
        entropies = set_.entropies_of(slot, counts, surprise.label, ignored.data());
      }
      surprise.load(set_, slot, gain != std::array<double, 2>{});
    }
    const float* const p = reservoir_.row(index);
    double value = surprise(p, kAll);
    if (gain != std::array<double, 2>{}) {
      const auto& parts = set_.parts_[slot];
      const auto part =
          static_cast<std::size_t>(std::find(parts.begin(), parts.end(), set_.sampled_[index]) - parts.begin());
      const double half = surprise.of_halves(p, part);
      value += gain[0] * (value - half) + gain[1] * (half - surprise(p, part));
    }
    if (weights_ == LabelWeights::kUniform) {
      value -= entropies.whole + gain[0] * (entropies.whole - entropies.halves) +
               gain[1] * (entropies.halves - entropies.quarters);
    }
    influence[index] = -weight_of(counts, weights_) / sum_of_weights / static_cast<double>(counts.tokens) * value;
  }
}

}  // namespace infoplane::estimator
