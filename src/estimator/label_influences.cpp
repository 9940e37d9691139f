#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <utility>

#include "estimator/kernels/entropy.hpp"
#include "estimator/label_estimation.hpp"
#include "estimator/label_sums.hpp"

namespace infoplane::estimator {

/// What a token of a label gives to its entropies, extrapolated: −Σ_b p_b l_b of its row p, where l are logarithms of
/// the distributions of the label, of the token's part and of the halves that this part is in. In float32, for errors.
class LabelRows::Surprise {
 public:
  explicit Surprise(std::int64_t anchors)
      : anchors_(anchors),
        scratch_(static_cast<std::size_t>(anchors)),
        in_float64_(static_cast<std::size_t>(anchors)),
        sums_(kParts, scratch_),
        logs_(kParts + 1, scratch_) {}

  /// `gain`: of the differences of whole and halves, and of halves and quarters.
  void load(const LabelRows& rows, std::uint32_t slot, const LabelCounts& counts, const std::array<double, 2>& gain) {
    counts_ = counts;
    gain_ = gain;
    ready_.fill(false);
    for (std::size_t part = 0; part < kParts; ++part) {
      if (counts.parts[part] > 0) {
        std::fill(in_float64_.begin(), in_float64_.end(), 0.0);
        rows.add_row_to(rows.parts_[slot][part], in_float64_.data());
        std::transform(in_float64_.begin(), in_float64_.end(), sums_[part].begin(),
                       [](double sum) { return static_cast<float>(sum); });
      }
    }
  }

  double operator()(const float* p, std::size_t part) {
    const std::size_t which = gain_ == std::array<double, 2>{} ? kParts : part;
    if (!ready_[which]) {
      prepare(which);
      ready_[which] = true;
    }
    return -static_cast<double>(kernels::dot(p, logs_[which].data(), anchors_));
  }

 private:
  static constexpr std::size_t kParts = 4;

  void prepare(std::size_t part) {
    std::fill(logs_[part].begin(), logs_[part].end(), 0.0F);
    add_logarithms(std::array<std::size_t, 4>{0, 1, 2, 3}, 1 + gain_[0], logs_[part]);
    if (part == kParts) {
      return;
    }
    for (const auto& pair : kPairs) {
      if (pair[0] == part || pair[1] == part) {
        add_logarithms(pair, (gain_[1] - gain_[0]) / 3, logs_[part]);
      }
    }
    add_logarithms(std::array{part}, -gain_[1], logs_[part]);
  }
  /// Adds those of some parts together, times a weight.
  template <std::size_t N>
  void add_logarithms(const std::array<std::size_t, N>& parts, double weight, std::vector<float>& into) {
    std::array<const float*, N> rows{};
    std::int64_t number = 0, tokens = 0;
    for (const std::size_t part : parts) {
      if (counts_.parts[part] > 0) {
        rows[static_cast<std::size_t>(number++)] = sums_[part].data();
        tokens += counts_.parts[part];
      }
    }
    if (tokens == 0) {
      return;
    }
    kernels::logarithms(rows.data(), number, anchors_, 1 / static_cast<float>(tokens), scratch_.data());
    std::transform(scratch_.begin(), scratch_.end(), into.begin(), into.begin(),
                   [weight = static_cast<float>(weight)](float log, float sum) { return sum + weight * log; });
  }

  std::int64_t anchors_;
  LabelCounts counts_;
  std::array<double, 2> gain_{};
  std::vector<float> scratch_;
  std::vector<double> in_float64_;
  std::vector<std::vector<float>> sums_;  // by part
  std::vector<std::vector<float>> logs_;  // by part; the last without extrapolation
  std::array<bool, kParts + 1> ready_{};
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
  const std::vector<std::uint32_t> slot_of = set_.slot_of_row();
  std::vector<std::pair<std::uint32_t, std::uint32_t>> rows;  // slot and row of the sample
  for (const std::uint32_t index : kept_rows_) {
    rows.emplace_back(slot_of[set_.sampled_[index]], index);
  }
  std::sort(rows.begin(), rows.end());
  auto& influence = result_.information_influence;
  influence.assign(reservoir_.size(), 0.0);
  LabelRows::Surprise surprise(set_.anchors_);
  LabelRows::Label scratch(set_.anchors_);
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
        entropies = set_.entropies_of(slot, counts, scratch, ignored.data());
      }
      surprise.load(set_, slot, counts, gain);
    }
    const auto& parts = set_.parts_[slot];
    const auto part =
        static_cast<std::size_t>(std::find(parts.begin(), parts.end(), set_.sampled_[index]) - parts.begin());
    double value = surprise(reservoir_.row(index), part);
    if (weights_ == LabelWeights::kUniform) {
      value -= entropies.whole + gain[0] * (entropies.whole - entropies.halves) +
               gain[1] * (entropies.halves - entropies.quarters);
    }
    influence[index] = -weight_of(counts, weights_) / sum_of_weights / static_cast<double>(counts.tokens) * value;
  }
  if (sums_.balanced() && set_.level_ == 0) {
    keep_label_shares(rows);
  }
}

void LabelEstimation::keep_label_shares(std::span<const std::pair<std::uint32_t, std::uint32_t>> rows) {
  auto& influence = result_.information_influence;  // H(Z)'s is added to it in the end
  const auto& of_entropy = result_.entropy_influence;
  std::vector<std::int64_t> sequences;
  for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    double sum = 0;
    sequences.clear();
    for (; end < rows.size() && rows[end].first == rows[begin].first; ++end) {
      const std::uint32_t index = rows[end].second;
      sum += influence[index] + of_entropy[index];
      sequences.push_back(reservoir_.sequence(index));
    }
    std::sort(sequences.begin(), sequences.end());
    const auto independent =
        static_cast<double>(std::distance(sequences.begin(), std::unique(sequences.begin(), sequences.end())));
    if (independent < 2) {
      continue;
    }
    const double mean = sum / static_cast<double>(end - begin);
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint32_t index = rows[i].second;
      const double own = influence[index] + of_entropy[index] - mean;  // the mean took a part of it away
      influence[index] = own * std::sqrt(independent / (independent - 1)) - of_entropy[index];
    }
  }
}

}  // namespace infoplane::estimator
