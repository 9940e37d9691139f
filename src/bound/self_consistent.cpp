#include "bound/self_consistent.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/hash.hpp>
#include <limits>
#include <numeric>

namespace infoplane::bound {
namespace {

constexpr double kSoftening = 1e-3;
constexpr double kNoise = 1e-2;
constexpr double kSmallest = 1e-300;  // stands for 0 in a logarithm
constexpr double kEmpty = 1e-14;      // mass of a cluster that is none
constexpr double kOnePlace = 1e-9;    // distance of p(y|t) between clusters that are one

/// In [−1, 1], from a seed and a place.
double noise(std::uint64_t seed, std::uint64_t place) {
  return static_cast<double>(splitmix64(splitmix64(seed) ^ place) >> 11U) * 0x1p-52 - 1;
}

double log_of(double value) { return std::log(std::max(value, kSmallest)); }

/// The scores of a row become its p(t|x); returns H(T|X = x).
double softmax(std::vector<double>& channel) {
  const double highest = *std::max_element(channel.begin(), channel.end());
  double sum = 0;
  double weighted = 0;  // Σ e^s s
  for (double& each : channel) {
    const double score = each - highest;
    each = score < -60 ? 0 : std::exp(score);
    sum += each;
    weighted += each * score;
  }
  for (double& each : channel) {
    each /= sum;
  }
  return std::log(sum) - weighted / sum;
}

}  // namespace

SelfConsistent::SelfConsistent(const Joint& joint) : joint_(&joint) {}

void SelfConsistent::start_apart(std::int64_t clusters, std::uint64_t seed) {
  const auto rows = static_cast<std::size_t>(joint_->rows());
  const auto m = std::min(static_cast<std::size_t>(clusters), rows);
  std::vector<std::size_t> chosen;
  if (m == rows) {
    chosen.resize(rows);
    std::iota(chosen.begin(), chosen.end(), 0);
  } else {
    // Farthest first by p(x) KL(p(y|x) ‖ p(y|nearest)).
    std::vector<double> nearest(rows, std::numeric_limits<double>::infinity());
    std::vector<double> centre(joint_->column_mass().begin(), joint_->column_mass().end());
    for (std::size_t t = 0; t < m; ++t) {
      for (std::size_t x = 0; x < rows; ++x) {
        const auto columns = joint_->columns_of(static_cast<std::int64_t>(x));
        const auto values = joint_->values_of(static_cast<std::int64_t>(x));
        double divergence = 0;
        for (std::size_t i = 0; i < columns.size(); ++i) {
          divergence +=
              values[i] > 0 ? values[i] * std::log(values[i] / joint_->row_mass()[x] / centre[columns[i]]) : 0;
        }
        nearest[x] = std::min(nearest[x], divergence);
      }
      const auto reach = [&](std::size_t x) {
        const double by = seed == 0 ? 1 : noise(seed, t * rows + x) + 1 + 1e-3;
        return nearest[x] * by;
      };
      std::size_t farthest = 0;
      for (std::size_t x = 1; x < rows; ++x) {
        farthest = reach(x) > reach(farthest) ? x : farthest;
      }
      chosen.push_back(farthest);
      for (std::size_t y = 0; y < centre.size(); ++y) {
        centre[y] = kNoise * joint_->column_mass()[y];
      }
      const auto columns = joint_->columns_of(static_cast<std::int64_t>(farthest));
      const auto values = joint_->values_of(static_cast<std::int64_t>(farthest));
      for (std::size_t i = 0; i < columns.size(); ++i) {
        centre[columns[i]] += (1 - kNoise) * values[i] / joint_->row_mass()[farthest];
      }
    }
  }
  mass_.assign(m, 0);
  conditional_.assign(static_cast<std::size_t>(joint_->columns()) * m, 0);
  for (std::size_t t = 0; t < m; ++t) {
    const auto x = static_cast<std::int64_t>(chosen[t]);
    const auto columns = joint_->columns_of(x);
    const auto values = joint_->values_of(x);
    mass_[t] = joint_->row_mass()[chosen[t]];
    for (std::size_t i = 0; i < columns.size(); ++i) {
      conditional_[columns[i] * m + t] += values[i];
    }
  }
  normalise();
  soften();
}

void SelfConsistent::start_together(std::int64_t clusters, std::uint64_t seed) {
  const auto m = static_cast<std::size_t>(std::min(clusters, joint_->rows()));
  mass_.assign(m, 1.0 / static_cast<double>(m));
  conditional_.resize(static_cast<std::size_t>(joint_->columns()) * m);
  for (std::size_t i = 0; i < conditional_.size(); ++i) {
    conditional_[i] = joint_->column_mass()[i / m];
  }
  shake(seed);
}

void SelfConsistent::restore(const State& state) {
  mass_ = state.mass;
  conditional_ = state.conditional;
}

void SelfConsistent::normalise() {
  const auto m = mass_.size();
  std::vector<double> sum(m, 0);
  for (std::size_t i = 0; i < conditional_.size(); ++i) {
    sum[i % m] += conditional_[i];
  }
  for (std::size_t i = 0; i < conditional_.size(); ++i) {
    conditional_[i] /= sum[i % m] > 0 ? sum[i % m] : 1;
  }
  const double total = std::accumulate(mass_.begin(), mass_.end(), 0.0);
  for (double& each : mass_) {
    each /= total;
  }
}

void SelfConsistent::soften() {
  const auto m = mass_.size();
  for (std::size_t i = 0; i < conditional_.size(); ++i) {
    conditional_[i] += kSoftening * (joint_->column_mass()[i / m] - conditional_[i]);
  }
}

void SelfConsistent::shake(std::uint64_t seed) {
  for (std::size_t i = 0; i < conditional_.size(); ++i) {
    conditional_[i] *= 1 + kNoise * noise(seed, i);
  }
  normalise();
}

IbPoint SelfConsistent::iterate(double beta) {
  const auto m = mass_.size();
  logarithm_.resize(conditional_.size());
  std::transform(conditional_.begin(), conditional_.end(), logarithm_.begin(), log_of);
  std::vector<double> log_mass(m);
  std::transform(mass_.begin(), mass_.end(), log_mass.begin(), log_of);
  next_.assign(conditional_.size(), 0);
  std::fill(mass_.begin(), mass_.end(), 0);
  std::vector<double> channel(m);
  double conditional_entropy = 0;  // H(T|X)
  for (std::int64_t x = 0; x < joint_->rows(); ++x) {
    const double p = joint_->row_mass()[static_cast<std::size_t>(x)];
    if (p <= 0) {
      continue;
    }
    score(x, beta / p, log_mass, channel);
    conditional_entropy += p * softmax(channel);
    add(x, p, channel);
  }
  return settle(beta, conditional_entropy);
}

/// log p(t) + scale · Σ_y p(x, y) log p(y|t) of each cluster.
void SelfConsistent::score(std::int64_t x, double scale, const std::vector<double>& log_mass,
                           std::vector<double>& channel) const {
  const auto m = channel.size();
  const auto columns = joint_->columns_of(x);
  const auto values = joint_->values_of(x);
  std::fill(channel.begin(), channel.end(), 0);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const double weight = values[i];
    const double* row = logarithm_.data() + columns[i] * m;
    for (std::size_t t = 0; t < m; ++t) {
      channel[t] += weight * row[t];
    }
  }
  for (std::size_t t = 0; t < m; ++t) {
    channel[t] = channel[t] * scale + log_mass[t];
  }
}

/// Adds a row of probability p to p(t) and p(y, t).
void SelfConsistent::add(std::int64_t x, double p, const std::vector<double>& channel) {
  const auto m = channel.size();
  const auto columns = joint_->columns_of(x);
  const auto values = joint_->values_of(x);
  for (std::size_t t = 0; t < m; ++t) {
    mass_[t] += p * channel[t];
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const double weight = values[i];
    double* row = next_.data() + columns[i] * m;
    for (std::size_t t = 0; t < m; ++t) {
      row[t] += weight * channel[t];
    }
  }
}

/// Makes p(y|t) of the sums of all rows, and says where the channel is.
IbPoint SelfConsistent::settle(double beta, double conditional_entropy) {
  const auto m = mass_.size();
  double entropy = 0;
  for (const double each : mass_) {
    entropy -= each > 0 ? each * std::log(each) : 0;
  }
  IbPoint point{entropy - conditional_entropy, 0, beta, clusters()};
  for (std::size_t y = 0; y < joint_->column_mass().size(); ++y) {
    for (std::size_t t = 0; t < m; ++t) {
      const double both = next_[y * m + t];
      const double now = mass_[t] > 0 ? both / mass_[t] : 0;
      conditional_[y * m + t] = now;
      point.expressivity += both > 0 ? both * std::log(now / joint_->column_mass()[y]) : 0;
    }
  }
  point.complexity = std::max(point.complexity, 0.0);
  point.expressivity = std::max(point.expressivity, 0.0);
  return point;
}

IbPoint SelfConsistent::solve(double beta, double resolution, std::int64_t max_iterations) {
  auto point = iterate(beta);
  for (std::int64_t i = 1; i < max_iterations; ++i) {
    const auto next = iterate(beta);
    const bool still = std::abs(next.complexity - point.complexity) < resolution &&
                       std::abs(next.expressivity - point.expressivity) < resolution;
    point = next;
    if (still) {
      break;
    }
  }
  return point;
}

void SelfConsistent::join() {
  const auto m = mass_.size();
  const auto columns = joint_->column_mass().size();
  std::vector<std::size_t> kept;
  for (std::size_t t = 0; t < m; ++t) {
    const auto same = [&](std::size_t other) {
      double distance = 0;
      for (std::size_t y = 0; y < columns && distance < kOnePlace; ++y) {
        const double difference = conditional_[y * m + t] - conditional_[y * m + other];
        distance += joint_->column_mass()[y] > 0 ? difference * difference / joint_->column_mass()[y] : 0;
      }
      return distance < kOnePlace;
    };
    const auto found = std::find_if(kept.begin(), kept.end(), same);
    if (mass_[t] > kEmpty && found != kept.end()) {
      mass_[*found] += mass_[t];
    } else if (mass_[t] > kEmpty) {
      kept.push_back(t);
    }
  }
  if (kept.size() == m) {
    return;
  }
  std::vector<double> mass(kept.size());
  std::vector<double> conditional(columns * kept.size());
  for (std::size_t k = 0; k < kept.size(); ++k) {
    mass[k] = mass_[kept[k]];
    for (std::size_t y = 0; y < columns; ++y) {
      conditional[y * kept.size() + k] = conditional_[y * m + kept[k]];
    }
  }
  mass_ = std::move(mass);
  conditional_ = std::move(conditional);
}

}  // namespace infoplane::bound
