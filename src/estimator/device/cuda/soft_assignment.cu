#include <cmath>

#include "estimator/device/cuda/launch.hpp"
#include "estimator/device/cuda/product.hpp"

namespace infoplane::estimator::cuda {
namespace {

/// Over all of a row's anchors: its four lanes, then the warps that share it. `shared`: [kWarps, kRows].
template <bool Largest>
__device__ __forceinline__ void reduce_row(float (&values)[2], const Arguments& a, float* shared) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    for (int bit = 1; bit < 4; bit *= 2) {
      const float other = __shfl_xor_sync(kFullWarp, values[r], bit);
      values[r] = Largest ? fmaxf(values[r], other) : values[r] + other;
    }
  }
  if (a.anchor_warps == 1) {
    return;
  }
  __syncthreads();  // the last use of `shared` is over
  if (lane % 4 == 0) {
    shared[warp * kRows + lane / 4] = values[0];
    shared[warp * kRows + lane / 4 + 8] = values[1];
  }
  __syncthreads();
  const int first = warp / a.anchor_warps * a.anchor_warps;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    values[r] = shared[first * kRows + lane / 4 + 8 * r];
    for (int w = first + 1; w < first + a.anchor_warps; ++w) {
      const float other = shared[w * kRows + lane / 4 + 8 * r];
      values[r] = Largest ? fmaxf(values[r], other) : values[r] + other;
    }
  }
}

/// Calls `use(score, column, r, column within the pass's anchors of this block)` for a lane's scores.
template <typename Use>
__device__ __forceinline__ void each_score(const Arguments& a, int pass, float (&scores)[kTiles][4], const Use& use) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int anchor_warp = static_cast<int>(threadIdx.x / 32) % a.anchor_warps;
  const int first = (pass * a.anchor_warps + anchor_warp) * kTiles * 8;
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const int column = first + tile * 8 + lane % 4 * 2 + c % 2;
      if (column < a.m) {
        use(scores[tile][c], column, c / 2);
      }
    }
  }
}

/// Sums the columns of a pass: a lane's two rows, the eight lanes of a column, then the warps of other rows.
__device__ __forceinline__ void add_columns(const Arguments& a, int pass, const float (&scores)[kTiles][4],
                                            double* column_sums) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const int first_column = (pass * a.anchor_warps + warp % a.anchor_warps) * kTiles * 8;
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      const int column = tile * 8 + lane % 4 * 2 + c;
      const bool exists = first_column + column < a.m;
      double sum = exists ? static_cast<double>(scores[tile][c]) + static_cast<double>(scores[tile][c + 2]) : 0.0;
      sum = sum_over_lanes(sum, 4, 32);
      if (lane < 4) {
        column_sums[warp * kTiles * 8 + column] = sum;
      }
    }
  }
  __syncthreads();
  const int width = a.anchor_warps * kTiles * 8;
  for (int i = static_cast<int>(threadIdx.x); i < width; i += kWarps * 32) {
    const int column = pass * width + i;
    if (column < a.m) {
      double sum = 0;
      for (int w = i / (kTiles * 8); w < kWarps; w += a.anchor_warps) {
        sum += column_sums[w * kTiles * 8 + i % (kTiles * 8)];
      }
      a.sums[static_cast<std::int64_t>(blockIdx.x) * a.m + column] = sum;
    }
  }
  __syncthreads();
}

/// Writes the status and the entropies of a block's rows and how many are used and rejected. `used`, `rows`,
/// `entropies`: of the lane's two rows.
template <typename T>
__device__ __forceinline__ void put_status(const Arguments& a, const bool (&used)[2], const T* const (&rows)[2],
                                           const std::int64_t (&row_numbers)[2], const float (&entropies)[2],
                                           int* counts) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const bool speaks = lane % 4 == 0 && warp % a.anchor_warps == 0;  // for its two rows
  int good = 0;
  int rejected = 0;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    if (speaks && row_numbers[r] < a.z.rows) {
      const RowStatus status = used[r] ? kUsed : rows[r] != nullptr ? kRejected : kNotCounted;
      a.status[row_numbers[r]] = status;
      a.entropies[row_numbers[r]] = used[r] ? entropies[r] : 0.0F;
      good += status == kUsed ? 1 : 0;
      rejected += status == kRejected ? 1 : 0;
    }
  }
  good = sum_over_lanes(good, 1, 32);
  rejected = sum_over_lanes(rejected, 1, 32);
  if (lane == 0) {
    counts[warp * 2] = good;
    counts[warp * 2 + 1] = rejected;
  }
  __syncthreads();
  if (threadIdx.x < 2) {
    std::int64_t total = 0;
    for (int w = 0; w < kWarps; ++w) {
      total += counts[w * 2 + static_cast<int>(threadIdx.x)];
    }
    a.tokens[static_cast<std::int64_t>(blockIdx.x) * 2 + threadIdx.x] = total;
  }
}

/// The lane's two rows, and what is known of their norms.
template <typename T>
struct RowPair {
  const T* rows[2];
  double factors[2] = {1, 1};
  bool scaled = false;
  float scales[2] = {0, 0};  // 1 / (|z| ε); 0: not used

  /// What the squares of the rows say. @returns whether a row of the warp must be read again, by its factor.
  __device__ __forceinline__ bool set_scales(const Arguments& a, double (&squares)[2], bool again) {
    bool odd[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      squares[r] = sum_over_lanes(squares[r], 1, 4);
      // Outside of this range, squares lose digits or leave float32; NaN fails the comparison too.
      odd[r] = rows[r] != nullptr && !(squares[r] > 1e-20 && squares[r] < 1e30);
      scales[r] = rows[r] != nullptr && !odd[r] ? static_cast<float>(1 / (sqrt(squares[r]) * a.epsilon)) : 0.0F;
    }
    if (again || __any_sync(kFullWarp, odd[0] || odd[1] ? 1 : 0) == 0) {
      return false;
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const double power = power_for(a, rows[r]);
      factors[r] = odd[r] ? power : 1.0;  // 0: the row is bad, its scaled norm is 0 or NaN and odd once more
    }
    scaled = true;
    return true;
  }
};

template <typename T>
__global__ void __launch_bounds__(kWarps * 32, Parts<T>::kBlocks) assignment_kernel(const Arguments a) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const int anchor_warp = warp % a.anchor_warps;
  const int row_warps = kWarps / a.anchor_warps;
  const std::int64_t row_numbers[2] = {
      (static_cast<std::int64_t>(blockIdx.x) * row_warps + warp / a.anchor_warps) * kRows + lane / 4,
      (static_cast<std::int64_t>(blockIdx.x) * row_warps + warp / a.anchor_warps) * kRows + lane / 4 + 8};
  RowPair<T> pair = {{row_pointer<T>(a, row_numbers[0]), row_pointer<T>(a, row_numbers[1])}};
  const auto& rows = pair.rows;
  auto* const column_sums = reinterpret_cast<double*>(shared_memory());  // [kWarps, kTiles · 8]
  auto* const row_values = reinterpret_cast<float*>(column_sums + kWarps * kTiles * 8);
  auto* const counts = reinterpret_cast<int*>(row_values + kWarps * kRows);  // [kWarps, 2]

  float scores[kTiles][4];
  const float(&scales)[2] = pair.scales;
  float peaks[2] = {-HUGE_VALF, -HUGE_VALF};
  for (int pass = 0; pass < a.passes; ++pass) {
    const int first_tile = (pass * a.anchor_warps + anchor_warp) * kTiles;
    const int tiles = static_cast<int>((a.m + 7) / 8) - first_tile;
    for (int attempt = 0;; ++attempt) {
      double squares[2];
      multiply(a, rows, pair.factors, pair.scaled, first_tile, tiles, scores, squares);
      if (pass > 0 || !pair.set_scales(a, squares, attempt == 1)) {
        break;  // norms are known
      }
    }
    each_score(a, pass, scores, [&](float& score, int, int r) { peaks[r] = fmaxf(peaks[r], score); });
    if (a.passes > 1) {
      each_score(a, pass, scores, [&](float& score, int column, int r) {
        if (row_numbers[r] < a.z.rows) {
          a.probabilities[row_numbers[r] * a.m + column] = score;
        }
      });
    }
  }
  reduce_row<true>(peaks, a, row_values);
  float totals[2] = {0, 0};
  float products[2] = {0, 0};          // Σ e^s s, from which H(p) = log Σ e^s − Σ p s
  const auto reload = [&](int pass) {  // a lane reads nothing but what it wrote
    if (a.passes > 1) {
      each_score(a, pass, scores, [&](float& score, int column, int r) {
        score = row_numbers[r] < a.z.rows ? a.probabilities[row_numbers[r] * a.m + column] : 0.0F;
      });
    }
  };
  for (int pass = 0; pass < a.passes; ++pass) {
    reload(pass);
    each_score(a, pass, scores, [&](float& score, int column, int r) {
      const float exponent = (score - peaks[r]) * scales[r];
      score = expf(exponent);
      totals[r] += score;
      products[r] += score * exponent;
      if (a.passes > 1 && row_numbers[r] < a.z.rows) {
        a.probabilities[row_numbers[r] * a.m + column] = score;
      }
    });
  }
  reduce_row<false>(totals, a, row_values);
  reduce_row<false>(products, a, row_values);
  const float entropies[2] = {logf(totals[0]) - products[0] / totals[0], logf(totals[1]) - products[1] / totals[1]};

  const bool used[2] = {scales[0] > 0, scales[1] > 0};
  for (int pass = 0; pass < a.passes; ++pass) {
    reload(pass);
    each_score(a, pass, scores, [&](float& score, int column, int r) {
      score = used[r] ? score / totals[r] : 0.0F;
      if (row_numbers[r] < a.z.rows) {
        a.probabilities[row_numbers[r] * a.m + column] = score;
      }
    });
    add_columns(a, pass, scores, column_sums);
  }

  put_status(a, used, rows, row_numbers, entropies, counts);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    if (lane % 4 == 0 && anchor_warp == 0 && row_numbers[r] < a.z.rows) {
      a.units[row_numbers[r]] = static_cast<float>(static_cast<double>(scales[r]) * a.epsilon * kDirectionUnit);
      a.factors[row_numbers[r]] = pair.factors[r];
    }
  }
}

constexpr int kSummedRows = 256;     // of a block of sums
constexpr int kSummedColumns = 128;  // of a block, one a thread

/// What is summed of rows.
struct RowSums {
  std::int64_t* directions;  // [blocks of rows, d]
  double* inverse_norms;     // [blocks of rows]
};

/// A thread adds up its dimension over the rows of its block, in order.
template <typename T>
__global__ void row_sums_kernel(const Arguments a, const RowSums sums) {
  const std::int64_t wide = (a.z.dimension + kSummedColumns - 1) / kSummedColumns;
  const std::int64_t chunk = blockIdx.x / wide;
  const std::int64_t k = blockIdx.x % wide * kSummedColumns + threadIdx.x;
  if (k >= a.z.dimension) {
    return;
  }
  const std::int64_t end = (chunk + 1) * kSummedRows < a.z.rows ? (chunk + 1) * kSummedRows : a.z.rows;
  std::int64_t total = 0;
  double inverse_norms = 0;
  for (std::int64_t row = chunk * kSummedRows; row < end; ++row) {
    const float unit = a.units[row];
    if (unit > 0) {
      const T value = row_pointer<T>(a, row)[k * a.z.stride];
      const double factor = a.factors[row];
      const float scaled = factor == 1.0 ? to_float(value) : static_cast<float>(to_double(value) * factor);
      total += static_cast<std::int64_t>(rintf(scaled * unit));
      inverse_norms += static_cast<double>(unit) * factor / kDirectionUnit;
    }
  }
  sums.directions[chunk * a.z.dimension + k] = total;
  if (k == 0) {
    sums.inverse_norms[chunk] = inverse_norms;
  }
}

/// A thread adds up a dimension over the blocks of rows.
__global__ void total_row_sums_kernel(const RowSums sums, std::int64_t chunks, std::int64_t d,
                                      std::int64_t* __restrict__ directions, double* __restrict__ inverse_norms) {
  const std::int64_t k = static_cast<std::int64_t>(blockIdx.x) * kSummedColumns + threadIdx.x;
  if (k >= d) {
    return;
  }
  std::int64_t total = 0;
  double norms = 0;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    total += sums.directions[chunk * d + k];
    norms += k == 0 ? sums.inverse_norms[chunk] : 0.0;
  }
  directions[k] = total;
  if (k == 0) {
    *inverse_norms = norms;
  }
}

std::int64_t chunks_of(std::int64_t rows) { return (rows + kSummedRows - 1) / kSummedRows; }
std::int64_t columns_of(std::int64_t d) { return (d + kSummedColumns - 1) / kSummedColumns; }

/// A block for each 32 columns: warp w takes blocks w, w + kWarps, … of the partial sums.
__global__ void total_kernel(const double* __restrict__ sums, const std::int64_t* __restrict__ tokens,
                             std::int64_t blocks, std::int64_t m, double* __restrict__ sum,
                             std::int64_t* __restrict__ total_tokens) {
  auto* const shared = reinterpret_cast<double*>(shared_memory());  // [kWarps, 32]
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * 32 + lane;
  double mine = 0;
  for (std::int64_t block = warp; block < blocks && column < m; block += kWarps) {
    mine += sums[block * m + column];
  }
  shared[warp * 32 + lane] = mine;
  __syncthreads();
  if (warp == 0 && column < m) {
    double total = 0;
    for (unsigned w = 0; w < kWarps; ++w) {
      total += shared[w * 32 + lane];
    }
    sum[column] = total;
  }
  if (blockIdx.x == 0 && warp == 1 && lane < 2) {
    std::int64_t total = 0;
    for (std::int64_t block = 0; block < blocks; ++block) {
      total += tokens[block * 2 + lane];
    }
    total_tokens[lane] = total;
  }
}

int anchor_warps(std::int64_t m) {
  const std::int64_t wanted = (m + kTiles * 8 - 1) / (kTiles * 8);
  return wanted > 2 ? kMaxAnchorWarps : static_cast<int>(wanted);
}

std::int64_t assignment_blocks(std::int64_t rows, std::int64_t m) {
  const std::int64_t of_a_block = kWarps / anchor_warps(m) * kRows;
  return (rows + of_a_block - 1) / of_a_block;
}

template <typename T>
const char* assign(Arguments& a, const RowSums& sums, std::int64_t blocks, void* stream) {
  const auto is_aligned = [](std::int64_t stride) { return stride * static_cast<std::int64_t>(sizeof(T)) % 16 == 0; };
  a.aligned = a.z.stride == 1 && reinterpret_cast<std::uintptr_t>(a.z.data) % 16 == 0 && is_aligned(a.z.row_stride) &&
              is_aligned(a.z.outer_stride);
  const std::size_t shared = kWarps * (kTiles * 8 * sizeof(double) + kRows * sizeof(float) + 2 * sizeof(int));
  const char* const failure = launch(assignment_kernel<T>, blocks, kWarps * 32, shared, stream, a);
  return failure != nullptr ? failure
                            : launch(row_sums_kernel<T>, chunks_of(a.z.rows) * columns_of(a.z.dimension),
                                     kSummedColumns, 0, stream, a, sums);
}

}  // namespace

std::int64_t assignment_workspace_bytes(std::int64_t rows, std::int64_t m, std::int64_t d) {
  return assignment_blocks(rows, m) * (m + 2) * 8 + chunks_of(rows) * (d + 1) * 8 + rows * 12;
}

const char* soft_assignment(const Representations& z, const void* anchors, std::int64_t m, double epsilon,
                            const std::uint8_t* counted, const AssignmentOutputs& outputs, void* stream) {
  const std::int64_t blocks = assignment_blocks(z.rows, m);
  auto* const sums = static_cast<double*>(outputs.workspace);
  auto* const tokens = reinterpret_cast<std::int64_t*>(sums + blocks * m);
  auto* const directions = tokens + blocks * 2;  // all of eight bytes, then the units of four
  auto* const inverse_norms = reinterpret_cast<double*>(directions + chunks_of(z.rows) * z.dimension);
  auto* const factors = inverse_norms + chunks_of(z.rows);
  const RowSums of_chunks{directions, inverse_norms};
  const int warps = anchor_warps(m);
  const auto passes = static_cast<int>((m + warps * kTiles * 8 - 1) / (warps * kTiles * 8));
  Arguments a{z,
              static_cast<const std::uint32_t*>(anchors),
              m,
              epsilon,
              counted,
              outputs.probabilities,
              outputs.status,
              outputs.entropies,
              sums,
              tokens,
              warps,
              passes,
              false,
              reinterpret_cast<float*>(factors + z.rows),
              factors};
  if (blocks > 0) {
    const char* failure = z.type == ValueType::kFloat64   ? assign<double>(a, of_chunks, blocks, stream)
                          : z.type == ValueType::kFloat32 ? assign<float>(a, of_chunks, blocks, stream)
                          : z.type == ValueType::kFloat16 ? assign<__half>(a, of_chunks, blocks, stream)
                                                          : assign<__nv_bfloat16>(a, of_chunks, blocks, stream);
    if (failure != nullptr) {
      return failure;
    }
  }
  const char* const failure =
      launch(total_row_sums_kernel, columns_of(z.dimension), kSummedColumns, 0, stream, of_chunks, chunks_of(z.rows),
             z.dimension, outputs.directions, outputs.inverse_norms);
  if (failure != nullptr) {
    return failure;
  }
  return launch(total_kernel, (m + 31) / 32, kWarps * 32, kWarps * 32 * sizeof(double), stream, sums, tokens, blocks, m,
                outputs.sum, outputs.tokens);
}

}  // namespace infoplane::estimator::cuda
