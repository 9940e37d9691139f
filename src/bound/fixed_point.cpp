#include "bound/fixed_point.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace infoplane::bound {
namespace {

constexpr double kFirstLongest = 4;
constexpr double kLongest = 16;
constexpr double kShortest = 2;
constexpr double kChange = 4;      // factor of the longest step when it was too short or too long
constexpr double kMostLost = 0.3;  // an extrapolated √p is not below this share of where it comes from

double value_of(const IbPoint& point) { return point.expressivity - point.complexity / point.beta; }

/// p of an extrapolated √p. Extrapolation is along √p(y, t): there the distance of near distributions is the same
/// everywhere, that of Fisher's metric, and 0 is no wall.
double extrapolated(double root, double last_root) {
  const double bounded = std::max(root, kMostLost * last_root);
  return bounded * bounded;
}

/// Step length of SQUAREM's third scheme from three iterates: 1 is where the last of them is.
double step_length(const Clusters& zero, const Clusters& one, const Clusters& two, double longest) {
  double change = 0;
  double turn = 0;
  for (std::size_t i = 0; i < zero.joint.size(); ++i) {
    const double middle = std::sqrt(one.joint[i]);
    const double r = middle - std::sqrt(zero.joint[i]);
    const double v = std::sqrt(two.joint[i]) - middle - r;
    change += r * r;
    turn += v * v;
  }
  return turn > 0 ? std::min(std::sqrt(change / turn), longest) : 1;
}

/// Puts the extrapolated point in the place of `zero`.
void extrapolate(Clusters& zero, const Clusters& one, const Clusters& two, double step) {
  for (std::size_t i = 0; i < zero.joint.size(); ++i) {
    const double start = std::sqrt(zero.joint[i]);
    const double middle = std::sqrt(one.joint[i]);
    const double last = std::sqrt(two.joint[i]);
    const double r = middle - start;
    const double v = last - middle - r;
    zero.joint[i] = extrapolated(start + step * (2 * r + step * v), last);
  }
  normalise(zero);
}

}  // namespace

IbPoint solve_at(SelfConsistent& equations, double beta, const Stop& stop, Method method, Clusters& clusters) {
  Clusters one;
  Clusters two;
  std::int64_t used = 0;
  const auto iterate = [&](const Clusters& from, Clusters& to) {
    ++used;
    return equations.iterate(beta, from, to);
  };
  auto point = iterate(clusters, one);
  std::swap(clusters, one);
  double longest = kFirstLongest;
  while (used < stop.max_iterations) {
    const auto first = iterate(clusters, one);
    if (used == stop.max_iterations) {
      std::swap(clusters, one);
      return first;
    }
    const auto second = iterate(one, two);
    const bool still = value_of(second) - value_of(point) < stop.resolution;
    point = second;
    const bool may = !still && used < stop.max_iterations && method == Method::kAccelerated;
    const double step = may ? step_length(clusters, one, two, longest) : 1;
    if (step > 1) {
      extrapolate(clusters, one, two, step);
      const auto third = iterate(clusters, one);
      if (value_of(third) >= value_of(second)) {
        longest = step < longest ? longest : std::min(longest * kChange, kLongest);
        point = third;
        std::swap(clusters, one);
        continue;
      }
      longest = std::max(longest / kChange, kShortest);
    }
    std::swap(clusters, two);
    if (still) {
      break;
    }
  }
  return point;
}

Clusters extrapolated(const Clusters& first, const Clusters& last, double factor) {
  Clusters to = last;
  for (std::size_t i = 0; i < to.joint.size(); ++i) {
    const double root = std::sqrt(last.joint[i]);
    to.joint[i] = extrapolated(root + factor * (root - std::sqrt(first.joint[i])), root);
  }
  normalise(to);
  return to;
}

}  // namespace infoplane::bound
