#include "estimator/statistics/label_correlation.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>
#include <vector>

#include "estimator/statistics/entropy_kernels.hpp"

namespace infoplane::estimator {
namespace {

constexpr double kPairsOfOthers = 32;

/// (p_b − P_b) / √P_b, and sums of it.
class Deviations {
 public:
  Deviations(const Reservoir& sample, std::span<const std::uint32_t> rows)
      : sample_(sample), mean_(static_cast<std::size_t>(sample.anchors()), 0.0), scale_(mean_.size()) {
    for (const std::uint32_t index : rows) {
      const float* const p = sample.row(index);
      for (std::size_t b = 0; b < mean_.size(); ++b) {
        mean_[b] += static_cast<double>(p[b]) / static_cast<double>(rows.size());
      }
    }
    std::transform(mean_.begin(), mean_.end(), scale_.begin(), [](double p) { return p > 0 ? 1 / std::sqrt(p) : 0.0; });
  }
  std::vector<double> zero() const { return std::vector<double>(mean_.size(), 0.0); }
  /// Its square.
  double add(std::uint32_t index, std::vector<double>& to) const noexcept {
    const float* const p = sample_.row(index);
    double square = 0;
    for (std::size_t b = 0; b < mean_.size(); ++b) {
      const double deviation = (static_cast<double>(p[b]) - mean_[b]) * scale_[b];
      to[b] += deviation;
      square += deviation * deviation;
    }
    return square;
  }

 private:
  const Reservoir& sample_;
  std::vector<double> mean_, scale_;
};

/// Rows of a label, sequence after sequence. Both are in an order that depends on the sample alone, not on how it came
/// together, and that is random: neighbours of a sequence stand for all of its pairs.
class RowsOfLabel {
 public:
  RowsOfLabel(const Reservoir& sample, std::span<const std::uint32_t> order)
      : sample_(sample), place_(sample.size(), 0) {
    for (std::uint32_t place = 0; place < order.size(); ++place) {
      place_[order[place]] = place;
    }
  }
  void clear() noexcept { rows_.clear(); }
  void add(std::uint32_t index) { rows_.push_back({0, place_[index], index}); }
  void sort() {
    std::sort(rows_.begin(), rows_.end(), [this](const Row& a, const Row& b) {
      return std::tuple(sequence(a), a.place) < std::tuple(sequence(b), b.place);
    });
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const bool follows = i > 0 && sequence(rows_[i]) == sequence(rows_[i - 1]);
      rows_[i].first = follows ? rows_[i - 1].first : rows_[i].place;
    }
    std::sort(rows_.begin(), rows_.end(),
              [](const Row& a, const Row& b) { return std::tuple(a.first, a.place) < std::tuple(b.first, b.place); });
  }
  std::size_t size() const noexcept { return rows_.size(); }
  std::uint32_t operator[](std::size_t i) const noexcept { return rows_[i].index; }
  bool of_one_sequence(std::size_t i, std::size_t j) const noexcept { return rows_[i].first == rows_[j].first; }

 private:
  struct Row {
    std::uint32_t first, place, index;  // `first`: the lowest place of its sequence
  };
  std::int64_t sequence(const Row& row) const noexcept { return sample_.sequence(row.index); }

  const Reservoir& sample_;
  std::vector<std::uint32_t> place_;
  std::vector<Row> rows_;
};

double square(const std::vector<double>& values) noexcept {
  return kernels::dot(values.data(), values.data(), static_cast<std::int64_t>(values.size()));
}

}  // namespace

void LabelPairs::add(const Reservoir& sample, std::span<const std::uint32_t> with_label,
                     std::span<const LabelOfRow> by_label, const std::function<double(std::uint32_t index)>& entropy) {
  if (with_label.empty()) {
    return;
  }
  const Deviations deviations(sample, with_label);
  std::vector<double> total = deviations.zero(), of_sequence = total;
  std::vector<float> mean(total.size());
  const auto growth = [&](std::uint32_t a, std::uint32_t b) {
    const std::array<const float*, 2> pair = {sample.row(a), sample.row(b)};
    return kernels::mean_entropy(pair.data(), 2, sample.anchors(), mean.data()) - (entropy(a) + entropy(b)) / 2;
  };
  RowsOfLabel rows(sample, with_label);
  for (std::size_t begin = 0, end = 0; begin < by_label.size(); begin = end) {
    rows.clear();
    for (; end < by_label.size() && by_label[end].slot == by_label[begin].slot; ++end) {
      rows.add(by_label[end].index);
    }
    if (rows.size() < 2) {
      continue;
    }
    rows.sort();
    double together = 0, apart = 0, pairs = 0, steps = 0, squares = 0;
    std::fill(total.begin(), total.end(), 0.0);
    for (std::size_t first = 0, last = 0; first < rows.size(); first = last) {
      double own = 0, here = 0;
      std::fill(of_sequence.begin(), of_sequence.end(), 0.0);
      for (; last < rows.size() && rows.of_one_sequence(first, last); ++last) {
        own += deviations.add(rows[last], of_sequence);
        here += last > first ? growth(rows[last - 1], rows[last]) : 0.0;
      }
      const auto count = static_cast<double>(last - first);
      together += count * here;
      pairs += count * (count - 1);
      if (last < rows.size()) {
        apart += growth(rows[last - 1], rows[last]);
        steps += 1;
      }
      sums[kProductsTogether] += square(of_sequence) - own;
      sums[kSquaresTogether] += (count - 1) * own;
      squares += own;
      std::transform(total.begin(), total.end(), of_sequence.begin(), total.begin(), std::plus<>());
    }
    const auto count = static_cast<double>(rows.size());
    sums[kProducts] += square(total) - squares;
    sums[kPairs] += count * (count - 1);
    sums[kPairsTogether] += pairs;
    if (pairs > 0 && steps > 0) {
      sums[kGrowth] += together;
      sums[kGrowthApart] += pairs * apart / steps;
      sums[kGrowthWeight] += pairs;
    }
  }
}

double LabelPairs::of_growth(const ChanceLevel& curve) const noexcept {
  const double one = curve.bias(1), two = curve.bias(2);
  const double left = one - std::clamp(sums[kGrowth] / sums[kGrowthApart], 0.0, 1.0) * (one - two);  // β of the two
  double low = 1, high = 2;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (curve.bias(middle) > left ? low : high) = middle;
  }
  return 4 / (low + high) - 1;
}

double LabelPairs::of_products() const noexcept {
  const double together = sums[kProductsTogether] / sums[kPairsTogether];
  const double of_label = (sums[kProducts] - sums[kProductsTogether]) / (sums[kPairs] - sums[kPairsTogether]);
  const double own = sums[kSquaresTogether] / sums[kPairsTogether];
  return own > of_label ? std::clamp((together - of_label) / (own - of_label), 0.0, 1.0) : 0.0;
}

Correlation LabelPairs::correlation(const ChanceLevel& curve, double of_others) const noexcept {
  const double pairs = sums[kGrowthWeight];
  if (!(pairs > 0) || !(sums[kGrowthApart] > 0) || !(curve.bias(1) > curve.bias(2))) {
    return {of_others, of_others};
  }
  const auto with_others = [pairs, of_others](double measured) {
    return (pairs * measured + kPairsOfOthers * of_others) / (pairs + kPairsOfOthers);
  };
  const double few = of_growth(curve);
  return {with_others(few), with_others(std::min(few, of_products()))};
}

}  // namespace infoplane::estimator
