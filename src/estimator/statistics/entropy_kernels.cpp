#include "estimator/statistics/entropy_kernels.hpp"

#include <limits>

#include "estimator/assignment/instruction_set.hpp"
#include "estimator/assignment/lanes.hpp"
#include "estimator/statistics/replicate_pairs.hpp"

namespace infoplane::estimator::kernels {
namespace {

/// Σ s log s.
template <int D, typename T>
INFOPLANE_INLINE double sum_of_logs_of(const T* sums, std::int64_t count) {
  using Vector = Doubles<D>;
  typename Vector::Double total{};
  for (std::int64_t b = 0; b < count; b += D) {
    const auto value = b + D <= count ? Vector::load(sums + b) : Vector::load_end(sums, count);
    total += value * Vector::template log<10>(value);
  }
  return Vector::sum_of(total);
}

template <int D>
INFOPLANE_INLINE void logarithms_of(const double* sums, std::int64_t count, double scale, double* out) {
  using Vector = Doubles<D>;
  std::int64_t b = 0;
  for (; b + D <= count; b += D) {
    Vector::store(out + b, Vector::template log<10>(Vector::load(sums + b) * scale));
  }
  if (b < count) {
    Vector::store_end(out, Vector::template log<10>(Vector::load_end(sums, count) * scale), count);
  }
}

/// Products in vectors of W values.
template <typename Vector, int W, typename A, typename B>
INFOPLANE_INLINE auto dot_of(const A* a, const B* b, std::int64_t count) {
  decltype(Vector::load(a) * Vector::load(b)) first{}, second{};
  std::int64_t i = 0;
  for (constexpr std::int64_t kTwo = std::int64_t{2} * W; i + kTwo <= count; i += kTwo) {
    first += Vector::load(a + i) * Vector::load(b + i);
    second += Vector::load(a + i + W) * Vector::load(b + i + W);
  }
  for (; i + W <= count; i += W) {
    first += Vector::load(a + i) * Vector::load(b + i);
  }
  if (i < count) {
    second += Vector::load_end(a, count) * Vector::load_end(b, count);
  }
  return Vector::sum_of(first + second);
}

INFOPLANE_INLINE double logarithm(double x) { return Doubles<2>::log<10>(typename Doubles<2>::Double{} + x)[0]; }

/// Entropy where Σ s = total and Σ s log s = logs.
INFOPLANE_INLINE double entropy_of(double total, double logs) { return logarithm(total) - logs / total; }

/// The rows that are not null, and their number.
INFOPLANE_INLINE int present_rows(const std::array<const float*, 4>& rows, const float* (&present)[4]) {
  int number = 0;
  for (const float* const row : rows) {
    if (row != nullptr) {
      present[number++] = row;
    }
  }
  return number;
}

/// Sum of rows, from column b on; `load` takes a row.
template <typename Load>
INFOPLANE_INLINE auto sum_of_rows(const float* const* rows, std::int64_t number, const Load& load) {
  auto sum = load(rows[0]);
  for (std::int64_t i = 1; i < number; ++i) {
    sum += load(rows[i]);
  }
  return sum;
}

template <int L>
INFOPLANE_INLINE float dot_logarithms_of(const float* p, const std::array<const float*, 4>& given, std::int64_t count,
                                         float scale) {
  using Vector = Lanes<L>;
  const float* rows[4] = {};
  const int number = present_rows(given, rows);
  typename Vector::Float total{};
  std::int64_t b = 0;
  for (; b + L <= count; b += L) {
    const auto sum = sum_of_rows(rows, number, [b](const float* row) { return Vector::load(row + b); });
    total += Vector::load(p + b) * Vector::log(sum * scale);
  }
  if (b < count) {
    const auto sum = sum_of_rows(rows, number, [count](const float* row) { return Vector::load_end(row, count); });
    total += Vector::load_end(p, count) * Vector::log(sum * scale);
  }
  return Vector::sum_of(total);
}

template <int L>
INFOPLANE_INLINE void split_logarithms_of(const std::array<const float*, 4>& rows,
                                          const std::array<std::int64_t, 4>& tokens, std::int64_t count,
                                          const SplitWeights& weights, const std::array<float*, 4>& out) {
  using Vector = Lanes<L>;
  using Float = typename Vector::Float;
  const float whole_scale = 1 / static_cast<float>(tokens[0] + tokens[1] + tokens[2] + tokens[3]);
  float pair_scales[6];  // 0: of no part that is wanted
  for (std::size_t i = 0; i < 6; ++i) {
    const auto [a, b] = kReplicatePairs[i];
    pair_scales[i] = out[a] != nullptr || out[b] != nullptr ? 1 / static_cast<float>(tokens[a] + tokens[b]) : 0.0F;
  }
  for (std::int64_t b = 0; b < count; b += L) {
    const bool full = b + L <= count;
    Float values[4] = {};
    for (std::size_t i = 0; i < 4; ++i) {
      if (rows[i] != nullptr) {
        values[i] = full ? Vector::load(rows[i] + b) : Vector::load_end(rows[i], count);
      }
    }
    const Float sum = values[0] + values[1] + values[2] + values[3];
    const Float of_whole = weights.whole * Vector::log(sum * whole_scale);
    Float logs[4] = {of_whole, of_whole, of_whole, of_whole};
    for (std::size_t i = 0; i < 6; ++i) {
      if (pair_scales[i] > 0) {
        const auto [first, second] = kReplicatePairs[i];
        const Float of_pair = weights.pair * Vector::log((values[first] + values[second]) * pair_scales[i]);
        logs[first] += of_pair;
        logs[second] += of_pair;
      }
    }
    for (std::size_t i = 0; i < 4; ++i) {
      if (out[i] != nullptr) {
        logs[i] += weights.part * Vector::log(values[i] * (1 / static_cast<float>(tokens[i])));
        if (full) {
          Vector::store(out[i] + b, logs[i]);
        } else {
          Vector::store_end(out[i], logs[i], count);
        }
      }
    }
  }
}

template <int L>
INFOPLANE_INLINE double mean_entropy_of(const float* const* rows, std::int64_t number, std::int64_t count,
                                        float* mean) {
  using Vector = Lanes<L>;
  using Float = typename Vector::Float;
  const float scale = 1 / static_cast<float>(number);
  Float total{}, logs{}, more{};
  std::int64_t b = 0;
  for (constexpr std::int64_t kTwo = std::int64_t{2} * L; b + kTwo <= count;
       b += kTwo) {  // two chains of operations at once
    const Float first = sum_of_rows(rows, number, [b](const float* row) { return Vector::load(row + b); }) * scale;
    const Float next = sum_of_rows(rows, number, [b](const float* row) { return Vector::load(row + b + L); }) * scale;
    Vector::store(mean + b, first);
    Vector::store(mean + b + L, next);
    total += first + next;
    logs += first * Vector::log(first);
    more += next * Vector::log(next);
  }
  logs += more;
  for (; b + L <= count; b += L) {
    const Float sum = sum_of_rows(rows, number, [b](const float* row) { return Vector::load(row + b); }) * scale;
    Vector::store(mean + b, sum);
    total += sum;
    logs += sum * Vector::log(sum);
  }
  if (b < count) {
    const auto end = [count](const float* row) { return Vector::load_end(row, count); };
    const Float sum = sum_of_rows(rows, number, end) * scale;
    Vector::store_end(mean, sum, count);
    total += sum;
    logs += sum * Vector::log(sum);
  }
  return entropy_of(static_cast<double>(Vector::sum_of(total)), static_cast<double>(Vector::sum_of(logs)));
}

/// Of `K` rows.
template <int D, int K>
INFOPLANE_INLINE double total_entropy_of(const float* const* rows, std::int64_t count, double* all) {
  using Vector = Doubles<D>;
  typename Vector::Double totals{}, logs{};
  std::int64_t b = 0;
  for (; b + D <= count; b += D) {
    auto sums = Vector::load_floats(rows[0] + b);
    for (int k = 1; k < K; ++k) {
      sums += Vector::load_floats(rows[k] + b);
    }
    const auto value = Vector::from(sums);
    Vector::store(all + b, Vector::load(all + b) + value);
    totals += value;
    logs += value * Vector::template log<6>(value);
  }
  if (b < count) {
    auto value = Vector::load_end(rows[0], count);
    for (int k = 1; k < K; ++k) {
      value += Vector::load_end(rows[k], count);
    }
    Vector::store_end(all, Vector::load_end(all, count) + value, count);
    totals += value;
    logs += value * Vector::template log<6>(value);
  }
  return entropy_of(Vector::sum_of(totals), Vector::sum_of(logs));
}

template <int D>
INFOPLANE_INLINE double total_entropy_of(const std::array<const float*, 4>& rows, std::int64_t count, double* all) {
  const float* present[4];
  switch (present_rows(rows, present)) {
    case 1:
      return total_entropy_of<D, 1>(present, count, all);
    case 2:
      return total_entropy_of<D, 2>(present, count, all);
    case 3:
      return total_entropy_of<D, 3>(present, count, all);
    case 4:
      return total_entropy_of<D, 4>(present, count, all);
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

template <int L>
INFOPLANE_INLINE void split_entropies_of(const std::array<const float*, 4>& rows, std::int64_t count, double tokens,
                                         SplitEntropies& into) {
  using Vector = Lanes<L>;
  using Float = typename Vector::Float;
  const Float scale = Float{} + static_cast<float>(1 / tokens);  // sums of at most 1 keep the errors small
  Float totals[4] = {}, logs[10] = {};
  for (std::int64_t b = 0; b < count; b += L) {
    Float values[4] = {};
    for (std::size_t i = 0; i < 4; ++i) {
      if (rows[i] != nullptr) {
        values[i] = b + L <= count ? Vector::load(rows[i] + b) : Vector::load_end(rows[i], count);
        values[i] *= scale;
      }
      totals[i] += values[i];
      logs[i] += values[i] * Vector::log(values[i]);
    }
    for (std::size_t i = 0; i < 6; ++i) {
      const Float both = values[kReplicatePairs[i][0]] + values[kReplicatePairs[i][1]];
      logs[4 + i] += both * Vector::log(both);
    }
  }
  double total[10], sums[10], entropies[10];
  for (std::size_t i = 0; i < 4; ++i) {
    total[i] = static_cast<double>(Vector::sum_of(totals[i]));
  }
  for (std::size_t i = 0; i < 6; ++i) {
    total[4 + i] = total[kReplicatePairs[i][0]] + total[kReplicatePairs[i][1]];
  }
  for (std::size_t i = 0; i < 10; ++i) {
    sums[i] = static_cast<double>(Vector::sum_of(logs[i]));
  }
  for (std::size_t i = 0; i < 10; i += 2) {  // log 0 stands for that of a small number
    const auto both = Doubles<2>::load(total + i);
    Doubles<2>::store(entropies + i, Doubles<2>::log<10>(both) - Doubles<2>::load(sums + i) / both);
  }
  for (std::size_t i = 0; i < 10; ++i) {
    (i < 4 ? into.rows[i] : into.pairs[i - 4]) = total[i] > 0 ? entropies[i] : 0.0;
  }
}

/// The same functions, compiled for each instruction set.
struct Functions {
  double (*doubles)(const double*, std::int64_t);
  double (*floats)(const float*, std::int64_t);
  void (*logarithms)(const double*, std::int64_t, double, double*);
  float (*dot_logarithms)(const float*, const std::array<const float*, 4>&, std::int64_t, float);
  double (*dot_mixed)(const float*, const double*, std::int64_t);
  float (*dot_floats)(const float*, const float*, std::int64_t);
  double (*dot_doubles)(const double*, const double*, std::int64_t);
  double (*mean)(const float* const*, std::int64_t, std::int64_t, float*);
  double (*total)(const std::array<const float*, 4>&, std::int64_t, double*);
  void (*split)(const std::array<const float*, 4>&, std::int64_t, double, SplitEntropies&);
  void (*split_logarithms)(const std::array<const float*, 4>&, const std::array<std::int64_t, 4>&, std::int64_t,
                           const SplitWeights&, const std::array<float*, 4>&);
};

// NOLINTBEGIN(cppcoreguidelines-macro-usage,bugprone-macro-parentheses): attributes of functions, no way around it
#define INFOPLANE_ENTROPY_KERNELS(NAME, LANES, ATTRIBUTE)                                                              \
  namespace NAME {                                                                                                     \
  ATTRIBUTE double doubles(const double* sums, std::int64_t count) { return sum_of_logs_of<LANES / 2>(sums, count); }  \
  ATTRIBUTE double floats(const float* sums, std::int64_t count) { return sum_of_logs_of<LANES / 2>(sums, count); }    \
  ATTRIBUTE void logs(const double* sums, std::int64_t count, double scale, double* out) {                             \
    logarithms_of<LANES / 2>(sums, count, scale, out);                                                                 \
  }                                                                                                                    \
  ATTRIBUTE float dot_logs(const float* p, const std::array<const float*, 4>& rows, std::int64_t count, float scale) { \
    return dot_logarithms_of<LANES>(p, rows, count, scale);                                                            \
  }                                                                                                                    \
  ATTRIBUTE double dot_m(const float* a, const double* b, std::int64_t count) {                                        \
    return dot_of<Doubles<LANES / 2>, LANES / 2>(a, b, count);                                                         \
  }                                                                                                                    \
  ATTRIBUTE float dot_f(const float* a, const float* b, std::int64_t count) {                                          \
    return dot_of<Lanes<LANES>, LANES>(a, b, count);                                                                   \
  }                                                                                                                    \
  ATTRIBUTE double dot_d(const double* a, const double* b, std::int64_t count) {                                       \
    return dot_of<Doubles<LANES / 2>, LANES / 2>(a, b, count);                                                         \
  }                                                                                                                    \
  ATTRIBUTE double mean(const float* const* rows, std::int64_t number, std::int64_t count, float* into) {              \
    return mean_entropy_of<LANES>(rows, number, count, into);                                                          \
  }                                                                                                                    \
  ATTRIBUTE double total(const std::array<const float*, 4>& rows, std::int64_t count, double* all) {                   \
    return total_entropy_of<LANES / 2>(rows, count, all);                                                              \
  }                                                                                                                    \
  ATTRIBUTE void split(const std::array<const float*, 4>& rows, std::int64_t count, double n, SplitEntropies& to) {    \
    split_entropies_of<LANES>(rows, count, n, to);                                                                     \
  }                                                                                                                    \
  ATTRIBUTE void split_logs(const std::array<const float*, 4>& rows, const std::array<std::int64_t, 4>& tokens,        \
                            std::int64_t count, const SplitWeights& weights, const std::array<float*, 4>& out) {       \
    split_logarithms_of<LANES>(rows, tokens, count, weights, out);                                                     \
  }                                                                                                                    \
  constexpr Functions kFunctions = {doubles, floats, logs,  dot_logs, dot_m,     dot_f,                                \
                                    dot_d,   mean,   total, split,    split_logs};                                     \
  }
// NOLINTEND(cppcoreguidelines-macro-usage,bugprone-macro-parentheses)

INFOPLANE_ENTROPY_KERNELS(portable, 4, )
#if defined(__x86_64__)
INFOPLANE_ENTROPY_KERNELS(avx2, 8, [[gnu::target("avx2,fma")]])
#define INFOPLANE_AVX512 [[gnu::target("avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,prefer-vector-width=512")]]
INFOPLANE_ENTROPY_KERNELS(avx512, 16, INFOPLANE_AVX512)
#endif

const Functions& functions() {
  static const Functions& chosen = []() -> const Functions& {
#if defined(__x86_64__)
    switch (best_instruction_set()) {
      case InstructionSet::kAvx512:
        return avx512::kFunctions;
      case InstructionSet::kAvx2:
        return avx2::kFunctions;
      case InstructionSet::kPortable:
        break;
    }
#endif
    return portable::kFunctions;
  }();
  return chosen;
}

}  // namespace

double sum_of_logs(const double* sums, std::int64_t count) noexcept { return functions().doubles(sums, count); }
double sum_of_logs(const float* sums, std::int64_t count) noexcept { return functions().floats(sums, count); }
void logarithms(const double* sums, std::int64_t count, double scale, double* out) noexcept {
  functions().logarithms(sums, count, scale, out);
}
double dot(const float* a, const double* b, std::int64_t count) noexcept { return functions().dot_mixed(a, b, count); }
double dot(const double* a, const double* b, std::int64_t count) noexcept {
  return functions().dot_doubles(a, b, count);
}
float dot(const float* a, const float* b, std::int64_t count) noexcept { return functions().dot_floats(a, b, count); }
float dot_logarithms(const float* p, const std::array<const float*, 4>& rows, std::int64_t count,
                     float scale) noexcept {
  return functions().dot_logarithms(p, rows, count, scale);
}
double mean_entropy(const float* const* rows, std::int64_t number, std::int64_t count, float* mean) noexcept {
  return functions().mean(rows, number, count, mean);
}
double total_entropy(const std::array<const float*, 4>& rows, std::int64_t count, double* all) noexcept {
  return functions().total(rows, count, all);
}
SplitEntropies split_entropies(const std::array<const float*, 4>& rows, std::int64_t count, double tokens) noexcept {
  SplitEntropies result;
  functions().split(rows, count, tokens, result);
  return result;
}

void split_logarithms(const std::array<const float*, 4>& rows, const std::array<std::int64_t, 4>& tokens,
                      std::int64_t count, const SplitWeights& weights, const std::array<float*, 4>& out) noexcept {
  functions().split_logarithms(rows, tokens, count, weights, out);
}

}  // namespace infoplane::estimator::kernels
