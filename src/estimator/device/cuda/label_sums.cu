#include "estimator/device/cuda/launch.hpp"
#include "estimator/device/cuda/platform.hpp"

namespace infoplane::estimator::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

std::int64_t blocks_of(std::int64_t warps) { return (warps + kWarps - 1) / kWarps; }
__device__ __forceinline__ std::int64_t warp_number() {
  return static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
}

/// Each label has one warp that adds to it.
__device__ __forceinline__ void add(const LabelSums& set, std::int32_t row, std::int64_t m, std::int64_t column,
                                    double sum) {
  const std::int32_t whole = row == kOfLabelsNotKept ? 0 : set.large_of_sum[row];
  if (whole >= 0) {
    set.large[whole * m + column] += sum;
  } else {
    float* const to = set.rows + row * m + column;
    *to = static_cast<float>(static_cast<double>(*to) + sum);
  }
}

/// A warp for each piece; a lane sums columns lane, lane + 32, … over the piece's positions, in their order.
__global__ void piece_kernel(const float* __restrict__ probabilities, std::int64_t m,
                             const std::int32_t* __restrict__ order, const LabelPiece* __restrict__ pieces,
                             std::int64_t piece_count, const LabelSums* __restrict__ sets,
                             double* __restrict__ partials) {
  const std::int64_t number = warp_number();
  if (number >= piece_count) {
    return;
  }
  const LabelPiece piece = pieces[number];
  for (std::int64_t column = threadIdx.x % 32; column < m; column += 32) {
    double sum = 0;
    std::int32_t i = piece.begin;
    for (; i + 4 <= piece.end; i += 4) {  // four loads on their way at once
      const float a = __ldg(probabilities + order[i] * m + column);
      const float b = __ldg(probabilities + order[i + 1] * m + column);
      const float c = __ldg(probabilities + order[i + 2] * m + column);
      const float d = __ldg(probabilities + order[i + 3] * m + column);
      sum += (static_cast<double>(a) + static_cast<double>(b)) + (static_cast<double>(c) + static_cast<double>(d));
    }
    for (; i < piece.end; ++i) {
      sum += static_cast<double>(__ldg(probabilities + order[i] * m + column));
    }
    if (piece.partial < 0) {
      add(sets[piece.set], piece.row, m, column, sum);
    } else {
      partials[piece.partial * m + column] = sum;
    }
  }
}

/// A warp for each label of more than one piece.
__global__ void long_label_kernel(std::int64_t m, const LongLabel* __restrict__ labels, std::int64_t count,
                                  const LabelSums* __restrict__ sets, const double* __restrict__ partials) {
  const std::int64_t number = warp_number();
  if (number >= count) {
    return;
  }
  const LongLabel label = labels[number];
  for (std::int64_t column = threadIdx.x % 32; column < m; column += 32) {
    double sum = 0;
    for (std::int64_t i = label.begin; i < label.end; ++i) {
      sum += partials[i * m + column];
    }
    add(sets[label.set], label.row, m, column, sum);
  }
}

/// As piece_kernel, over rows of sums, which are zero afterwards.
__global__ void drop_kernel(std::int64_t m, const std::int32_t* __restrict__ rows,
                            const LabelPiece* __restrict__ pieces, std::int64_t piece_count,
                            const LabelSums* __restrict__ sets, double* __restrict__ partials) {
  const std::int64_t number = warp_number();
  if (number >= piece_count) {
    return;
  }
  const LabelPiece piece = pieces[number];
  const LabelSums set = sets[piece.set];
  for (std::int64_t column = threadIdx.x % 32; column < m; column += 32) {
    double sum = 0;
    for (std::int32_t i = piece.begin; i < piece.end; ++i) {
      float* const of_row = set.rows + rows[i] * m + column;
      sum += static_cast<double>(*of_row);
      *of_row = 0;
      const std::int32_t whole = set.large_of_sum[rows[i]];
      if (whole >= 0) {
        sum += set.large[whole * m + column];
        set.large[whole * m + column] = 0;
      }
    }
    partials[piece.partial * m + column] = sum;
  }
}

/// After drop_kernel: its lanes read what this writes. A thread for each piece.
__global__ void forget_kernel(const std::int32_t* __restrict__ rows, const LabelPiece* __restrict__ pieces,
                              std::int64_t piece_count, const LabelSums* __restrict__ sets) {
  const std::int64_t number = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (number < piece_count) {
    const LabelPiece piece = pieces[number];
    for (std::int32_t i = piece.begin; i < piece.end; ++i) {
      sets[piece.set].large_of_sum[rows[i]] = -1;
    }
  }
}

/// A warp for each row.
__global__ void promote_kernel(const LabelSums* __restrict__ sets, std::int64_t m,
                               const Promotion* __restrict__ promotions, std::int64_t count) {
  const std::int64_t number = warp_number();
  if (number >= count) {
    return;
  }
  const Promotion promotion = promotions[number];
  const LabelSums set = sets[promotion.set];
  for (std::int64_t column = threadIdx.x % 32; column < m; column += 32) {
    float* const from = set.rows + promotion.row * m + column;
    set.large[promotion.whole * m + column] = static_cast<double>(*from);
    *from = 0;
  }
  if (threadIdx.x % 32 == 0) {
    set.large_of_sum[promotion.row] = promotion.whole;
  }
}

const char* add_long_labels(std::int64_t m, const LabelSegments& segments, const LabelSums* sets, double* partials,
                            void* stream) {
  return segments.long_label_count == 0
             ? nullptr
             : launch(long_label_kernel, blocks_of(segments.long_label_count), kThreads, 0, stream, m,
                      segments.long_labels, segments.long_label_count, sets, partials);
}

}  // namespace

const char* promote_label_sums(const LabelSums* sets, std::int64_t m, const Promotion* promotions, std::int64_t count,
                               void* stream) {
  return count == 0 ? nullptr
                    : launch(promote_kernel, blocks_of(count), kThreads, 0, stream, sets, m, promotions, count);
}

const char* add_to_label_sums(const float* probabilities, std::int64_t m, const LabelSegments& segments,
                              const LabelSums* sets, double* partials, void* stream) {
  const char* failure = nullptr;
  if (segments.piece_count > 0) {
    failure = launch(piece_kernel, blocks_of(segments.piece_count), kThreads, 0, stream, probabilities, m,
                     segments.order, segments.pieces, segments.piece_count, sets, partials);
  }
  return failure != nullptr ? failure : add_long_labels(m, segments, sets, partials, stream);
}

const char* drop_label_sums(std::int64_t m, const LabelSegments& segments, const LabelSums* sets, double* partials,
                            void* stream) {
  const std::int64_t count = segments.piece_count;
  if (count == 0) {
    return nullptr;
  }
  const char* failure = launch(drop_kernel, blocks_of(count), kThreads, 0, stream, m, segments.order, segments.pieces,
                               count, sets, partials);
  if (failure == nullptr) {
    failure = launch(forget_kernel, (count + kThreads - 1) / kThreads, kThreads, 0, stream, segments.order,
                     segments.pieces, count, sets);
  }
  return failure != nullptr ? failure : add_long_labels(m, segments, sets, partials, stream);
}

}  // namespace infoplane::estimator::cuda
