#pragma once

#include <cstdint>
#include <vector>

namespace infoplane::plane {

/// A correlation coefficient with its 95 % interval.
struct Correlation {
  double value = 0;          ///< NaN where it is undefined: fewer than 3 pairs, or one side is constant
  double low = 0, high = 0;  ///< NaN below 4 pairs
  double p_value = 0;        ///< two-sided, of no correlation; NaN where the value is
  std::int64_t count = 0;    ///< pairs of finite numbers that entered
};

/// Pearson's r. Interval: Fisher's z, r = tanh(atanh r ± 1.96 / √(n − 3)); p: Student's t with n − 2 degrees of
/// freedom. Pairs with a value that is not finite are left out.
/// @throws ArgumentError if the sizes differ.
Correlation pearson(const std::vector<double>& x, const std::vector<double>& y);

/// Spearman's ρ: Pearson's r of the ranks, ties at their mean rank. Interval: Fisher's z with the variance
/// (1 + ρ²/2) / (n − 3) of Bonett and Wright (Psychometrika 65, 2000); p as above.
/// @throws ArgumentError if the sizes differ.
Correlation spearman(const std::vector<double>& x, const std::vector<double>& y);

/// Two-sided p of Student's t with `degrees` degrees of freedom.
double student_p(double t, double degrees);

}  // namespace infoplane::plane
