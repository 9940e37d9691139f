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
  double at(double n) const {
    const double below = std::floor(n);
    return whole(below) + (n > below ? (n - below) * (whole(below + 1) - whole(below)) : 0.0);
  }

 private:
  double whole(double n) const {
    const auto k = static_cast<std::size_t>(std::floor(std::log2(n)));
    if (std::exp2(static_cast<double>(k)) == n && k < knots_.size()) {
      return knots_[k];
    }
    if (k + 1 >= knots_.size()) {
      return spread_ / (2 * n);
    }
    const double t = std::log2(n) - static_cast<double>(k);
    return std::exp((1 - t) * std::log(knots_[k]) + t * std::log(knots_[k + 1]));
  }
  double spread_ = 0;
  std::vector<double> knots_;
};

struct Line {
  double n = 0, weight = 0, whole = 0, halves = 0, quarters = 0;
  double b = 0, b_halves = 0, b_quarters = 0, c = 0, c_halves = 0, c_quarters = 0;  // β and β²
};

std::array<double, 2> solve(const std::vector<Line>& lines, const std::vector<double>& shares) {
  double a11 = 0, a12 = 0, a21 = 0, a22 = 0, d1 = 0, d2 = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Line& l = lines[i];
    const double w = l.n >= 4 ? l.weight * shares[i] : 0.0;
    a11 += w * (l.b_halves - l.b);
    a12 += w * (l.c_halves - l.c);
    a21 += w * (l.b_quarters - l.b_halves);
    a22 += w * (l.c_quarters - l.c_halves);
    d1 += w * (l.whole - l.halves);
    d2 += w * (l.halves - l.quarters);
  }
  const double determinant = a11 * a22 - a12 * a21;
  return {(a22 * d1 - a12 * d2) / determinant, (a11 * d2 - a21 * d1) / determinant};
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
  const double correlation = pairs > 0 ? std::clamp(products / pairs / (singles / n), 0.0, 1.0) : 0.0;

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
  std::vector<Line> lines;
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
        const double value = beta.at(size / (1 + correlation * (squares / size - 1)));
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
    for (std::size_t i = 0; i < 4; ++i) {
      group({i}, line.n, line.quarters, line.b_quarters, line.c_quarters, 1);
      for (std::size_t j = i + 1; j < 4; ++j) {
        group({i, j}, line.n, line.halves, line.b_halves, line.c_halves, 3);
      }
    }
    conditional += line.weight * line.whole;
    lines.push_back(line);
  }
  const auto bucket = [](const Line& line) { return static_cast<int>(std::floor(std::log2(line.n))); };
  int first = 99;
  for (const Line& line : lines) {
    first = line.n >= 4 ? std::min(first, bucket(line)) : first;
  }
  corrected = entropy - conditional;
  null = 0;
  for (const Line& line : lines) {
    const int own = std::max(bucket(line), 2) == 2 && line.n < 4 ? first : bucket(line);
    std::vector<double> shares;
    for (const Line& other : lines) {
      shares.push_back(0.2 + (other.n >= 4 && bucket(other) == own ? 1.0 : 0.0));
    }
    const auto [rho, kappa] = solve(lines, shares);
    corrected -= line.weight * (rho * line.b + kappa * line.c);
    null += line.weight * beta.at(line.n);
  }
  null -= beta.at(n);  // H* − H(Z): the sample is the stream, and beyond a quarter of it β is its leading term
}

}  // namespace infoplane::estimator
