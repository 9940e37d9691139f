#include <algorithm>
#include <cmath>
#include <functional>

#include "estimator/label_parts.hpp"
#include "estimator/label_rows.hpp"

namespace infoplane::estimator {
namespace {

void subtract_mean(std::vector<double>& values, std::span<const std::uint32_t> of) noexcept {
  double mean = 0;
  for (const std::uint32_t i : of) {
    mean += values[i] / static_cast<double>(of.size());
  }
  for (const std::uint32_t i : of) {
    values[i] -= mean;
  }
}

}  // namespace

/// −Σ_b p_b log q_b of rows p, where q is the distribution of a label, of a part of it or of two parts.
class LabelRows::Surprise {
 public:
  explicit Surprise(std::int64_t anchors) : label(anchors), anchors_(anchors) {
    logs_.fill(std::vector<double>(static_cast<std::size_t>(anchors)));
  }

  Label label;  // whose sums are loaded

  /// Its sums are others now.
  void forget() noexcept { ready_.fill(false); }
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

void LabelRows::add_influences(const Weights& weights, const Reservoir& reservoir, const Extrapolation& extrapolation,
                               std::span<const double> all, Statistics& into) const {
  const double share = 1 / static_cast<double>(into.estimate.tokens);
  std::vector<double> logs(all.size());
  kernels::logarithms(all.data(), anchors_, share, logs.data());
  std::vector<std::pair<std::uint32_t, std::uint32_t>> rows;  // slot and row of the sample, of labels that are kept
  std::vector<std::uint32_t> labelled, with_label;
  const std::vector<std::uint32_t> slot_of = slot_of_row();
  into.entropy_influence.assign(reservoir.size(), 0.0);
  for (std::uint32_t index = 0; index < sampled_.size(); ++index) {
    if (sampled_[index] != kNone) {
      labelled.push_back(index);
      into.entropy_influence[index] = -share * kernels::dot(reservoir.row(index), logs.data(), anchors_);
    }
    if (sampled_[index] < kDropped) {
      with_label.push_back(index);
      rows.emplace_back(slot_of[sampled_[index]], index);
    }
  }
  subtract_mean(into.entropy_influence, labelled);
  if (std::isnan(into.estimate.corrected_nats)) {
    return;
  }
  std::sort(rows.begin(), rows.end());
  into.information_influence.assign(reservoir.size(), 0.0);
  Surprise surprise(anchors_);
  std::vector<double> ignored(all.size());
  std::uint32_t current = kNone;
  LabelCounts counts;
  LabelEntropies entropies;
  std::array<double, 2> gain{};
  for (const auto& [slot, index] : rows) {
    if (slot != current) {
      current = slot;
      counts = counts_of(slot);
      gain = counts.splits() ? extrapolation.gain(counts.tokens) : std::array<double, 2>{};
      if (weights.kind == LabelWeights::kUniform) {
        entropies = entropies_of(slot, counts, surprise.label, ignored.data());
      }
      if (gain != std::array<double, 2>{}) {
        surprise.label.load(*this, slot);
      } else {
        surprise.label.load_all(*this, slot);
      }
      surprise.forget();
    }
    const float* const p = reservoir.row(index);
    double value = surprise(p, Label::kAll);
    if (gain != std::array<double, 2>{}) {
      const auto part = static_cast<std::size_t>(std::find(parts_[slot].begin(), parts_[slot].end(), sampled_[index]) -
                                                 parts_[slot].begin());
      const double half = surprise.of_halves(p, part);
      value += gain[0] * (value - half) + gain[1] * (half - surprise(p, part));
    }
    if (weights.kind == LabelWeights::kUniform) {
      value -= entropies.whole + gain[0] * (entropies.whole - entropies.halves) +
               gain[1] * (entropies.halves - entropies.quarters);
    }
    const double weight = weights.kind == LabelWeights::kUniform ? 1.0 : static_cast<double>(counts.tokens);
    into.information_influence[index] = -weight / weights.sum / static_cast<double>(counts.tokens) * value;
  }
  subtract_mean(into.information_influence, with_label);
  std::transform(into.information_influence.begin(), into.information_influence.end(), into.entropy_influence.begin(),
                 into.information_influence.begin(), std::plus<>());
}

}  // namespace infoplane::estimator
