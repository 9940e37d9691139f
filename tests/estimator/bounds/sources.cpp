#include "estimator/bounds/sources.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <infoplane/core/hash.hpp>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

constexpr auto kX = static_cast<std::size_t>(Source::kTokens);

/// In [0, 1), of a counter.
double uniform(std::uint64_t& state) { return static_cast<double>(splitmix64(state++) >> 11U) * 0x1p-53; }

std::size_t drawn(const double* p, std::size_t count, std::uint64_t& state) {
  double left = uniform(state);
  for (std::size_t i = 0; i + 1 < count; ++i) {
    if ((left -= p[i]) < 0) {
      return i;
    }
  }
  return count - 1;
}

}  // namespace

double plain_entropy(const std::vector<double>& sums) {
  double total = 0, all = 0;
  for (const double value : sums) {
    all += value;
  }
  for (const double value : sums) {
    total -= value > 0 ? value / all * std::log(value / all) : 0.0;
  }
  return total;
}

void add_weighted(std::vector<double>& into, double weight, const std::vector<double>& p) {
  into.resize(p.size(), 0.0);
  for (std::size_t b = 0; b < p.size(); ++b) {
    into[b] += weight * p[b];
  }
}

Source::Source(Kind of_kind) : kind(of_kind), next(kX * kX * kX, 0.0), p_cx(kX * kX, 1.0 / (kX * kX)) {
  of_state = normal({kTokens, 1, kDimension}, 5).add(normal({kTokens, kTokens, kDimension}, 6).mul(1.2));
  of_state = of_state.reshape({kTokens * kTokens, kDimension});
  std::uint64_t state = 11;
  for (std::size_t c = 0; c < kX; ++c) {
    for (std::size_t x = 0; x < kX; ++x) {
      double* const row = next.data() + (c * kX + x) * kX;
      if (kind == Kind::kMarkov && c > 0) {
        std::copy_n(next.data() + x * kX, kX, row);
        continue;
      }
      double sum = 0;
      for (std::size_t y = 0; y < kX; ++y) {
        sum += row[y] = kind == Kind::kIndependent ? 1.0 : std::pow(uniform(state), 4) + 0.01;
      }
      for (std::size_t y = 0; y < kX; ++y) {
        row[y] /= sum;
      }
    }
  }
  for (int sweep = 0; sweep < 200; ++sweep) {  // to the stationary p(c, x)
    std::vector<double> after(kX * kX, 0.0);
    for (std::size_t c = 0; c < kX; ++c) {
      for (std::size_t x = 0; x < kX; ++x) {
        for (std::size_t y = 0; y < kX; ++y) {
          const double p = p_cx[c * kX + x] * next[(c * kX + x) * kX + y];
          if (kind == Kind::kMemory) {
            after[x * kX + y] += p;
          } else {
            for (std::size_t coin = 0; coin < kX; ++coin) {
              after[coin * kX + y] += p / kX;
            }
          }
        }
      }
    }
    p_cx = after;
  }
}

Source::Text Source::draw(std::int64_t sequences, std::int64_t length, std::uint64_t seed) const {
  Text text{{}, {}, sequences, length, {}};
  std::uint64_t state = splitmix64(seed);
  std::vector<std::int64_t> rows;
  for (std::int64_t s = 0; s < sequences; ++s) {
    const std::size_t first = drawn(p_cx.data(), kX * kX, state);
    std::size_t c = first / kX, x = first % kX;
    for (std::int64_t t = 0; t < length; ++t) {
      text.tokens.push_back(static_cast<std::int64_t>(x));
      text.states.push_back(static_cast<std::int64_t>(c));
      rows.push_back(static_cast<std::int64_t>(x * kX + c));
      const std::size_t y = drawn(next.data() + (c * kX + x) * kX, kX, state);
      c = kind == Kind::kMemory ? x : static_cast<std::size_t>(uniform(state) * kX);
      x = y;
    }
  }
  text.z = of_state.index_select(0, to_tensor(rows)).reshape({sequences, length, kDimension});
  return text;
}

Source::Truth Source::truth(const at::Tensor& weight, double epsilon) const {
  const Oracle oracle(of_state, weight, epsilon);
  const auto m = static_cast<std::size_t>(weight.size(0));
  std::vector<double> all(m, 0.0), p_x(kX, 0.0), p_y(kX, 0.0);
  std::vector<std::vector<double>> of_x(kX, all), of_y(kX, all), through(kX, all);
  double rows = 0;
  for (std::size_t c = 0; c < kX; ++c) {
    for (std::size_t x = 0; x < kX; ++x) {
      const double p = p_cx[c * kX + x];
      const auto& row = oracle.row(x * kX + c);
      add_weighted(all, p, row);
      add_weighted(of_x[x], p, row);
      p_x[x] += p;
      rows += p * plain_entropy(row);
      for (std::size_t y = 0; y < kX; ++y) {
        const double of_pair = p * next[(c * kX + x) * kX + y];
        add_weighted(of_y[y], of_pair, row);
        p_y[y] += of_pair;
      }
    }
  }
  for (std::size_t c = 0; c < kX; ++c) {
    for (std::size_t x = 0; x < kX; ++x) {
      for (std::size_t y = 0; y < kX; ++y) {
        add_weighted(through[y], p_cx[c * kX + x] * next[(c * kX + x) * kX + y] / p_x[x], of_x[x]);
      }
    }
  }
  Truth result;
  result.context = plain_entropy(all) - rows;
  result.complexity = result.expressivity = result.through = plain_entropy(all);
  for (std::size_t label = 0; label < kX; ++label) {
    result.complexity -= p_x[label] * plain_entropy(of_x[label]);
    result.expressivity -= p_y[label] * plain_entropy(of_y[label]);
    result.through -= p_y[label] * plain_entropy(through[label]);
  }
  return result;
}

}  // namespace infoplane::estimator
