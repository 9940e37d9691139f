#include <cmath>

#include "estimator/device/cuda/launch.hpp"
#include "estimator/device/cuda/platform.hpp"

namespace infoplane::estimator::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr std::int64_t kMostBlocks = 512;
constexpr int kParts = 4;
constexpr double kFewestTokens = 3.5;  // sums of four rows of probabilities are four but for their rounding

__device__ __forceinline__ double term(double sum) { return sum > 0 ? sum * log(sum) : 0.0; }
/// −Σ q log q with q = sums / total, of Σ s log s.
__device__ __forceinline__ double entropy(double total, double terms) {
  return total > 0 ? log(total) - terms / total : 0.0;
}

/// Σ s log s over a label's columns of a lane: of each replicate, of each pair of them, and of all.
struct Terms {
  double replicates[kParts] = {};
  double pairs[6] = {};  // 01 23, 02 13, 03 12: three ways of two halves
  double all = 0;

  __device__ __forceinline__ void add(const double (&v)[kParts], bool splits) {
    all += term((v[0] + v[1]) + (v[2] + v[3]));
    if (splits) {
      for (int replicate = 0; replicate < kParts; ++replicate) {
        replicates[replicate] += term(v[replicate]);
      }
      pairs[0] += term(v[0] + v[1]);
      pairs[1] += term(v[2] + v[3]);
      pairs[2] += term(v[0] + v[2]);
      pairs[3] += term(v[1] + v[3]);
      pairs[4] += term(v[0] + v[3]);
      pairs[5] += term(v[1] + v[2]);
    }
  }
};

/// Halves, quarters and noise of a label, from what its warp has.
__device__ __forceinline__ void split(LabelEntropies& result, const double (&totals)[kParts], double total,
                                      const Terms& terms) {
  result.quarters = 0;
  for (int replicate = 0; replicate < kParts; ++replicate) {
    result.quarters +=
        totals[replicate] / total * entropy(totals[replicate], sum_over_lanes(terms.replicates[replicate], 1, 32));
  }
  const double pairs[6] = {totals[0] + totals[1], totals[2] + totals[3], totals[0] + totals[2],
                           totals[1] + totals[3], totals[0] + totals[3], totals[1] + totals[2]};
  double halves[3];
  for (int way = 0; way < 3; ++way) {
    halves[way] =
        pairs[2 * way] / total * entropy(pairs[2 * way], sum_over_lanes(terms.pairs[2 * way], 1, 32)) +
        pairs[2 * way + 1] / total * entropy(pairs[2 * way + 1], sum_over_lanes(terms.pairs[2 * way + 1], 1, 32));
  }
  result.halves = (halves[0] + halves[1] + halves[2]) / 3;
  for (const double half : halves) {
    result.noise += (half - result.halves) * (half - result.halves) / 2;
  }
}

/// A warp for each label; a lane has columns lane, lane + 32, …
__global__ void label_kernel(LabelSums set, std::int64_t m, const LabelReplicates* __restrict__ labels,
                             std::int64_t count, LabelEntropies* __restrict__ out) {
  const std::int64_t number = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (number >= count) {
    return;
  }
  const LabelReplicates label = labels[number];
  std::int32_t large[kParts];
  int used = 0;
  for (int part = 0; part < kParts; ++part) {
    large[part] = label.rows[part] < 0 ? -1 : set.large_of_sum[label.rows[part]];
    used += label.rows[part] < 0 ? 0 : 1;
  }
  double totals[kParts] = {};
  Terms terms;
  for (std::int64_t column = threadIdx.x % 32; column < m; column += 32) {
    double v[kParts];
    for (int part = 0; part < kParts; ++part) {
      v[part] = 0;
      if (label.rows[part] >= 0) {
        v[part] = large[part] >= 0 ? set.large[large[part] * m + column]
                                   : static_cast<double>(__ldg(set.rows + label.rows[part] * m + column));
      }
      totals[part] += v[part];
    }
    terms.add(v, used > 1);
  }
  for (int part = 0; part < kParts; ++part) {
    totals[part] = sum_over_lanes(totals[part], 1, 32);
  }
  const double total = (totals[0] + totals[1]) + (totals[2] + totals[3]);
  const double of_all = entropy(total, sum_over_lanes(terms.all, 1, 32));
  const double whole = total > 0 ? of_all : NAN;
  LabelEntropies result = {whole, whole, whole, 0};
  if (used > 1 && total > kFewestTokens) {
    split(result, totals, total, terms);
  }
  if (threadIdx.x % 32 == 0) {
    out[number] = result;
  }
}

/// A block has a run of rows, float32 ones first; a thread sums columns. `blocks`: float64 [gridDim, m].
__global__ void run_kernel(LabelSums set, std::int64_t rows, std::int64_t large, std::int64_t m, std::int64_t run,
                           double* __restrict__ blocks) {
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * run;
  const std::int64_t end = begin + run < rows + large ? begin + run : rows + large;
  for (std::int64_t column = threadIdx.x; column < m; column += kThreads) {
    double sum = 0;
    for (std::int64_t row = begin; row < end; ++row) {
      sum +=
          row < rows ? static_cast<double>(__ldg(set.rows + row * m + column)) : set.large[(row - rows) * m + column];
    }
    blocks[static_cast<std::int64_t>(blockIdx.x) * m + column] = sum;
  }
}

__global__ void sum_kernel(const double* __restrict__ blocks, std::int64_t count, std::int64_t m,
                           double* __restrict__ out) {
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (column < m) {
    double sum = 0;
    for (std::int64_t block = 0; block < count; ++block) {
      sum += blocks[block * m + column];
    }
    out[column] = sum;
  }
}

std::int64_t run_blocks(std::int64_t rows) {
  const std::int64_t wanted = (rows + 31) / 32;
  return wanted < 1 ? 1 : wanted < kMostBlocks ? wanted : kMostBlocks;
}

}  // namespace

const char* label_entropies(const LabelSums& set, std::int64_t m, const LabelReplicates* labels, std::int64_t count,
                            LabelEntropies* out, void* stream) {
  return count == 0
             ? nullptr
             : launch(label_kernel, (count + kWarps - 1) / kWarps, kThreads, 0, stream, set, m, labels, count, out);
}

std::int64_t sum_workspace_bytes(std::int64_t rows, std::int64_t m) { return run_blocks(rows) * m * 8; }

const char* total_of_label_sums(const LabelSums& set, std::int64_t rows, std::int64_t large, std::int64_t m,
                                double* out, void* workspace, void* stream) {
  const std::int64_t count = run_blocks(rows + large);
  const std::int64_t run = (rows + large + count - 1) / count;
  auto* const sums = static_cast<double*>(workspace);
  const char* const failure = launch(run_kernel, count, kThreads, 0, stream, set, rows, large, m, run, sums);
  return failure != nullptr
             ? failure
             : launch(sum_kernel, (m + kThreads - 1) / kThreads, kThreads, 0, stream, sums, count, m, out);
}

}  // namespace infoplane::estimator::cuda
