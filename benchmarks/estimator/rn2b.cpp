#include "rn2b.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <infoplane/core/hash.hpp>
#include <infoplane/estimator/assignment/anchors.hpp>
#include <infoplane/estimator/assignment/temperature.hpp>
#include <numeric>
#include <random>
#include <vector>

#include "simulation.hpp"

namespace infoplane::simulation {
namespace {

constexpr std::int64_t kAnchors = 100, kSample = 4096;
constexpr std::size_t kBuckets = 40;

double entropy_of(const at::Tensor& p) { return entropies(p).item<double>(); }

/// Bias of n tokens that say nothing: at powers of two from groups of one permutation, linear in log n between them.
class Curve {
 public:
  explicit Curve(const at::Tensor& p) {
    const std::int64_t tokens = p.size(0);
    std::vector<std::int64_t> order(static_cast<std::size_t>(tokens));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(static_cast<std::uint64_t>(tokens)));
    order.resize(static_cast<std::size_t>(std::min(tokens, kSample)));
    const auto rows = static_cast<std::int64_t>(order.size());
    const at::Tensor sample = p.index_select(0, at::tensor(at::ArrayRef<std::int64_t>(order), at::kLong));
    const at::Tensor mean = p.mean(0);
    spread_ = (p.var(0) / mean).sum().item<double>();
    entropy_ = entropy_of(mean) + spread_ / (2 * static_cast<double>(tokens));
    for (std::int64_t n = 1; 4 * n <= rows; n *= 2) {
      const at::Tensor groups = sample.slice(0, 0, rows / n * n).reshape({rows / n, n, kAnchors}).mean(1);
      knots_.push_back(entropy_ - entropies(groups).mean().item<double>());
    }
  }
  /// H(Z) without its own bias.
  double entropy() const { return entropy_; }
  double operator()(double n) const {
    if (n < 1) {
      return 0;
    }
    const double place = std::log2(n);
    const auto below = static_cast<std::size_t>(place);
    if (below + 1 >= knots_.size()) {
      return spread_ / (2 * n);
    }
    return knots_[below] + (place - static_cast<double>(below)) * (knots_[below + 1] - knots_[below]);
  }

 private:
  double entropy_ = 0;
  double spread_ = 0;
  std::vector<double> knots_;
};

/// Means of H, β and β² over parts of a label, weighted by their tokens.
struct Means {
  double entropy = 0, bias = 0, bias2 = 0;
};

/// `entropies` are those of the parts.
Means means(const double* entropies, const std::vector<double>& tokens, const Curve& curve) {
  const double total = std::accumulate(tokens.begin(), tokens.end(), 0.0);
  Means result;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] > 0) {
      const double share = tokens[i] / total, beta = curve(tokens[i]);
      result.entropy += share * entropies[i];
      result.bias += share * beta;
      result.bias2 += share * beta * beta;
    }
  }
  return result;
}

struct Equations {
  double a11 = 0, a12 = 0, a21 = 0, a22 = 0, d1 = 0, d2 = 0, bias = 0, bias2 = 0;
  bool any = false;
  void add(const Equations& other, double times) {
    for (const auto each :
         {&Equations::a11, &Equations::a12, &Equations::a21, &Equations::a22, &Equations::d1, &Equations::d2}) {
      this->*each += times * (other.*each);
    }
  }
  /// What ρ and κ of these equations take away from the labels whose Σ w β and Σ w β² are given.
  double correction(double of_bias, double of_bias2) const {
    const double determinant = a11 * a22 - a12 * a21;
    if (std::abs(determinant) <= 1e-6 * (std::abs(a11 * a22) + std::abs(a12 * a21))) {
      return a11 > 0 ? d1 / a11 * of_bias : of_bias;
    }
    return ((d1 * a22 - d2 * a12) * of_bias + (a11 * d2 - a21 * d1) * of_bias2) / determinant;
  }
};

}  // namespace

double rn2b(const at::Tensor& z, const at::Tensor& labels, std::int64_t count) {
  const std::int64_t d = z.size(-1);
  const at::Tensor rows = z.reshape({-1, d});
  const estimator::Anchors anchors(kAnchors, d);
  const double epsilon = estimator::temperature(d, kAnchors);
  const at::Tensor p =
      ((rows / rows.norm(2, {1}, true)).matmul(anchors.weight().t()) / epsilon).softmax(1).to(at::kDouble);
  const at::Tensor flat = labels.reshape({-1}).contiguous();
  const std::int64_t* const x = flat.const_data_ptr<std::int64_t>();
  std::vector<std::int64_t> seen(static_cast<std::size_t>(count), 0), part;
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    const auto occurrence = static_cast<std::uint64_t>(seen[static_cast<std::size_t>(x[i])]++);
    part.push_back(4 * x[i] +
                   static_cast<std::int64_t>((occurrence + splitmix64(static_cast<std::uint64_t>(x[i]))) % 4));
  }
  const at::Tensor index = at::tensor(at::ArrayRef<std::int64_t>(part), at::kLong);
  const at::Tensor quarters =
      at::zeros({4 * count, kAnchors}, at::kDouble).index_add(0, index, p).reshape({count, 4, kAnchors});
  const at::Tensor tokens = at::zeros({4 * count}, at::kDouble).index_add(0, index, at::ones_like(index, at::kDouble));
  const double* const of_part = tokens.const_data_ptr<double>();
  const at::Tensor halves = quarters.slice(1, 0, 2) + quarters.slice(1, 2, 4);  // {0, 2} and {1, 3}
  const at::Tensor of_whole = entropies(quarters.sum(1)), of_halves = entropies(halves),
                   of_quarters = entropies(quarters);
  const Curve curve(p);
  const auto total = static_cast<double>(flat.numel());
  double conditional = 0;
  Equations all;
  std::array<Equations, kBuckets> buckets{};
  for (std::int64_t label = 0; label < count; ++label) {
    const std::vector<double> four(of_part + 4 * label, of_part + 4 * label + 4);
    const double n = four[0] + four[1] + four[2] + four[3];
    if (n == 0) {
      continue;
    }
    const double w = n / total;
    const Means whole = means(of_whole.const_data_ptr<double>() + label, {n}, curve);
    conditional += w * whole.entropy;
    Equations& bucket = buckets.at(static_cast<std::size_t>(std::log2(n)));
    bucket.bias += w * whole.bias;
    bucket.bias2 += w * whole.bias2;
    if (n < 4) {
      continue;
    }
    const Means half =
        means(of_halves.const_data_ptr<double>() + 2 * label, {four[0] + four[2], four[1] + four[3]}, curve);
    const Means quarter = means(of_quarters.const_data_ptr<double>() + 4 * label, four, curve);
    for (Equations* const each : {&all, &bucket}) {
      each->a11 += w * (half.bias - whole.bias);
      each->a12 += w * (half.bias2 - whole.bias2);
      each->a21 += w * (quarter.bias - half.bias);
      each->a22 += w * (quarter.bias2 - half.bias2);
      each->d1 += w * (whole.entropy - half.entropy);
      each->d2 += w * (half.entropy - quarter.entropy);
      each->any = true;
    }
  }
  double correction = 0;
  std::size_t lender = 2;
  for (std::size_t u = kBuckets; u-- > 2;) {
    lender = buckets[u].any ? u : lender;
  }
  for (std::size_t u = 0; u < kBuckets; ++u) {
    Equations equations = u < 2 ? buckets[lender] : buckets[u];
    equations.add(all, 0.05);
    correction += equations.correction(buckets[u].bias, buckets[u].bias2);
  }
  return curve.entropy() - conditional - correction;
}

}  // namespace infoplane::simulation
