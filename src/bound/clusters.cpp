#include "bound/clusters.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/hash.hpp>
#include <limits>
#include <numeric>

namespace infoplane::bound {
namespace {

constexpr double kSoftening = 1e-3;
constexpr double kNoise = 1e-2;
constexpr double kEmpty = 1e-14;    // mass of a cluster that is none
constexpr double kOnePlace = 1e-9;  // distance of p(y|t) between clusters that are one

/// In [−1, 1], from a seed and a place.
double noise(std::uint64_t seed, std::uint64_t place) {
  return static_cast<double>(splitmix64(splitmix64(seed) ^ place) >> 11U) * 0x1p-52 - 1;
}

/// p(x) KL(p(y|x) ‖ centre)
double divergence_of(const Joint& joint, std::int64_t x, const std::vector<double>& centre) {
  const auto columns = joint.columns_of(x);
  const auto values = joint.values_of(x);
  const double mass = joint.row_mass()[static_cast<std::size_t>(x)];
  double sum = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    sum += values[i] > 0 ? values[i] * std::log(values[i] / mass / centre[columns[i]]) : 0;
  }
  return sum;
}

/// Rows that lie far from one another: farthest first by p(x) KL(p(y|x) ‖ p(y|nearest)).
std::vector<std::size_t> farthest_first(const Joint& joint, std::size_t m, std::uint64_t seed) {
  const auto rows = static_cast<std::size_t>(joint.rows());
  std::vector<std::size_t> chosen;
  std::vector<double> nearest(rows, std::numeric_limits<double>::infinity());
  std::vector<double> centre(joint.column_mass().begin(), joint.column_mass().end());
  for (std::size_t t = 0; t < m; ++t) {
    std::size_t farthest = 0;
    double farthest_reach = -1;
    for (std::size_t x = 0; x < rows; ++x) {
      nearest[x] = std::min(nearest[x], divergence_of(joint, static_cast<std::int64_t>(x), centre));
      const double reach = nearest[x] * (seed == 0 ? 1 : noise(seed, t * rows + x) + 1 + 1e-3);
      if (x == 0 || reach > farthest_reach) {
        farthest = x;
        farthest_reach = reach;
      }
    }
    chosen.push_back(farthest);
    for (std::size_t y = 0; y < centre.size(); ++y) {
      centre[y] = kNoise * joint.column_mass()[y];
    }
    const auto columns = joint.columns_of(static_cast<std::int64_t>(farthest));
    const auto values = joint.values_of(static_cast<std::int64_t>(farthest));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      centre[columns[i]] += (1 - kNoise) * values[i] / joint.row_mass()[farthest];
    }
  }
  return chosen;
}

}  // namespace

Clusters::Clusters(std::size_t clusters, std::size_t columns)
    : count(clusters), stride((clusters + kLanes - 1) / kLanes * kLanes), mass(stride), joint(columns * stride) {}

Clusters start_apart(const Joint& joint, std::int64_t clusters, std::uint64_t seed) {
  const auto rows = static_cast<std::size_t>(joint.rows());
  const auto m = std::min(static_cast<std::size_t>(clusters), rows);
  std::vector<std::size_t> chosen(m);
  if (m == rows) {
    std::iota(chosen.begin(), chosen.end(), 0);
  } else {
    chosen = farthest_first(joint, m, seed);
  }
  Clusters apart(m, static_cast<std::size_t>(joint.columns()));
  for (std::size_t t = 0; t < m; ++t) {
    const auto columns = joint.columns_of(static_cast<std::int64_t>(chosen[t]));
    const auto values = joint.values_of(static_cast<std::int64_t>(chosen[t]));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      apart.joint[columns[i] * apart.stride + t] += values[i];
    }
  }
  normalise(apart);
  soften(apart, joint);
  return apart;
}

Clusters start_together(const Joint& joint, std::int64_t clusters, std::uint64_t seed) {
  Clusters together(static_cast<std::size_t>(std::min(clusters, joint.rows())),
                    static_cast<std::size_t>(joint.columns()));
  for (std::size_t y = 0; y < together.columns(); ++y) {
    std::fill_n(together.joint.begin() + static_cast<std::ptrdiff_t>(y * together.stride), together.count,
                joint.column_mass()[y]);
  }
  shake(together, seed);
  return together;
}

void normalise(Clusters& clusters) {
  std::fill(clusters.mass.begin(), clusters.mass.end(), 0);
  for (std::size_t y = 0; y < clusters.columns(); ++y) {
    const double* row = clusters.joint.data() + y * clusters.stride;
    for (std::size_t t = 0; t < clusters.stride; ++t) {
      clusters.mass[t] += row[t];
    }
  }
  const double scale = 1 / std::accumulate(clusters.mass.begin(), clusters.mass.end(), 0.0);
  for (double& each : clusters.mass) {
    each *= scale;
  }
  for (double& each : clusters.joint) {
    each *= scale;
  }
}

void soften(Clusters& clusters, const Joint& joint) {
  for (std::size_t y = 0; y < clusters.columns(); ++y) {
    double* row = clusters.joint.data() + y * clusters.stride;
    for (std::size_t t = 0; t < clusters.stride; ++t) {
      row[t] += kSoftening * (clusters.mass[t] * joint.column_mass()[y] - row[t]);
    }
  }
}

void shake(Clusters& clusters, std::uint64_t seed) {
  for (std::size_t y = 0; y < clusters.columns(); ++y) {
    for (std::size_t t = 0; t < clusters.count; ++t) {
      clusters.joint[y * clusters.stride + t] *= 1 + kNoise * noise(seed, y * clusters.count + t);
    }
  }
  normalise(clusters);
}

std::vector<std::size_t> alike(const Clusters& clusters, const Joint& joint) {
  std::vector<std::size_t> into(clusters.count, clusters.count);
  const auto same = [&](std::size_t one, std::size_t other) {
    double distance = 0;
    for (std::size_t y = 0; y < clusters.columns() && distance < kOnePlace; ++y) {
      const double* row = clusters.joint.data() + y * clusters.stride;
      const double difference = row[one] / clusters.mass[one] - row[other] / clusters.mass[other];
      distance += joint.column_mass()[y] > 0 ? difference * difference / joint.column_mass()[y] : 0;
    }
    return distance < kOnePlace;
  };
  for (std::size_t t = 0; t < clusters.count; ++t) {
    if (clusters.mass[t] <= kEmpty) {
      continue;
    }
    std::size_t first = 0;
    while (first < t && (into[first] != first || !same(first, t))) {
      ++first;
    }
    into[t] = first;
  }
  return into;
}

Clusters joined(const Clusters& clusters, const std::vector<std::size_t>& into) {
  std::vector<std::size_t> place(clusters.count, 0);
  std::size_t kept = 0;
  for (std::size_t t = 0; t < clusters.count; ++t) {
    place[t] = into[t] == t ? kept++ : 0;
  }
  Clusters fewer(kept, clusters.columns());
  for (std::size_t t = 0; t < clusters.count; ++t) {
    if (into[t] == clusters.count) {
      continue;
    }
    const auto k = place[into[t]];
    fewer.mass[k] += clusters.mass[t];
    for (std::size_t y = 0; y < clusters.columns(); ++y) {
      fewer.joint[y * fewer.stride + k] += clusters.joint[y * clusters.stride + t];
    }
  }
  return fewer;
}

}  // namespace infoplane::bound
