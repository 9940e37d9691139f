#pragma once

#include <cstddef>
#include <cstdint>

// What the host asks of the CUDA kernels: pointers of the current device, a stream, no LibTorch. C++17 for nvcc's sake.
// Every function only queues work on `stream` (a cudaStream_t), allocates nothing and never waits; it returns null, or
// the CUDA runtime's words about why the launch failed. Results are the same bits on every run: no atomics, and every
// sum has a fixed order. Nothing is written beside the outputs and the workspace named.
namespace infoplane::estimator::kernels::cuda {

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
  float* probabilities;  ///< [N, m]; rows that are not used are zero
  std::uint8_t* status;  ///< [N] of RowStatus; rejected: a NaN, an Inf, or norm 0
  double* sum;           ///< [m], over the used rows
  std::int64_t* tokens;  ///< [2]: used rows, rejected rows
  void* workspace;       ///< assignment_workspace_bytes(), aligned to 16
};

std::int64_t assignment_workspace_bytes(std::int64_t rows, std::int64_t m);

/// p_i = softmax((z_i / |z_i|) · Wᵀ / ε) of every row that counts, and the sum of them.
///
/// One read of z from memory up to m = 512 and ⌈m / 512⌉ above (a row of scores must fit registers); scores accumulate
/// in float32, the norm and the sum over rows in float64. Rows of any finite magnitude are good: those whose squares
/// leave float32 are read once more, scaled by a power of two. `counted`: N flags, or null when all rows count.
/// 2 ≤ m ≤ 4096. Source: Conklin, arXiv 2505.23960.
const char* soft_assignment(const Representations& z, const void* anchors, std::int64_t m, double epsilon,
                            const std::uint8_t* counted, const AssignmentOutputs& outputs, void* stream);

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

/// rows[set][row, b] += Σ p[i, b] over the positions i of each label: all sets in one launch, and one more for labels
/// of many positions. Sums of a micro-batch are float64, rows float32 [rows of the set, m].
/// `rows`: one pointer a set, on the device. `partials`: float64 [partial sums, m].
const char* add_to_label_rows(const float* probabilities, std::int64_t m, const LabelSegments& segments,
                              float* const* rows, double* partials, void* stream);

/// What a label set comes to, in nats: all a host needs of it.
struct SetSummary {
  double tokens;                ///< Σ n_x
  double labels;                ///< labels with n_x > 0
  double entropy;               ///< H(Z) over the set's own positions; NaN over no tokens
  double conditional_weighted;  ///< Σ n_x H(Z|x)
  double conditional_sum;       ///< Σ H(Z|x)
};

std::int64_t summary_workspace_bytes(std::int64_t rows, std::int64_t m);

/// H(Z|x) = −Σ_b q_b log q_b with q = row / Σ row, of every row of a set, in float64.
///
/// `rows`: float32 [count, m]. `tokens`: n_x [count]; labels with n_x = 0 are none. `entropies`: [count], NaN for them.
/// I(X;Z) = entropy − conditional_weighted / tokens, or − conditional_sum / labels for uniform weights.
const char* summarise_set(const float* rows, const std::int64_t* tokens, std::int64_t count, std::int64_t m,
                          double* entropies, SetSummary* summary, void* workspace, void* stream);

}  // namespace infoplane::estimator::kernels::cuda
