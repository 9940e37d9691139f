#include "estimator/kernels/entropy.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "estimator/kernels/instruction_set.hpp"
#include "estimator/kernels/lanes.hpp"
#include "estimator/pairs.hpp"

namespace infoplane::estimator::kernels {
namespace {

/// Natural logarithm of x > 0, normal; without branches, so that loops over it become vector code.
INFOPLANE_INLINE double logarithm(double x) {
  constexpr std::uint64_t kHalfRoot = 0x3fe6a09e667f3bcdU;  // √½
  constexpr std::uint64_t kOne = 0x3ff0000000000000U;
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof(bits));
  const std::uint64_t biased = (bits + (kOne - kHalfRoot)) >> 52U;  // so that the rest lies in [√½, √2)
  bits -= (biased - 1023) << 52U;
  double rest = 0;
  std::memcpy(&rest, &bits, sizeof(rest));
  const std::uint64_t as_double = biased | 0x4330000000000000U;  // 2^52 + biased
  double exponent = 0;
  std::memcpy(&exponent, &as_double, sizeof(exponent));
  exponent -= 4503599627370496.0 + 1023.0;
  const double s = (rest - 1) / (rest + 1);
  const double square = s * s;
  double series = 2.0 / 19;  // log((1 + s) / (1 − s)) = 2 (s + s³/3 + s⁵/5 + …), |s| < 0.172
  series = series * square + 2.0 / 17;
  series = series * square + 2.0 / 15;
  series = series * square + 2.0 / 13;
  series = series * square + 2.0 / 11;
  series = series * square + 2.0 / 9;
  series = series * square + 2.0 / 7;
  series = series * square + 2.0 / 5;
  series = series * square + 2.0 / 3;
  series = series * square + 2.0;
  return exponent * 0.6931471805599453 + s * series;
}

constexpr double kSmallest = std::numeric_limits<double>::min();

template <typename T>
INFOPLANE_INLINE double sum_of_logs_of(const T* sums, std::int64_t count) {
  constexpr std::int64_t kLanes = 8;
  double lanes[kLanes] = {};
  std::int64_t b = 0;
  for (; b + kLanes <= count; b += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) {
      const double value = static_cast<double>(sums[b + l]);
      lanes[l] += value * logarithm(value > kSmallest ? value : kSmallest);
    }
  }
  double rest = 0;
  for (; b < count; ++b) {
    const double value = static_cast<double>(sums[b]);
    rest += value * logarithm(value > kSmallest ? value : kSmallest);
  }
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7])) + rest;
}

INFOPLANE_INLINE void logarithms_of(const double* sums, std::int64_t count, double scale, double* out) {
  for (std::int64_t b = 0; b < count; ++b) {
    const double value = sums[b] * scale;
    out[b] = logarithm(value > kSmallest ? value : kSmallest);
  }
}

template <int L>
INFOPLANE_INLINE void split_entropies_of(const std::array<const float*, 4>& rows, std::int64_t count, double tokens,
                                         SplitEntropies& into) {
  using Vector = Lanes<L>;
  using Float = typename Vector::Float;
  const Float scale = Float{} + static_cast<float>(1 / tokens);  // sums of at most 1 keep the errors small
  Float totals[4] = {}, logs[4] = {}, pair_logs[6] = {};
  for (std::int64_t b = 0; b < count; b += L) {
    Float values[4];
    for (int i = 0; i < 4; ++i) {
      values[i] = Float{};
      if (rows[static_cast<std::size_t>(i)] != nullptr) {
        const float* const from = rows[static_cast<std::size_t>(i)] + b;
        if (b + L <= count) {
          values[i] = Vector::load(from);
        } else {
          __builtin_memcpy(&values[i], from, static_cast<std::size_t>(count - b) * sizeof(float));
        }
        values[i] *= scale;
      }
      totals[i] += values[i];
      logs[i] += values[i] * Vector::log(values[i]);
    }
    for (int i = 0; i < 6; ++i) {
      const Float both =
          values[kPairs[static_cast<std::size_t>(i)][0]] + values[kPairs[static_cast<std::size_t>(i)][1]];
      pair_logs[i] += both * Vector::log(both);
    }
  }
  const auto entropy = [](double total, double sum) { return total > 0 ? std::log(total) - sum / total : 0.0; };
  double total[4];
  for (int i = 0; i < 4; ++i) {
    total[i] = static_cast<double>(Vector::sum_of(totals[i]));
    into.rows[static_cast<std::size_t>(i)] = entropy(total[i], static_cast<double>(Vector::sum_of(logs[i])));
  }
  for (int i = 0; i < 6; ++i) {
    const auto& [a, b] = kPairs[static_cast<std::size_t>(i)];
    into.pairs[static_cast<std::size_t>(i)] =
        entropy(total[a] + total[b], static_cast<double>(Vector::sum_of(pair_logs[i])));
  }
}

/// The same functions, compiled for each instruction set.
struct Functions {
  void (*split)(const std::array<const float*, 4>&, std::int64_t, double, SplitEntropies&);
  double (*doubles)(const double*, std::int64_t);
  double (*floats)(const float*, std::int64_t);
  void (*logarithms)(const double*, std::int64_t, double, double*);
};

void split_portable(const std::array<const float*, 4>& rows, std::int64_t count, double tokens, SplitEntropies& into) {
  split_entropies_of<4>(rows, count, tokens, into);
}
double doubles_portable(const double* sums, std::int64_t count) { return sum_of_logs_of(sums, count); }
double floats_portable(const float* sums, std::int64_t count) { return sum_of_logs_of(sums, count); }
void logarithms_portable(const double* sums, std::int64_t count, double scale, double* out) {
  logarithms_of(sums, count, scale, out);
}

#if defined(__x86_64__)
#define INFOPLANE_AVX2 [[gnu::target("avx2,fma")]]
#define INFOPLANE_AVX512 [[gnu::target("avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,prefer-vector-width=512")]]
INFOPLANE_AVX2 void split_avx2(const std::array<const float*, 4>& rows, std::int64_t count, double tokens,
                               SplitEntropies& into) {
  split_entropies_of<8>(rows, count, tokens, into);
}
INFOPLANE_AVX2 double doubles_avx2(const double* sums, std::int64_t count) { return sum_of_logs_of(sums, count); }
INFOPLANE_AVX2 double floats_avx2(const float* sums, std::int64_t count) { return sum_of_logs_of(sums, count); }
INFOPLANE_AVX2 void logarithms_avx2(const double* sums, std::int64_t count, double scale, double* out) {
  logarithms_of(sums, count, scale, out);
}
INFOPLANE_AVX512 void split_avx512(const std::array<const float*, 4>& rows, std::int64_t count, double tokens,
                                   SplitEntropies& into) {
  split_entropies_of<16>(rows, count, tokens, into);
}
INFOPLANE_AVX512 double doubles_avx512(const double* sums, std::int64_t count) { return sum_of_logs_of(sums, count); }
INFOPLANE_AVX512 double floats_avx512(const float* sums, std::int64_t count) { return sum_of_logs_of(sums, count); }
INFOPLANE_AVX512 void logarithms_avx512(const double* sums, std::int64_t count, double scale, double* out) {
  logarithms_of(sums, count, scale, out);
}
#endif

const Functions& functions() {
  static const Functions chosen = [] {
#if defined(__x86_64__)
    switch (best_instruction_set()) {
      case InstructionSet::kAvx512:
        return Functions{split_avx512, doubles_avx512, floats_avx512, logarithms_avx512};
      case InstructionSet::kAvx2:
        return Functions{split_avx2, doubles_avx2, floats_avx2, logarithms_avx2};
      case InstructionSet::kPortable:
        break;
    }
#endif
    return Functions{split_portable, doubles_portable, floats_portable, logarithms_portable};
  }();
  return chosen;
}

}  // namespace

double sum_of_logs(const double* sums, std::int64_t count) noexcept { return functions().doubles(sums, count); }
double sum_of_logs(const float* sums, std::int64_t count) noexcept { return functions().floats(sums, count); }
void logarithms(const double* sums, std::int64_t count, double scale, double* out) noexcept {
  functions().logarithms(sums, count, scale, out);
}
SplitEntropies split_entropies(const std::array<const float*, 4>& rows, std::int64_t count, double tokens) noexcept {
  SplitEntropies result;
  functions().split(rows, count, tokens, result);
  return result;
}

}  // namespace infoplane::estimator::kernels
