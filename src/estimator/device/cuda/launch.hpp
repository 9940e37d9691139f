#pragma once

#include <cstddef>
#include <cstdint>

#include "estimator/assignment/direction_sums.hpp"

// What the host asks of the CUDA kernels: pointers of the current device, a stream, no LibTorch. C++17 for nvcc's sake.
// Every function only queues work on `stream` (a cudaStream_t), allocates nothing and never waits; it returns null, or
// the CUDA runtime's words about why the launch failed. Results are the same bits on every run: no atomics, and every
// sum has a fixed order. Nothing is written beside the outputs and the workspace named.
namespace infoplane::estimator::cuda {

constexpr std::int64_t kMaxAnchors = 4096;
constexpr std::int64_t kMaxDimension = 65536;

enum class ValueType : std::uint8_t { kFloat64, kFloat32, kFloat16, kBFloat16 };

/// z: row i has its values at data + (i / inner_rows) · outer_stride + (i % inner_rows) · row_stride + k · stride,
/// strides in values. Any alignment that the type allows; rows that are contiguous and aligned to 16 bytes load faster.
struct Representations {
  const void* data;
  ValueType type;
  std::int64_t rows;
  std::int64_t inner_rows;  ///< T of [B, T, d]; at least 1
  std::int64_t dimension;   ///< d, 2 to 65 536
  std::int64_t outer_stride;
  std::int64_t row_stride;
  std::int64_t stride;
};

/// Bytes of anchors made ready for z of a type: m · d · 4 for bfloat16 and float16, m · d · 6 for float32 and float64,
/// with m rounded up to 8 and d to 64.
std::int64_t anchor_bytes(ValueType type, std::int64_t m, std::int64_t d);

/// Splits W, float32 [m, d] contiguous, into bfloat16 parts (two give 16 bits, three all 24) in the order in which the
/// tensor cores want them. `anchors`: anchor_bytes(), aligned to 16. Once for each device and type.
const char* prepare_anchors(const float* weight, std::int64_t m, std::int64_t d, ValueType type, void* anchors,
                            void* stream);

enum RowStatus : std::uint8_t { kNotCounted = 0, kUsed = 1, kRejected = 2 };

struct AssignmentOutputs {
  float* probabilities;      ///< [N, m]; rows that are not used are zero
  std::uint8_t* status;      ///< [N] of RowStatus; rejected: a NaN, an Inf, or norm 0
  float* entropies;          ///< [N] H(p_i) in nats; of rows that are not used 0
  double* sum;               ///< [m], over the used rows
  std::int64_t* tokens;      ///< [2]: used rows, rejected rows
  void* workspace;           ///< assignment_workspace_bytes(), aligned to 16
  std::int64_t* directions;  ///< [d] Σ z_i / |z_i| over the used rows, in 1 / kDirectionUnit
  double* inverse_norms;     ///< [1] Σ 1 / |z_i| over the used rows
};

std::int64_t assignment_workspace_bytes(std::int64_t rows, std::int64_t m, std::int64_t d);

/// p_i = softmax((z_i / |z_i|) · Wᵀ / ε) of every row that counts, and the sum of them.
///
/// One read of z from memory up to m = 512 and ⌈m / 512⌉ above (a row of scores must fit registers), and one more for
/// the sums of rows, whose norms are known only then; scores accumulate in float32, the norm and the sum over rows in
/// float64. Rows of any finite magnitude are good: those whose squares leave float32 are read once more, scaled by a
/// power of two. `counted`: N flags, or null when all rows count. 2 ≤ m ≤ 4096. Source: Conklin, arXiv 2505.23960.
const char* soft_assignment(const Representations& z, const void* anchors, std::int64_t m, double epsilon,
                            const std::uint8_t* counted, const AssignmentOutputs& outputs, void* stream);

/// The sums of a label set. Those of row r are float32 rows[r, m], or float64 large[w, m] with w = large_of_sum[r]
/// where that is not below 0: then the float32 row is zero.
struct LabelSums {
  float* rows;
  double* large;  ///< its row 0: of labels that are not kept
  std::int32_t* large_of_sum;
};

constexpr std::int32_t kOfLabelsNotKept = -1;  ///< as the row of a piece

/// Positions [begin, end) of the order, all of one label. `partial` < 0: their sum is added to row `row` of set `set`;
/// otherwise it goes to that row of the partial sums.
struct LabelPiece {
  std::int32_t set;
  std::int32_t row;
  std::int32_t begin;
  std::int32_t end;
  std::int32_t partial;
};

/// A label of many positions: partial sums [begin, end) are added to row `row` of set `set`, in order.
struct LongLabel {
  std::int32_t set;
  std::int32_t row;
  std::int32_t begin;
  std::int32_t end;
};

/// A micro-batch's groups of positions, on the device; see segments.hpp for how the host makes them.
struct LabelSegments {
  const std::int32_t* order;  ///< positions, label by label, set by set
  const LabelPiece* pieces;
  std::int64_t piece_count;
  const LongLabel* long_labels;
  std::int64_t long_label_count;
};

/// Row `row` of set `set` becomes float64 row `whole`, which held nothing.
struct Promotion {
  std::int32_t set;
  std::int32_t row;
  std::int32_t whole;
};

/// Moves float32 sums into float64 rows. `sets`: here and below one a set, on the device.
const char* promote_label_sums(const LabelSums* sets, std::int64_t m, const Promotion* promotions, std::int64_t count,
                               void* stream);

/// Adds Σ p[i, b] over the positions i of each label to its sums: all sets in one launch, and one more for labels of
/// many positions. Sums of a micro-batch are float64. `partials`: float64 [partial sums, m].
const char* add_to_label_sums(const float* probabilities, std::int64_t m, const LabelSegments& segments,
                              const LabelSums* sets, double* partials, void* stream);

/// Adds rows of sums to that of the labels that are not kept and clears them. The order of `segments` is of rows; each
/// piece has a partial sum, and each set that loses rows is one long label with row kOfLabelsNotKept.
const char* drop_label_sums(std::int64_t m, const LabelSegments& segments, const LabelSums* sets, double* partials,
                            void* stream);

/// out[k, b] = p[positions[k], b].
const char* gather_assignments(const float* probabilities, std::int64_t m, const std::int32_t* positions,
                               std::int64_t count, float* out, void* stream);

/// out[k, b] = the sums of row rows[k], in float32.
const char* gather_label_sums(const LabelSums& set, std::int64_t m, const std::int32_t* rows, std::int64_t count,
                              float* out, void* stream);

/// The rows over which a label's tokens are dealt; below 0: none.
struct LabelReplicates {
  std::int32_t rows[4];
};

/// H(Z|x) = −Σ_b q_b log q_b with q = sums / Σ sums, in nats, and what it is of parts of the label's tokens.
struct LabelEntropies {
  double whole;     ///< NaN over no tokens
  double halves;    ///< mean over the three ways of two halves, weighted by tokens
  double quarters;  ///< over the four parts, weighted by tokens
  double noise;     ///< variance of the three ways
};

/// Of every label of a set, in float64. Halves and quarters are those of the whole where a label has one row or fewer
/// than four tokens.
const char* label_entropies(const LabelSums& set, std::int64_t m, const LabelReplicates* labels, std::int64_t count,
                            LabelEntropies* out, void* stream);

std::int64_t sum_workspace_bytes(std::int64_t rows, std::int64_t m);

/// out[b] = Σ over `rows` float32 rows and `large` float64 rows: over all tokens with a label of the set, kept or not.
const char* total_of_label_sums(const LabelSums& set, std::int64_t rows, std::int64_t large, std::int64_t m,
                                double* out, void* workspace, void* stream);

/// What the host calls, as it calls it through a device: the library of a build without CUDA has none of them.
struct Kernels {
  decltype(&cuda::anchor_bytes) anchor_bytes;
  decltype(&cuda::prepare_anchors) prepare_anchors;
  decltype(&cuda::assignment_workspace_bytes) assignment_workspace_bytes;
  decltype(&cuda::soft_assignment) soft_assignment;
  decltype(&cuda::promote_label_sums) promote_label_sums;
  decltype(&cuda::add_to_label_sums) add_to_label_sums;
  decltype(&cuda::drop_label_sums) drop_label_sums;
  decltype(&cuda::gather_assignments) gather_assignments;
  decltype(&cuda::gather_label_sums) gather_label_sums;
  decltype(&cuda::label_entropies) label_entropies;
  decltype(&cuda::sum_workspace_bytes) sum_workspace_bytes;
  decltype(&cuda::total_of_label_sums) total_of_label_sums;
};

/// All of them; only where they are linked.
inline Kernels all_kernels() noexcept {
  return {&anchor_bytes,    &prepare_anchors,     &assignment_workspace_bytes,
          &soft_assignment, &promote_label_sums,  &add_to_label_sums,
          &drop_label_sums, &gather_assignments,  &gather_label_sums,
          &label_entropies, &sum_workspace_bytes, &total_of_label_sums};
}

}  // namespace infoplane::estimator::cuda
