#include <cmath>

#include "estimator/kernels/cuda/launch.hpp"
#include "estimator/kernels/cuda/platform.hpp"

namespace infoplane::estimator::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr std::int64_t kMaxBlocks = 512;
constexpr int kScalars = 4;  // of a block: tokens, labels, Σ n H, Σ H

__device__ __forceinline__ double term(double share) { return share > 0 ? -share * log(share) : 0.0; }

/// A block has a run of rows; its warps take them in turn. `blocks`: float64 [gridDim, m + kScalars].
__global__ void entropy_kernel(const float* __restrict__ rows, const std::int64_t* __restrict__ tokens,
                               std::int64_t count, std::int64_t m, std::int64_t run, double* __restrict__ entropies,
                               double* __restrict__ blocks) {
  auto* const shared = reinterpret_cast<double*>(shared_memory());  // [kWarps, kScalars]
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * run;
  const std::int64_t end = begin + run < count ? begin + run : count;
  double* const out = blocks + static_cast<std::int64_t>(blockIdx.x) * (m + kScalars);
  double scalars[kScalars] = {};
  for (std::int64_t row = begin + warp; row < end; row += kWarps) {
    const float* const values = rows + row * m;
    double total = 0;
    for (std::int64_t b = lane; b < m; b += 32) {
      total += static_cast<double>(values[b]);
    }
    total = sum_over_lanes(total, 1, 32);
    double entropy = 0;
    for (std::int64_t b = lane; b < m; b += 32) {
      entropy += term(static_cast<double>(values[b]) / total);
    }
    entropy = sum_over_lanes(entropy, 1, 32);
    const std::int64_t n = tokens[row];
    const bool exists = n > 0 && total > 0;
    if (lane == 0) {
      entropies[row] = exists ? entropy : NAN;
    }
    if (exists) {
      scalars[0] += static_cast<double>(n);
      scalars[1] += 1;
      scalars[2] += static_cast<double>(n) * entropy;
      scalars[3] += entropy;
    }
  }
  for (std::int64_t b = threadIdx.x; b < m; b += kThreads) {
    double sum = 0;
    for (std::int64_t row = begin; row < end; ++row) {
      sum += tokens[row] > 0 ? static_cast<double>(rows[row * m + b]) : 0.0;
    }
    out[b] = sum;
  }
  if (lane == 0) {
    for (int i = 0; i < kScalars; ++i) {
      shared[warp * kScalars + i] = scalars[i];
    }
  }
  __syncthreads();
  if (threadIdx.x < kScalars) {
    double sum = 0;
    for (int w = 0; w < kWarps; ++w) {
      sum += shared[w * kScalars + static_cast<int>(threadIdx.x)];
    }
    out[m + threadIdx.x] = sum;
  }
}

/// Sum over the block, in a fixed order; the same in every thread. `shared`: [kWarps].
__device__ double block_sum(double value, double* shared) {
  value = sum_over_lanes(value, 1, 32);
  __syncthreads();
  if (threadIdx.x % 32 == 0) {
    shared[threadIdx.x / 32] = value;
  }
  __syncthreads();
  double sum = 0;
  for (int w = 0; w < kWarps; ++w) {
    sum += shared[w];
  }
  return sum;
}

/// One block: the sum of all rows and its entropy. The first block's sums are overwritten by those of all.
__global__ void summary_kernel(std::int64_t count, std::int64_t m, double* __restrict__ blocks,
                               SetSummary* __restrict__ summary) {
  auto* const shared = reinterpret_cast<double*>(shared_memory());
  const std::int64_t width = m + kScalars;
  double mine = 0;
  for (std::int64_t b = threadIdx.x; b < width; b += kThreads) {
    double sum = 0;
    for (std::int64_t block = 0; block < count; ++block) {
      sum += blocks[block * width + b];
    }
    blocks[b] = sum;
    mine += b < m ? sum : 0.0;
  }
  const double total = block_sum(mine, shared);
  double entropy = 0;
  for (std::int64_t b = threadIdx.x; b < m; b += kThreads) {
    entropy += term(blocks[b] / total);
  }
  entropy = block_sum(entropy, shared);
  if (threadIdx.x == 0) {
    const double* const scalars = blocks + m;
    *summary = {scalars[0], scalars[1], total > 0 ? entropy : NAN, scalars[2], scalars[3]};
  }
}

std::int64_t entropy_blocks(std::int64_t rows) {
  const std::int64_t wanted = (rows + kWarps - 1) / kWarps;
  return wanted < 1 ? 1 : wanted < kMaxBlocks ? wanted : kMaxBlocks;
}

}  // namespace

std::int64_t summary_workspace_bytes(std::int64_t rows, std::int64_t m) {
  return entropy_blocks(rows) * (m + kScalars) * 8;
}

const char* summarise_set(const float* rows, const std::int64_t* tokens, std::int64_t count, std::int64_t m,
                          double* entropies, SetSummary* summary, void* workspace, void* stream) {
  const std::int64_t blocks = entropy_blocks(count);
  const std::int64_t run = (count + blocks - 1) / blocks;
  auto* const sums = static_cast<double*>(workspace);
  const char* const failure = launch(entropy_kernel, blocks, kThreads, kWarps * kScalars * sizeof(double), stream, rows,
                                     tokens, count, m, run, entropies, sums);
  return failure != nullptr
             ? failure
             : launch(summary_kernel, 1, kThreads, kWarps * sizeof(double), stream, blocks, m, sums, summary);
}

}  // namespace infoplane::estimator::kernels::cuda
