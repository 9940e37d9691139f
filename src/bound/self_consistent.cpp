#include "bound/self_consistent.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "bound/exponential.hpp"

namespace infoplane::bound {
namespace {

constexpr double kLogOfNothing = -690.8;  // log 1e-300 stands for log 0
constexpr double kLowestScore = -64;      // below the highest; what lies there has no share of the row
constexpr double kSmallestShare = 1e-26;

using Lanes = std::array<double, kLanes>;

double sum_of(const Lanes& lanes) { return std::accumulate(lanes.begin(), lanes.end(), 0.0); }

/// to += Σ weight[i] · row[i], four rows at once: half of the time goes into loading and storing `to`.
void add_four(double* __restrict to, std::size_t size, const std::array<double, 4>& weight,
              const std::array<const double*, 4>& row) {
  const double* __restrict a = row[0];
  const double* __restrict b = row[1];
  const double* __restrict c = row[2];
  const double* __restrict d = row[3];
  for (std::size_t t = 0; t < size; ++t) {
    to[t] += (weight[0] * a[t] + weight[1] * b[t]) + (weight[2] * c[t] + weight[3] * d[t]);
  }
}

void add_one(double* __restrict to, std::size_t size, double weight, const double* __restrict row) {
  for (std::size_t t = 0; t < size; ++t) {
    to[t] += weight * row[t];
  }
}

double highest_of(const std::vector<double>& values) {
  Lanes lanes;
  std::copy_n(values.begin(), kLanes, lanes.begin());
  for (std::size_t t = kLanes; t < values.size(); t += kLanes) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      lanes[i] = lanes[i] < values[t + i] ? values[t + i] : lanes[i];
    }
  }
  return *std::max_element(lanes.begin(), lanes.end());
}

}  // namespace

SelfConsistent::SelfConsistent(const Joint& joint) : joint_(&joint) {
  log_column_mass_.resize(joint.column_mass().size());
  std::transform(joint.column_mass().begin(), joint.column_mass().end(), log_column_mass_.begin(),
                 [](double p) { return p > 0 ? std::log(p) : 0; });
}

IbPoint SelfConsistent::iterate(double beta, const Clusters& from, Clusters& to) {
  take_logarithms(from);
  to.count = from.count;
  to.stride = from.stride;
  to.mass.assign(from.mass.size(), 0);
  to.joint.assign(from.joint.size(), 0);
  scores_.resize(from.stride);
  channel_.resize(from.stride);
  double conditional_entropy = 0;  // H(T|X)
  for (std::int64_t x = 0; x < joint_->rows(); ++x) {
    const double p = joint_->row_mass()[static_cast<std::size_t>(x)];
    if (p <= 0) {
      continue;
    }
    score(x, beta / p);
    conditional_entropy += p * soft_max();
    add_one(to.mass.data(), to.stride, p, channel_.data());
    add(x, to);
  }
  double entropy = 0;
  for (const double each : to.mass) {
    entropy -= each > 0 ? each * std::log(each) : 0;
  }
  take_logarithms(to);
  return {std::max(entropy - conditional_entropy, 0.0), expressivity(to), beta, static_cast<std::int64_t>(to.count)};
}

void SelfConsistent::take_logarithms(const Clusters& clusters) {
  const auto log_of = [](double p) { return p > 0 ? std::max(std::log(p), kLogOfNothing) : kLogOfNothing; };
  log_mass_.resize(clusters.stride);
  std::transform(clusters.mass.begin(), clusters.mass.end(), log_mass_.begin(), log_of);
  log_conditional_.resize(clusters.joint.size());
  for (std::size_t y = 0; y < clusters.columns(); ++y) {
    for (std::size_t t = 0; t < clusters.stride; ++t) {
      const auto i = y * clusters.stride + t;
      log_conditional_[i] = clusters.joint[i] > 0 ? log_of(clusters.joint[i] / clusters.mass[t]) : kLogOfNothing;
    }
  }
  std::fill(log_mass_.begin() + static_cast<std::ptrdiff_t>(clusters.count), log_mass_.end(), -1e300);
}

/// log p(t) + scale · Σ_y p(x, y) log p(y|t) of each cluster.
void SelfConsistent::score(std::int64_t x, double scale) {
  const auto columns = joint_->columns_of(x);
  const auto values = joint_->values_of(x);
  const auto size = scores_.size();
  const auto row = [&](std::size_t i) { return log_conditional_.data() + columns[i] * size; };
  std::fill(scores_.begin(), scores_.end(), 0);
  std::size_t i = 0;
  for (; i + 4 <= columns.size(); i += 4) {
    add_four(scores_.data(), size, {values[i], values[i + 1], values[i + 2], values[i + 3]},
             {row(i), row(i + 1), row(i + 2), row(i + 3)});
  }
  for (; i < columns.size(); ++i) {
    add_one(scores_.data(), size, values[i], row(i));
  }
  for (std::size_t t = 0; t < size; ++t) {
    scores_[t] = scores_[t] * scale + log_mass_[t];
  }
}

/// Makes p(t|x) of the scores of a row; returns H(T|X = x).
double SelfConsistent::soft_max() {
  const double highest = highest_of(scores_);
  double* __restrict scores = scores_.data();
  double* __restrict channel = channel_.data();
  const auto size = scores_.size();
  for (std::size_t t = 0; t < size; ++t) {
    const double score = scores[t] - highest;
    scores[t] = score < kLowestScore ? kLowestScore : score;
  }
  for (std::size_t t = 0; t < size; ++t) {
    const double share = exponential(scores[t]);
    channel[t] = share < kSmallestShare ? 0 : share;
  }
  Lanes sums{};
  Lanes weighted{};  // Σ e^s s
  for (std::size_t t = 0; t < size; t += kLanes) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      sums[i] += channel[t + i];
      weighted[i] += channel[t + i] * scores[t + i];
    }
  }
  const double sum = sum_of(sums);
  const double scale = 1 / sum;
  for (std::size_t t = 0; t < size; ++t) {
    channel[t] *= scale;
  }
  return std::log(sum) - sum_of(weighted) * scale;
}

/// Adds a row to p(y, t).
void SelfConsistent::add(std::int64_t x, Clusters& to) const {
  const auto columns = joint_->columns_of(x);
  const auto values = joint_->values_of(x);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    add_one(to.joint.data() + columns[i] * to.stride, to.stride, values[i], channel_.data());
  }
}

/// I(T;Y) of the clusters whose logarithms were taken.
double SelfConsistent::expressivity(const Clusters& clusters) const {
  Lanes sums{};
  for (std::size_t y = 0; y < clusters.columns(); ++y) {
    const double* joint = clusters.joint.data() + y * clusters.stride;
    const double* log_conditional = log_conditional_.data() + y * clusters.stride;
    for (std::size_t t = 0; t < clusters.stride; t += kLanes) {
      for (std::size_t i = 0; i < kLanes; ++i) {
        sums[i] += joint[t + i] * (log_conditional[t + i] - log_column_mass_[y]);
      }
    }
  }
  return std::max(sum_of(sums), 0.0);
}

}  // namespace infoplane::bound
