#include "estimator/statistics/statistics_oracle.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <infoplane/core/hash.hpp>
#include <map>
#include <numeric>

namespace infoplane::estimator {
namespace {

using Rows = std::vector<std::vector<double>>;

/// Entropy of the mean of some rows.
double entropy(const Rows& rows, const std::vector<std::size_t>& of) {
  std::vector<double> mean(rows[0].size(), 0.0);
  for (const auto i : of) {
    for (std::size_t b = 0; b < mean.size(); ++b) {
      mean[b] += rows[i][b] / static_cast<double>(of.size());
    }
  }
  double h = 0;
  for (const double p : mean) {
    h -= p > 0 ? p * std::log(p) : 0.0;
  }
  return h;
}

/// β(n), from disjoint groups.
class Beta {
 public:
  Beta(const Rows& rows, const std::vector<std::size_t>& order) {
    const auto n = static_cast<double>(order.size());
    std::vector<std::size_t> all(order.size());
    std::iota(all.begin(), all.end(), 0U);
    for (std::size_t b = 0; b < rows[0].size(); ++b) {
      double mean = 0, squares = 0;
      for (const auto& row : rows) {
        mean += row[b] / n;
        squares += row[b] * row[b] / n;
      }
      spread_ += (squares - mean * mean) * n / (n - 1) / mean;
    }
    for (std::size_t size = 1; size == 1 || 4 * size <= order.size(); size *= 2) {
      const std::size_t permutations = size == 1 ? 1 : size < 8 ? 4 : 16;
      const std::size_t groups = order.size() / size;
      double sum = 0;
      for (std::size_t k = 0; k < permutations; ++k) {
        std::vector<std::size_t> other = order;
        for (std::size_t i = k == 0 ? 0 : other.size(); i > 1; --i) {
          std::swap(other[i - 1], other[splitmix64(k << 32U | i) % i]);
        }
        for (std::size_t g = 0; g < groups; ++g) {
          sum += entropy(rows, {other.begin() + static_cast<std::ptrdiff_t>(g * size),
                                other.begin() + static_cast<std::ptrdiff_t>((g + 1) * size)});
        }
      }
      knots_.push_back(entropy(rows, all) + spread_ / (2 * n) - sum / static_cast<double>(groups * permutations));
    }
  }
  /// Linear between eighths below 128.
  double at(double n) const {
    const double below = n < 127.8 ? std::floor(8 * n) / 8 : n;
    return exact(below) + (n > below ? 8 * (n - below) * (exact(below + 0.125) - exact(below)) : 0.0);
  }

 private:
  double exact(double n) const {
    const double place = std::log2(n);
    const auto k = static_cast<std::size_t>(std::floor(place));
    if (std::exp2(static_cast<double>(k)) == n && k < knots_.size()) {
      return knots_[k];
    }
    if (k + 1 >= knots_.size()) {
      return spread_ / (2 * n);
    }
    // Neville's scheme over the four knots around.
    const std::size_t first = std::min(k > 0 ? k - 1 : 0, knots_.size() - 4);
    std::array<double, 4> value{};
    for (std::size_t i = 0; i < 4; ++i) {
      value[i] = std::log(knots_[first + i]);
    }
    for (std::size_t step = 1; step < 4; ++step) {
      for (std::size_t i = 0; i + step < 4; ++i) {
        const double low = static_cast<double>(first + i), high = low + static_cast<double>(step);
        value[i] = ((high - place) * value[i] + (place - low) * value[i + 1]) / (high - low);
      }
    }
    return std::exp(value[0]);
  }
  double spread_ = 0;
  std::vector<double> knots_;
};

struct Line {
  double n = 0, weight = 0, whole = 0, halves = 0, single = 0, noise = 0;
  double b = 0, b_halves = 0, c = 0, c_halves = 0;  // β and β²
  bool grows = false;                               // in more than one part
};

/// Labels of one size.
struct Size {
  std::vector<Line> lines;
  double x = 0, variance = 0;
  bool own = false;
};

/// The extrapolation, by bisection and by trying values of t.
class Extrapolated {
 public:
  Extrapolated(std::map<int, Size> sizes, double b1) : sizes_(std::move(sizes)), b1_(b1) {
    double noise = 0, halves = 0;
    for (const auto& [u, size] : sizes_) {
      for (const Line& line : size.lines) {
        if (line.grows && u >= 2 && u < 8) {
          noise += line.weight * line.weight * line.noise;
          halves += line.weight * (line.b_halves - line.b);
        }
      }
    }
    const double variance = noise + std::pow(0.006 * halves, 2);
    const auto badness = [&](double t) { return std::pow(misfit(t), 2) / variance + std::pow((t - 0.47) / 0.08, 2); };
    double low = 0.1, high = 0.54;
    for (int i = 0; i < 60; ++i) {
      const double a = low + (high - low) / 3, b = high - (high - low) / 3;
      (badness(a) < badness(b) ? high : low) = badness(a) < badness(b) ? b : a;
    }
    t_ = (low + high) / 2;
    for (auto& [u, size] : sizes_) {
      size.own = growth(size, 0) > 0;
      if (size.own) {
        size.x = x_of(size, t_);
        const double slope = (x_of(size, t_, 1e-4) - x_of(size, t_, -1e-4)) / 2e-4;  // by Σ w g
        const double rho = growth(size, 2) / growth(size, 0);
        double squares = 0, labels = 0;
        for (const Line& line : size.lines) {
          if (line.grows) {
            squares += std::pow(line.weight * (line.whole - line.single - rho * (b1_ - line.b)), 2);
            labels += 1;
          }
        }
        size.variance = labels > 1 ? squares * labels / (labels - 1) * slope * slope : 1;
      }
    }
    Size& few = sizes_[1];
    const Size& lender = std::find_if(sizes_.begin(), sizes_.end(), [](const auto& of) {
                           return of.first >= 2 && of.second.own;
                         })->second;
    const double kept = few.own ? 0.01 / (0.01 + few.variance) : 0;
    const double step = kept * (few.x - lender.x);
    const double unsure = kept * kept * few.variance + lender.variance;
    few.x = lender.x + step;
    sizes_[0].x = few.x + 0.6 * std::max(0.0, 1 - unsure / (step * step)) * step;
  }

  /// Σ w b.
  double correction() const {
    double total = 0;
    for (const auto& [u, size] : sizes_) {
      for (const Line& line : size.lines) {
        total += line.weight * (line.b - missing(size.x, t_, line.b, line.c));
      }
    }
    return total;
  }

 private:
  double missing(double x, double t, double first, double second) const {
    const double tau = t * std::sqrt(std::clamp(1 - x, 0.0, 1.0));
    return x / (1 - tau) * (first - tau / b1_ * second);
  }
  /// Σ w Δ, Σ w Δ2, Σ w g.
  double growth(const Size& size, int which) const {
    double total = 0;
    for (const Line& line : size.lines) {
      total += line.grows ? line.weight * (which == 0   ? b1_ - line.b
                                           : which == 1 ? b1_ * b1_ - line.c
                                                        : line.whole - line.single)
                          : 0.0;
    }
    return total;
  }
  double x_of(const Size& size, double t, double more = 0) const {
    double low = -2, high = 2;
    for (int i = 0; i < 80; ++i) {
      const double x = (low + high) / 2;
      const double grown = growth(size, 0) - missing(x, t, growth(size, 0), growth(size, 1));
      (grown > growth(size, 2) + more ? low : high) = x;
    }
    return low;
  }
  double misfit(double t) const {
    double total = 0;
    for (const auto& [u, size] : sizes_) {
      if (u < 2 || u >= 8 || !(growth(size, 0) > 0)) {
        continue;
      }
      const double x = x_of(size, t);
      for (const Line& line : size.lines) {
        if (line.grows) {
          const double first = line.b_halves - line.b;
          total += line.weight * (line.whole - line.halves - first + missing(x, t, first, line.c_halves - line.c));
        }
      }
    }
    return total;
  }
  std::map<int, Size> sizes_;
  double b1_, t_ = 0;
};

/// Of tokens of a label in a sequence, of few and of many.
std::array<double, 2> correlation_of_labels(const Rows& rows, const std::vector<std::int64_t>& labels,
                                            const std::vector<std::int64_t>& sequences,
                                            const std::vector<std::size_t>& order, const Beta& beta, double of_others) {
  const std::size_t m = rows[0].size();
  std::vector<double> mean(m, 0.0);
  for (const auto& row : rows) {
    for (std::size_t b = 0; b < m; ++b) {
      mean[b] += row[b] / static_cast<double>(rows.size());
    }
  }
  const auto product = [&](std::size_t i, std::size_t j) {
    double total = 0;
    for (std::size_t b = 0; b < m; ++b) {
      total += (rows[i][b] - mean[b]) * (rows[j][b] - mean[b]) / mean[b];
    }
    return total;
  };
  const auto growth = [&](std::size_t i, std::size_t j) {
    return entropy(rows, {i, j}) - (entropy(rows, {i}) + entropy(rows, {j})) / 2;
  };
  // Visits of sequences, and rows of a visit, in the order of the sample.
  std::map<std::int64_t, std::vector<std::vector<std::size_t>>> of_label;
  for (const auto i : order) {
    auto& visits = of_label[labels[i]];
    const auto same = std::find_if(visits.begin(), visits.end(),
                                   [&](const auto& visit) { return sequences[visit[0]] == sequences[i]; });
    (same == visits.end() ? visits.emplace_back() : *same).push_back(i);
  }
  double grown = 0, grown_apart = 0, weights = 0, together = 0, own = 0, pairs = 0, apart = 0, pairs_apart = 0;
  for (const auto& [label, visits] : of_label) {
    double here = 0, between = 0, ordered = 0;
    std::vector<std::size_t> before, all;
    for (const auto& visit : visits) {
      const auto k = static_cast<double>(visit.size());
      for (std::size_t i = 1; i < visit.size(); ++i) {
        here += k * growth(visit[i - 1], visit[i]);
      }
      ordered += k * (k - 1);
      between += before.empty() ? 0.0 : growth(before.back(), visit.front());
      for (const auto i : visit) {
        own += (k - 1) * product(i, i);
        for (const auto j : visit) {
          together += i != j ? product(i, j) : 0.0;
        }
        for (const auto j : all) {
          apart += 2 * product(i, j);
          pairs_apart += 2;
        }
      }
      all.insert(all.end(), visit.begin(), visit.end());
      before = visit;
    }
    pairs += ordered;
    if (ordered > 0 && visits.size() > 1) {
      grown += here;
      grown_apart += ordered * between / static_cast<double>(visits.size() - 1);
      weights += ordered;
    }
  }
  if (weights == 0) {
    return {of_others, of_others};
  }
  double low = 1, high = 2;
  for (int i = 0; i < 50; ++i) {
    const double e = (low + high) / 2;
    ((beta.at(1) - beta.at(e)) * grown_apart < (beta.at(1) - beta.at(2)) * grown ? low : high) = e;
  }
  const double few = 2 / low - 1, of_label_alone = apart / pairs_apart;
  const double many = (together / pairs - of_label_alone) / (own / pairs - of_label_alone);
  const auto with_others = [&](double c) { return (weights * c + 32 * of_others) / (weights + 32); };
  return {with_others(few), with_others(std::min(few, many))};
}

}  // namespace

StatisticsOracle::StatisticsOracle(const Rows& rows, const std::vector<std::int64_t>& labels,
                                   const std::vector<std::int64_t>& sequences, const std::vector<std::size_t>& order,
                                   const std::vector<std::size_t>& start) {
  const std::size_t tokens = rows.size();
  const auto n = static_cast<double>(tokens);
  const std::size_t m = rows[0].size();
  std::vector<std::size_t> all(tokens);
  std::iota(all.begin(), all.end(), 0U);
  const double plugin = infoplane::estimator::entropy(rows, all);
  const Beta beta(rows, order);

  // Variance of the mean row between sequences, and the correlation of two tokens of a sequence.
  std::map<std::int64_t, std::vector<std::size_t>> by_sequence;
  for (std::size_t i = 0; i < tokens; ++i) {
    by_sequence[sequences[i]].push_back(i);
  }
  const auto count = static_cast<double>(by_sequence.size());
  double singles = 0, products = 0, pairs = 0;
  entropy = plugin;
  for (std::size_t b = 0; b < m; ++b) {
    double mean = 0;
    for (const auto& row : rows) {
      mean += row[b] / n;
    }
    double between = 0;
    for (const auto& [sequence, members] : by_sequence) {
      double total = 0;
      for (const auto i : members) {
        total += rows[i][b] - mean;
        singles += (rows[i][b] - mean) * (rows[i][b] - mean) / mean;
        for (const auto j : members) {
          products += i != j ? (rows[i][b] - mean) * (rows[j][b] - mean) / mean : 0.0;
          pairs += i != j && b == 0 ? 1 : 0;
        }
      }
      between += total * total;
    }
    entropy += between * count / (count - 1) / (2 * n * n * mean);
  }
  const double of_others = pairs > 0 ? std::clamp(products / pairs / (singles / n), 0.0, 1.0) : 0.0;

  // Deal the sequences of each label over its parts.
  std::map<std::int64_t, std::array<std::map<std::int64_t, std::vector<std::size_t>>, 4>> parts;
  std::map<std::int64_t, std::pair<std::int64_t, std::size_t>> last;
  for (std::size_t i = 0; i < tokens; ++i) {
    const auto found = last.find(labels[i]);
    if (found == last.end()) {
      last[labels[i]] = {sequences[i], start[static_cast<std::size_t>(labels[i])]};
    } else if (found->second.first != sequences[i]) {
      found->second = {sequences[i], (found->second.second + 1) % 4};
    }
    parts[labels[i]][last[labels[i]].second][sequences[i]].push_back(i);
  }
  const auto correlation = correlation_of_labels(rows, labels, sequences, order, beta, of_others);
  std::map<int, Size> sizes;
  double conditional = 0;
  for (const auto& [label, its_parts] : parts) {
    const auto& four = its_parts;  // a lambda of C++20 may not capture a structured binding in every compiler
    const auto group = [&](std::vector<std::size_t> which, double of, double& h, double& b, double& c, double ways) {
      std::vector<std::size_t> members;
      double squares = 0;
      for (const auto part : which) {
        for (const auto& [sequence, visit] : four[part]) {
          members.insert(members.end(), visit.begin(), visit.end());
          squares += static_cast<double>(visit.size() * visit.size());
        }
      }
      const auto size = static_cast<double>(members.size());
      if (size > 0) {
        const double kish = correlation[1] + (correlation[0] - correlation[1]) * 16 / (16 + size);
        const double value = beta.at(size / (1 + kish * (squares / size - 1)));
        const double share = of > 0 ? size / of / ways : 1.0;
        h += share * infoplane::estimator::entropy(rows, members);
        b += share * value;
        c += share * value * value;
      }
      return size;
    };
    Line line;
    line.n = group({0, 1, 2, 3}, 0, line.whole, line.b, line.c, 1);
    line.weight = line.n / n;
    int used = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      used += four[i].empty() ? 0 : 1;
      for (const auto& [sequence, visit] : four[i]) {
        for (const auto row : visit) {
          line.single += infoplane::estimator::entropy(rows, {row}) / line.n;
        }
      }
    }
    line.grows = used > 1;
    std::array<double, 3> way{};
    for (std::size_t w = 0; w < 3; ++w) {
      const std::size_t with = w + 1, a = w == 0 ? 2 : 1, b = w == 2 ? 2 : 3;
      group({0, with}, line.n, way[w], line.b_halves, line.c_halves, 1);
      group({a, b}, line.n, way[w], line.b_halves, line.c_halves, 1);
    }
    line.b_halves /= 3;
    line.c_halves /= 3;
    line.halves = (way[0] + way[1] + way[2]) / 3;
    for (const double h : way) {
      line.noise += (h - line.halves) * (h - line.halves) / 2;
    }
    conditional += line.weight * line.whole;
    sizes[static_cast<int>(std::floor(std::log2(line.n)))].lines.push_back(line);
    null += line.weight * beta.at(line.n);
  }
  corrected = entropy - conditional - Extrapolated(sizes, beta.at(1)).correction();
  null -= beta.at(n);  // H* − H(Z): the sample is the stream, and beyond a quarter of it β is its leading term
}

}  // namespace infoplane::estimator
