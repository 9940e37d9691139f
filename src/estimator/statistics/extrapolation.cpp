#include "estimator/statistics/extrapolation.hpp"

#include <algorithm>
#include <cmath>

namespace infoplane::estimator {
namespace {

constexpr double kResolution = 1e-6;  // of an entropy, in nats

// What t was for clusters on a sphere (0.44 … 0.51) and for layers of a language model (0.32 … 0.46): where the labels
// of a run do not tell it, because they say little or are few. docs/studies/simulation.md
constexpr double kUsualShape = 0.47;
constexpr double kShapeSpread = 0.08;
constexpr double kLeastShape = 0.1, kMostShape = 0.54;
// Of the growth from halves to all tokens, which the model follows no better than that: more tokens do not make t
// surer.
constexpr double kTolerance = 0.006;
constexpr std::size_t kFirst = 2, kShapeEnd = 8;  // buckets that halve; those up to 255 tokens tell the shape

// Between labels of neighbouring sizes, as x: less is taken for noise where x is known no better.
constexpr double kUsualStep = 0.1;
// How far labels of one token are from those of two or three, in differences of these from those of 4 to 7: 0.54 to
// 0.68 in populations of Zipf labels that say the more, or the less, the rarer they are.
constexpr double kFarther = 0.6;

// What the model is wrong by beside t, as a part of what labels have less bias than by chance.
constexpr double kModelError = 0.05;

// What the number of independent tokens is wrong by, as a part of the bias that comes from tokens that are not.
constexpr double kDependenceError = 0.08;

using Sum = LabelTotals::Sum;

}  // namespace

std::array<double, 2> Extrapolation::coefficients(double x, double shape) const noexcept {
  const double at_one = shape * std::sqrt(std::clamp(1 - x, 0.0, 1.0));  // τ β(1)
  const double delta = x / (1 - at_one);
  return {1 - delta, delta * at_one / at_one_};
}

double Extrapolation::missing(double x, double shape, double first, double second) const noexcept {
  const auto [rho, kappa] = coefficients(x, shape);
  return (1 - rho) * first - kappa * second;
}

double Extrapolation::solve(const Bucket& sums, double shape) const noexcept {
  const double first = sums[Sum::kGrowthBias], second = sums[Sum::kGrowthBias2];
  const double wanted = first - sums[Sum::kGrowth];
  if (wanted <= 0) {  // τ does not change there
    return wanted * (1 - shape) / (first - shape / at_one_ * second);
  }
  if (wanted >= first) {
    return wanted / first;
  }
  double low = 0, high = 1;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (missing(middle, shape, first, second) < wanted ? low : high) = middle;
  }
  return (low + high) / 2;
}

Extrapolation::Solution Extrapolation::solved(const Bucket& sums) const noexcept {
  constexpr double kStep = 1e-4;
  const double first = sums[Sum::kGrowthBias], second = sums[Sum::kGrowthBias2];
  Solution result;
  result.own = true;
  result.x = solve(sums, shape_);
  const double slope = (missing(result.x + kStep, shape_, first, second) -  //
                        missing(result.x - kStep, shape_, first, second)) /
                       (2 * kStep);
  result.slope_of_growth = -1 / slope;
  result.slope_of_shape = -(missing(result.x, shape_ + kStep, first, second) -  //
                            missing(result.x, shape_ - kStep, first, second)) /
                          (2 * kStep) / slope;
  const double labels = sums[Sum::kGrowing], rho = sums[Sum::kGrowth] / first;
  const double squares = sums[Sum::kGrowthGG] - 2 * rho * sums[Sum::kGrowthGB] + rho * rho * sums[Sum::kGrowthBB];
  result.variance =
      labels > 1 ? std::max(0.0, squares) * labels / (labels - 1) * result.slope_of_growth * result.slope_of_growth
                 : 1.0;
  return result;
}

double Extrapolation::misfit(double shape) const noexcept {
  double total = 0;
  for (std::size_t u = kFirst; u < kShapeEnd; ++u) {
    if (const Bucket& sums = totals_.bucket(u); tells_shape(u)) {
      total += sums[Sum::kHalf] - sums[Sum::kHalfBias] +
               missing(solve(sums, shape), shape, sums[Sum::kHalfBias], sums[Sum::kHalfBias2]);
    }
  }
  return total;
}

bool Extrapolation::tells_shape(std::size_t bucket) const noexcept {
  const Bucket& sums = totals_.bucket(bucket);
  return bucket >= kFirst && bucket < kShapeEnd && sums[Sum::kGrowthBias] > 0 && sums[Sum::kHalfBias] > 0;
}

void Extrapolation::fit_shape() {
  double noise = 0, halves = 0;
  most_shape_ = kMostShape;
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    const Bucket& sums = totals_.bucket(u);
    if (sums[Sum::kGrowthBias] > 0) {  // with a larger one, growth would fall with x
      most_shape_ = std::min(most_shape_, 0.95 * at_one_ * sums[Sum::kGrowthBias] / sums[Sum::kGrowthBias2]);
    }
    noise += tells_shape(u) ? sums[Sum::kNoise] : 0.0;
    halves += tells_shape(u) ? sums[Sum::kHalfBias] : 0.0;
  }
  shape_ = std::min(kUsualShape, most_shape_);
  precision_ = 1 / (kShapeSpread * kShapeSpread);
  squared_tolerance_ = kTolerance * kTolerance * halves * halves;
  if (!(halves > 0)) {
    return;
  }
  constexpr double kStep = 1e-3;
  const double variance = noise + squared_tolerance_;
  for (int i = 0; i < 6; ++i) {  // Gauss and Newton
    const double slope = (misfit(shape_ + kStep) - misfit(shape_ - kStep)) / (2 * kStep);
    misfit_slope_ = slope / variance;
    precision_ = slope * misfit_slope_ + 1 / (kShapeSpread * kShapeSpread);
    const double gradient = misfit(shape_) * misfit_slope_ + (shape_ - kUsualShape) / (kShapeSpread * kShapeSpread);
    shape_ = std::clamp(shape_ - gradient / precision_, std::min(kLeastShape, most_shape_), most_shape_);
  }
}

Extrapolation::Extrapolation(const LabelTotals& totals, const ChanceLevel& curve)
    : totals_(totals), at_one_(curve.bias(1)) {
  if (!(at_one_ > kResolution)) {  // all tokens are alike: no bias
    solved_ = true;
    return;
  }
  fit_shape();
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    if (totals.bucket(u)[Sum::kGrowthBias] > 0) {
      solutions_[u] = solved(totals.bucket(u));
      solved_ = true;
    }
  }
  if (solved_) {
    borrow();
    differentiate();
  }
}

void Extrapolation::borrow() {
  const auto own = [](const Solution& solution) { return solution.own; };
  const auto from = std::find_if(solutions_.begin() + kFirst, solutions_.end(), own);
  lender_ = from != solutions_.end() ? static_cast<std::size_t>(from - solutions_.begin()) : 1;
  Solution &once = solutions_[0], &few = solutions_[1];
  if (!few.own) {
    few.x = solutions_[lender_].x;
    kept_ = 0;
  } else if (lender_ > 1) {
    kept_ = kUsualStep * kUsualStep / (kUsualStep * kUsualStep + few.variance);
    const double step = kept_ * (few.x - from->x);
    const double noise = kept_ * kept_ * few.variance + from->variance;
    farther_ = kFarther * std::max(0.0, 1 - noise / std::max(step * step, 1e-300));
    few.x = from->x + step;
  }
  once.x = few.x + farther_ * (few.x - solutions_[lender_].x);
  for (std::size_t u = kFirst; u < LabelTotals::kBuckets; ++u) {
    if (!solutions_[u].own) {
      solutions_[u].x = solutions_[u < lender_ ? lender_ : u - 1].x;
    }
  }
  for (Solution& solution : solutions_) {
    const auto [rho, kappa] = coefficients(solution.x, shape_);
    solution.rho = rho;
    solution.kappa = kappa;
  }
}

void Extrapolation::differentiate() {
  constexpr double kStep = 1e-4;
  std::array<double, LabelTotals::kBuckets> by_x{};  // of Σ w b, by the x that a bucket has of its own
  std::size_t last = lender_;
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    const double x = solutions_[u].x, first = totals_.bucket(u)[Sum::kBias], second = totals_.bucket(u)[Sum::kBias2];
    gain_of_shape_ -=
        (missing(x, shape_ + kStep, first, second) - missing(x, shape_ - kStep, first, second)) / (2 * kStep);
    const double slope =
        -(missing(x + kStep, shape_, first, second) - missing(x - kStep, shape_, first, second)) / (2 * kStep);
    if (u < kFirst) {
      const double part = u == 0 ? kept_ * (1 + farther_) : kept_;
      by_x[1] += part * slope;
      by_x[lender_] += (1 - part) * slope;
    } else {
      last = solutions_[u].own ? u : last;
      by_x[u < lender_ ? lender_ : last] += slope;
    }
  }
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    gain_of_shape_ += by_x[u] * solutions_[u].slope_of_shape;
  }
  for (std::size_t u = 1; u < LabelTotals::kBuckets; ++u) {
    if (!solutions_[u].own) {
      continue;
    }
    gains_[u].growth = by_x[u] * solutions_[u].slope_of_growth;
    if (tells_shape(u)) {
      const Bucket& sums = totals_.bucket(u);
      const double first = sums[Sum::kHalfBias], second = sums[Sum::kHalfBias2], x = solutions_[u].x;
      const double slope =
          (missing(x + kStep, shape_, first, second) - missing(x - kStep, shape_, first, second)) / (2 * kStep);
      const double through_shape = -gain_of_shape_ * misfit_slope_ / precision_;
      gains_[u].half = through_shape;
      gains_[u].growth += through_shape * slope * solutions_[u].slope_of_growth;
    }
  }
}

double Extrapolation::correction() const noexcept {
  double total = 0;
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    total += solutions_[u].rho * totals_.bucket(u)[Sum::kBias] + solutions_[u].kappa * totals_.bucket(u)[Sum::kBias2];
  }
  return total / totals_.sum(Sum::kWeight);
}

Extrapolation::Gain Extrapolation::gain(std::int64_t tokens) const noexcept {
  return gains_[LabelTotals::bucket_of(tokens)];
}

double Extrapolation::of(std::int64_t tokens, const LabelBiases::Powers& powers) const noexcept {
  const Solution& solution = solutions_[LabelTotals::bucket_of(tokens)];
  return solution.rho * powers.first + solution.kappa * powers.second;
}

double Extrapolation::second_order() const noexcept {
  // With deviations δ of the parts from P_x, in units of √P_x, the entropies are −C/16, −C/24 and 0, for all tokens,
  // for halves and for single ones, where C is the sum of the six products δ_i · δ_j, plus what the squares of δ give
  // and the extrapolation removes. Halving in one way has 2 of them, times −1/8: a variance of 1/32 of that of a
  // product.
  const Bucket& lender = totals_.bucket(lender_);
  const double unit = lender[Sum::kSplitSquares] > 0 ? lender[Sum::kUnitNoise] / lender[Sum::kSplitSquares] : 0.0;
  const double few = 1 + gains_[1].growth;
  double total = few * few * unit * totals_.bucket(1)[Sum::kNoise];
  for (std::size_t u = kFirst; u < LabelTotals::kBuckets; ++u) {
    const double factor = 1.0 / 16 + gains_[u].half * (1.0 / 16 - 1.0 / 24) + gains_[u].growth / 16;
    total += 6 * 32 * factor * factor * totals_.bucket(u)[Sum::kNoise];
  }
  const double weight = totals_.sum(Sum::kWeight);
  return total / (weight * weight);
}

double Extrapolation::squared_model_error() const noexcept {
  const double weight = totals_.sum(Sum::kWeight);
  double total = 0, before = 0;
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    const double first = totals_.bucket(u)[Sum::kBias], second = totals_.bucket(u)[Sum::kBias2];
    const double distance = kModelError * ((1 - solutions_[u].rho) * first - solutions_[u].kappa * second);
    total += distance * (distance + before);  // errors of neighbours are half the same
    before = distance;
  }
  // What t is not known by, beside the noise, which influences have.
  const double learned = misfit_slope_ * misfit_slope_ / (precision_ * precision_) * squared_tolerance_;
  const double usual = 1 / (kShapeSpread * kShapeSpread * precision_);
  total += gain_of_shape_ * gain_of_shape_ * (learned + usual * usual * kShapeSpread * kShapeSpread);
  const double dependence = kDependenceError * (totals_.sum(Sum::kBias) - totals_.sum(Sum::kChance));
  total += dependence * dependence;
  return total / (weight * weight);
}

double Extrapolation::squared_residuals() const noexcept {
  const double weight = totals_.sum(Sum::kWeight);
  const double mean = totals_.sum(Sum::kEntropy) / weight + correction();
  double total = 0;
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    const LabelTotals::Bucket& s = totals_.bucket(u);
    const double rho = solutions_[u].rho, kappa = solutions_[u].kappa;
    total += s[Sum::kSquaresHH] + rho * rho * s[Sum::kSquaresBB] + kappa * kappa * s[Sum::kSquaresB2B2] +
             2 * (rho * s[Sum::kSquaresHB] + kappa * s[Sum::kSquaresHB2] + rho * kappa * s[Sum::kSquaresBB2]) +
             mean * (mean * s[Sum::kSquares] -
                     2 * (s[Sum::kSquaresH] + rho * s[Sum::kSquaresB] + kappa * s[Sum::kSquaresB2]));
  }
  return std::max(0.0, total) / (weight * weight);
}

}  // namespace infoplane::estimator
