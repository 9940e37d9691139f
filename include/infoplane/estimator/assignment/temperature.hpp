#pragma once

#include <cstdint>
#include <string>

namespace infoplane::estimator {

/// How the temperature ε of the soft assignment follows from the number of anchors m and the dimension d.
class Calibration {
 public:
  /// Which rule it is.
  enum class Kind : std::uint8_t { kExact, kFindEps, kLeadingOrder, kFixed };

  /// The exact calibration.
  Calibration() = default;

  /// KL(vMF(1/ε) ‖ uniform) = log m, solved without approximation for every d ≥ 2.
  static Calibration exact() { return {}; }

  /// The reference's `find_eps`, for parity with it: a lower bound of the divergence stands for the divergence, so ε is
  /// low (−40 % at d = 8, −2.2 % at 64, −0.14 % at 768 for m = 100). Like there, ε has to lie in [1e-5, 1].
  static Calibration find_eps() { return {Kind::kFindEps, 0}; }

  /// ε = 1/√(2 d log m).
  static Calibration leading_order() { return {Kind::kLeadingOrder, 0}; }

  /// A given ε.
  /// @throws ArgumentError unless it is positive and finite.
  static Calibration fixed(double epsilon);

  /// Which rule it is.
  Kind kind() const noexcept { return kind_; }

  /// "exact", "find_eps", "leading_order" or "fixed": what run files call it.
  std::string name() const;

  /// The given ε of `fixed`, 0 otherwise.
  double value() const noexcept { return value_; }

  /// Equal where they give the same temperature for the same reason.
  bool operator==(const Calibration&) const = default;

 private:
  Calibration(Kind kind, double value) : kind_(kind), value_(value) {}

  Kind kind_ = Kind::kExact;
  double value_ = 0;
};

/// Temperature ε of the soft assignment of directions in d dimensions to m anchors.
///
/// `exact` solves KL(vMF(κ) ‖ uniform) = log m on the sphere S^(d−1) with κ = 1/ε, where KL = κ A(κ) − log Z(κ),
/// Z = 0F1(; d/2; κ²/4) and A = Z'/Z. Relative error below 1e-9 for d ≥ 3 and 1e-7 at d = 2. Host only, below a
/// millisecond for usual shapes.
/// Source: Conklin, "Information Structure in Mappings" (arXiv 2505.23960).
/// @throws ArgumentError unless d ≥ 2 and m ≥ 2, or where `find_eps` has no solution in [1e-5, 1] (never at d = 2).
double temperature(std::int64_t d, std::int64_t m, const Calibration& calibration = {});

}  // namespace infoplane::estimator
