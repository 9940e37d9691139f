#include "estimator/kernels/cuda/launch.hpp"
#include "estimator/kernels/cuda/platform.hpp"

namespace infoplane::estimator::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

/// A warp for each piece; a lane sums columns lane, lane + 32, … over the piece's positions, in their order.
__global__ void piece_kernel(const float* __restrict__ probabilities, std::int64_t m,
                             const std::int32_t* __restrict__ order, const LabelPiece* __restrict__ pieces,
                             std::int64_t piece_count, float* const* __restrict__ rows, double* __restrict__ partials) {
  const std::int64_t number = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
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
      float* const to = rows[piece.set] + piece.row * m + column;
      *to = static_cast<float>(static_cast<double>(*to) + sum);
    } else {
      partials[piece.partial * m + column] = sum;
    }
  }
}

/// A warp for each label of more than one piece.
__global__ void long_label_kernel(std::int64_t m, const LongLabel* __restrict__ labels, std::int64_t count,
                                  float* const* __restrict__ rows, const double* __restrict__ partials) {
  const std::int64_t number = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (number >= count) {
    return;
  }
  const LongLabel label = labels[number];
  for (std::int64_t column = threadIdx.x % 32; column < m; column += 32) {
    double sum = 0;
    for (std::int64_t i = label.begin; i < label.end; ++i) {
      sum += partials[i * m + column];
    }
    float* const to = rows[label.set] + label.row * m + column;
    *to = static_cast<float>(static_cast<double>(*to) + sum);
  }
}

}  // namespace

const char* add_to_label_rows(const float* probabilities, std::int64_t m, const LabelSegments& segments,
                              float* const* rows, double* partials, void* stream) {
  const char* failure = nullptr;
  if (segments.piece_count > 0) {
    failure = launch(piece_kernel, (segments.piece_count + kWarps - 1) / kWarps, kThreads, 0, stream, probabilities, m,
                     segments.order, segments.pieces, segments.piece_count, rows, partials);
  }
  if (failure == nullptr && segments.long_label_count > 0) {
    failure = launch(long_label_kernel, (segments.long_label_count + kWarps - 1) / kWarps, kThreads, 0, stream, m,
                     segments.long_labels, segments.long_label_count, rows, partials);
  }
  return failure;
}

}  // namespace infoplane::estimator::kernels::cuda
