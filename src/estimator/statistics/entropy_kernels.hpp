#pragma once

#include <array>
#include <cstdint>

namespace infoplane::estimator::kernels {

/// Σ s log s over sums that are 0 or above, with 0 log 0 = 0; in float64, relative error of a logarithm below 1e-13.
double sum_of_logs(const double* sums, std::int64_t count) noexcept;
double sum_of_logs(const float* sums, std::int64_t count) noexcept;

/// out_b = log(sums_b · scale); −708 for sums that are 0.
void logarithms(const double* sums, std::int64_t count, double scale, double* out) noexcept;

/// Σ_b a_b b_b, in float64.
double dot(const float* a, const double* b, std::int64_t count) noexcept;
double dot(const double* a, const double* b, std::int64_t count) noexcept;

/// Σ_b p_b log(Σ_i rows_ib · scale) over up to four rows, null for zero, in float32: absolute error of a logarithm
/// below 2e-7 or relative below 1e-6; −87 for sums that are 0.
float dot_logarithms(const float* p, const std::array<const float*, 4>& rows, std::int64_t count, float scale) noexcept;

/// Σ_b a_b b_b, in float32.
float dot(const float* a, const float* b, std::int64_t count) noexcept;

/// `mean` [count] becomes the mean of `number` rows, of which it may be the first; returns its entropy in nats, error
/// below 1e-6. The rows are distributions.
double mean_entropy(const float* const* rows, std::int64_t number, std::int64_t count, float* mean) noexcept;

/// Adds up to four rows of sums, null for zero, to `all`; returns the entropy in nats of their total, error below 1e-7;
/// NaN where all are null.
double total_entropy(const std::array<const float*, 4>& rows, std::int64_t count, double* all) noexcept;

/// Four rows of sums, some of them null for zero, each pair of rows together: their entropies in nats, in the order of
/// `kReplicatePairs` behind the four; error below 1e-6. 0 where the sums are 0.
struct SplitEntropies {
  std::array<double, 4> rows;
  std::array<double, 6> pairs;
};
SplitEntropies split_entropies(const std::array<const float*, 4>& rows, std::int64_t count, double tokens) noexcept;

/// What a token of each part is weighed with in entropies of the whole, of pairs of parts and of parts.
struct SplitWeights {
  float whole, pair, part;
};
/// For each part i with tokens n_i and sums r_i where `out` is not null, with such logarithms as above:
///
///     out_ib = whole · log(Σ_j r_jb / Σ_j n_j) + pair · Σ_{j ≠ i} log((r_ib + r_jb) / (n_i + n_j)) + part · log(r_ib /
///     n_i)
void split_logarithms(const std::array<const float*, 4>& rows, const std::array<std::int64_t, 4>& tokens,
                      std::int64_t count, const SplitWeights& weights, const std::array<float*, 4>& out) noexcept;

}  // namespace infoplane::estimator::kernels
