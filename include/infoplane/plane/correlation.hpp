#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace infoplane::plane {

/// A correlation coefficient with its 95 % interval, of few pairs too.
struct Correlation {
  double value = 0;  ///< NaN where it is undefined: fewer than 3 pairs, or one side is constant
  /// Ends of the interval.
  double low = 0, high = 0;  ///< NaN below kLeastForInterval pairs
  double p_value = 0;        ///< two-sided, of no correlation; NaN where the value is
  std::int64_t count = 0;    ///< pairs of finite numbers that entered
  bool exact = false;        ///< p_value counts all orders of the pairs, else it is an approximation
  std::string reason = {};   ///< why the value, or else the interval, is NaN; empty where neither is
};

/// Pairs that an interval needs: Fisher's z divides by n − 3.
inline constexpr std::int64_t kLeastForInterval = 4;
/// Pairs up to which p counts all n! orders.
inline constexpr std::int64_t kMostForExact = 9;

/// Pearson's r. Pairs with a value that is not finite are left out.
///
/// p: up to kMostForExact pairs the share of all n! ways to pair the two sides whose |r| is as large, ties as they are,
/// which assumes no distribution: 2/6 and 2/24 for 3 and 4 pairs in perfect order. For more, Student's t with n − 2
/// degrees of freedom, but never below 1/n!.
///
/// Interval: Fisher's z, r = tanh(atanh r ± 1.96 / √(n − 3)), whose end towards 0 is computed from no more evidence
/// than n pairs can give: z at most that of a perfect order, Φ⁻¹(1 − 1/n!) / √(n − 3), and where p is 0.05 or more at
/// most Φ⁻¹(1 − p/2) / √(n − 3), so that it holds 0. So an |r| of 1 has an interval, too, that ends in it.
/// @throws ArgumentError if the sizes differ.
Correlation pearson(const std::vector<double>& x, const std::vector<double>& y);

/// Spearman's ρ: Pearson's r of the ranks, ties at their mean rank. p as above. Interval as above with the variance
/// (1 + ρ²/2) / (n − 3) of Bonett and Wright (Psychometrika 65, 2000). Of 4 to 8 normal pairs with a ρ up to 0.97 it
/// held the truth in 95 % of 4000 simulated samples or more, at 0.99 in 86 % or more.
/// @throws ArgumentError if the sizes differ.
Correlation spearman(const std::vector<double>& x, const std::vector<double>& y);

/// Two-sided p of Student's t with `degrees` degrees of freedom.
double student_p(double t, double degrees);

}  // namespace infoplane::plane
