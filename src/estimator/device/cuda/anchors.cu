#include "estimator/device/cuda/launch.hpp"
#include "estimator/device/cuda/product.hpp"

namespace infoplane::estimator::cuda {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t to) { return (value + to - 1) / to * to; }
int anchor_parts(ValueType type) { return type == ValueType::kBFloat16 || type == ValueType::kFloat16 ? 2 : 3; }

/// One thread for each two words of a lane: [step of 16 depths, tile, lane, part, 2].
template <int Count>
__global__ void prepare_kernel(const float* __restrict__ weight, std::int64_t m, std::int64_t d, std::int64_t tiles,
                               std::int64_t items, std::uint32_t* __restrict__ anchors) {
  const std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (item >= items) {
    return;
  }
  const std::int64_t lane = item % 32;
  const std::int64_t tile = item / 32 % tiles;
  const std::int64_t step = item / 32 / tiles;
  const std::int64_t anchor = tile * 8 + lane / 4;
  const std::int64_t depth = step / 4 * kDepth + lane % 4 * kPiece + step % 4 * 4;
  float values[4];
  for (int k = 0; k < 4; ++k) {
    values[k] = anchor < m && depth + k < d ? weight[anchor * d + depth + k] : 0.0F;
  }
  split<Count>(values[0], values[1], anchors + item * Count * 2, 2);
  split<Count>(values[2], values[3], anchors + item * Count * 2 + 1, 2);
}

}  // namespace

std::int64_t anchor_bytes(ValueType type, std::int64_t m, std::int64_t d) {
  return round_up(m, 8) * round_up(d, kDepth) * anchor_parts(type) * 2;
}

const char* prepare_anchors(const float* weight, std::int64_t m, std::int64_t d, ValueType type, void* anchors,
                            void* stream) {
  const std::int64_t tiles = (m + 7) / 8;
  const std::int64_t items = round_up(d, kDepth) / 16 * tiles * 32;
  auto* const words = static_cast<std::uint32_t*>(anchors);
  return launch(anchor_parts(type) == 2 ? prepare_kernel<2> : prepare_kernel<3>, (items + 255) / 256, 256, 0, stream,
                weight, m, d, tiles, items, words);
}

}  // namespace infoplane::estimator::cuda
