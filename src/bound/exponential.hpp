#pragma once

#include <bit>
#include <cstdint>

namespace infoplane::bound {

/// e^x for x in [−700, 0] to 14 digits, in arithmetic that a compiler makes vectors of: std::exp is a call a value.
/// x = n log 2 + r with |r| ≤ log 2 / 2; e^r by its series, 2^n by the bits of the exponent.
inline double exponential(double x) {
  constexpr double kToInteger = 0x1.8p52;  // added to it, a number has its integer in the lowest bits
  const double shifted = x * 0x1.71547652b82fep0 + kToInteger;
  const double n = shifted - kToInteger;
  const double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
  // In pairs, so that few steps wait for the one before.
  const double r2 = r * r;
  const double low = (1 + r) + r2 * (1.0 / 2 + r * (1.0 / 6));
  const double middle = (1.0 / 24 + r * (1.0 / 120)) + r2 * (1.0 / 720 + r * (1.0 / 5040));
  const double high = (1.0 / 40320 + r * (1.0 / 362880)) + r2 * (1.0 / 3628800 + r * (1.0 / 39916800));
  const double r4 = r2 * r2;
  const double sum = low + r4 * (middle + r4 * high);
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(sum) + (std::bit_cast<std::uint64_t>(shifted) << 52U));
}

}  // namespace infoplane::bound
