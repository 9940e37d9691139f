#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <numeric>

#include "estimator/statistics/entropy_kernels.hpp"
#include "estimator/statistics/label_estimation.hpp"
#include "estimator/statistics/label_parts.hpp"

namespace infoplane::estimator {

/// What a token of a label gives to its entropies, extrapolated: −Σ_b p_b l_b of its row p, where l are logarithms of
/// the distributions of the label, of the token's part and of the halves that this part is in. In float32, for errors.
class LabelRows::Surprise {
 public:
  explicit Surprise(std::int64_t anchors) : anchors_(anchors), in_float64_(static_cast<std::size_t>(anchors)) {
    copies_.fill(std::vector<float>(in_float64_.size()));
    logs_.fill(copies_[0]);
  }

  /// `gain`: of the differences of whole and halves, and of halves and quarters. `wanted`: the parts that tokens will
  /// be of.
  void load(const LabelRows& rows, std::uint32_t slot, const LabelCounts& counts, const std::array<double, 2>& gain,
            const std::array<bool, 4>& wanted) {
    for (std::size_t part = 0; part < rows_.size(); ++part) {
      rows_[part] = counts.parts[part] > 0 ? in_float32(rows, rows.parts_[slot][part], copies_[part]) : nullptr;
    }
    scale_ = 1 / static_cast<float>(counts.tokens);
    whole_only_ = gain == std::array<double, 2>{};
    if (!whole_only_) {
      std::array<float*, 4> logs{};
      for (std::size_t part = 0; part < logs.size(); ++part) {
        logs[part] = wanted[part] ? logs_[part].data() : nullptr;
      }
      kernels::split_logarithms(
          rows_, counts.parts, anchors_,
          {static_cast<float>(1 + gain[0]), static_cast<float>((gain[1] - gain[0]) / 3), static_cast<float>(-gain[1])},
          logs);
    }
  }

  double operator()(const float* p, std::size_t part) const noexcept {
    return -static_cast<double>(whole_only_ ? kernels::dot_logarithms(p, rows_, anchors_, scale_)
                                            : kernels::dot(p, logs_[part].data(), anchors_));
  }

 private:
  const float* in_float32(const LabelRows& rows, std::uint32_t number, std::vector<float>& copy) {
    if (rows.readout_) {
      return rows.readout_->row(number, anchors_);
    }
    if (!rows.has_whole(number)) {
      return rows.row(number);
    }
    std::fill(in_float64_.begin(), in_float64_.end(), 0.0);
    rows.add_row_to(number, in_float64_.data());
    std::transform(in_float64_.begin(), in_float64_.end(), copy.begin(),
                   [](double sum) { return static_cast<float>(sum); });
    return copy.data();
  }

  std::int64_t anchors_;
  float scale_ = 1;
  bool whole_only_ = true;
  std::array<const float*, 4> rows_{};  // of sums, by part
  std::vector<double> in_float64_;
  std::array<std::vector<float>, 4> copies_, logs_;  // by part
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

std::vector<LabelEstimation::LabelOfRow> LabelEstimation::rows_by_label() const {
  const std::vector<std::uint32_t> slot_of = set_.slot_of_row();
  std::vector<std::uint32_t> next(set_.slots(), 0);  // by slot: its rows, then where the next one goes
  for (const std::uint32_t index : kept_rows_) {
    ++next[slot_of[set_.sampled_[index]]];
  }
  std::exclusive_scan(next.begin(), next.end(), next.begin(), 0U);
  std::vector<LabelOfRow> rows(kept_rows_.size());
  for (const std::uint32_t index : kept_rows_) {
    const std::uint32_t slot = slot_of[set_.sampled_[index]];
    rows[next[slot]++] = {slot, index};
  }
  return rows;
}

void LabelEstimation::add_influences(const Extrapolation& extrapolation, double sum_of_weights) {
  const std::vector<LabelOfRow> rows = rows_by_label();
  result_.information_influence.assign(reservoir_.size(), 0.0);
  LabelRows::Surprise surprise(set_.anchors_);
  LabelRows::Label scratch(set_.anchors_);
  std::vector<double> ignored(all_.size());
  std::vector<std::size_t> part_of;
  for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    const std::uint32_t slot = rows[begin].slot;
    const auto& parts = set_.parts_[slot];
    std::array<bool, 4> wanted{};
    part_of.clear();
    for (; end < rows.size() && rows[end].slot == slot; ++end) {
      const auto part = std::find(parts.begin(), parts.end(), set_.sampled_[rows[end].index]) - parts.begin();
      part_of.push_back(static_cast<std::size_t>(part));
      wanted[part_of.back()] = true;
    }
    const LabelCounts counts = set_.counts_of(slot);
    const auto gain = counts.splits() ? extrapolation.gain(counts.tokens) : std::array<double, 2>{};
    double of_label = 0;
    if (weights_ == LabelWeights::kUniform) {
      const LabelEntropies entropies = set_.entropies_of(slot, counts, scratch, ignored.data());
      of_label = entropies.whole + gain[0] * (entropies.whole - entropies.halves) +
                 gain[1] * (entropies.halves - entropies.quarters);
    }
    surprise.load(set_, slot, counts, gain, wanted);
    const double weight = weight_of(counts, weights_) / sum_of_weights / static_cast<double>(counts.tokens);
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint32_t index = rows[i].index;
      result_.information_influence[index] = -weight * (surprise(reservoir_.row(index), part_of[i - begin]) - of_label);
    }
  }
  if (sums_.balanced() && set_.level_ == 0) {
    keep_label_shares(rows);
  }
}

void LabelEstimation::keep_label_shares(std::span<const LabelOfRow> rows) {
  auto& influence = result_.information_influence;  // H(Z)'s is added to it in the end
  const auto& of_entropy = result_.entropy_influence;
  std::vector<std::int64_t> sequences;
  for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    double sum = 0;
    sequences.clear();
    for (; end < rows.size() && rows[end].slot == rows[begin].slot; ++end) {
      const std::uint32_t index = rows[end].index;
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
      const std::uint32_t index = rows[i].index;
      const double own = influence[index] + of_entropy[index] - mean;  // the mean took a part of it away
      influence[index] = own * std::sqrt(independent / (independent - 1)) - of_entropy[index];
    }
  }
}

}  // namespace infoplane::estimator
