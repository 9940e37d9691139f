#pragma once

#include <cmath>

#include "estimator/device/cuda/launch.hpp"
#include "estimator/device/cuda/matrix.hpp"

// A warp has sixteen rows and at most 128 anchors: scores never leave registers. It reads z itself, without shared
// memory and without waiting for other warps. A product does not care about the order of depths, so a lane takes
// sixteen values that lie side by side, the four lanes of a row a block of 64, and W was put in the same order
// beforehand. Warps of other rows read the same pieces of W at about the same time and find them in the first cache.
namespace infoplane::estimator::cuda {

constexpr int kWarps = 4;
constexpr int kRows = 16;   // of a warp
constexpr int kTiles = 16;  // of 8 anchors each, of a warp
constexpr int kDepth = 64;  // of a block of z: four products deep
constexpr int kPiece = 16;  // values of a lane in it
constexpr int kMaxAnchorWarps = 4;

struct Arguments {
  Representations z;
  const std::uint32_t* anchors;
  std::int64_t m;
  double epsilon;
  const std::uint8_t* counted;
  float* probabilities;
  std::uint8_t* status;
  float* entropies;
  double* sums;          // [blocks, m]
  std::int64_t* tokens;  // [blocks, 2]
  int anchor_warps;      // warps that share their rows
  int passes;            // over z
  bool aligned;          // whole pieces of rows can be loaded by sixteen bytes
  float* units;          // [rows] kDirectionUnit / |factor · z|; 0: not used
  double* factors;       // [rows] powers of two by which rows were scaled
};

/// Parts of z and W that hold all bits that matter.
template <typename T>
struct Parts {
  static constexpr int kBlocks = 2;  // at least, on a multiprocessor: registers are dealt accordingly
  static constexpr int kZ = 3;
  static constexpr int kAnchors = 3;
};
template <>
struct Parts<__half> {
  static constexpr int kBlocks = 3;
  static constexpr int kZ = 2;
  static constexpr int kAnchors = 2;
};
template <>
struct Parts<__nv_bfloat16> {
  static constexpr int kBlocks = 3;
  static constexpr int kZ = 1;
  static constexpr int kAnchors = 2;
};

template <typename T>
struct alignas(16) Piece {
  T values[kPiece];
};

template <typename T>
__device__ __forceinline__ void load_piece(Piece<T>& piece, const T* row, std::int64_t begin, const Arguments& a) {
  if (row != nullptr && a.aligned && begin + kPiece <= a.z.dimension) {
    constexpr int kVectors = static_cast<int>(sizeof(piece) / sizeof(uint4));
    const uint4* from = reinterpret_cast<const uint4*>(row + begin);
    uint4 vectors[kVectors];
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      vectors[i] = __ldg(from + i);
    }
    memcpy(&piece, vectors, sizeof(piece));
    return;
  }
  memset(&piece, 0, sizeof(piece));
  if (row != nullptr) {
#pragma unroll
    for (int k = 0; k < kPiece; ++k) {
      if (begin + k < a.z.dimension) {
        piece.values[k] = row[(begin + k) * a.z.stride];
      }
    }
  }
}

template <typename T>
__device__ __forceinline__ const T* row_pointer(const Arguments& a, std::int64_t row) {
  if (row >= a.z.rows || (a.counted != nullptr && a.counted[row] == 0)) {
    return nullptr;
  }
  return static_cast<const T*>(a.z.data) + row / a.z.inner_rows * a.z.outer_stride +
         row % a.z.inner_rows * a.z.row_stride;
}

template <int Count>
__device__ __forceinline__ void load_anchors(std::uint32_t (&words)[Count][2], const std::uint32_t* from) {
  if constexpr (Count == 2) {
    const uint4 both = __ldg(reinterpret_cast<const uint4*>(from));
    words[0][0] = both.x;
    words[0][1] = both.y;
    words[1][0] = both.z;
    words[1][1] = both.w;
  } else {
#pragma unroll
    for (int part = 0; part < Count; ++part) {
      const uint2 two = __ldg(reinterpret_cast<const uint2*>(from) + part);
      words[part][0] = two.x;
      words[part][1] = two.y;
    }
  }
}

/// scores[tile] = factor · z · Wᵀ of a warp's rows and tiles, and the squared norms of a lane's part of factor · z.
template <typename T>
__device__ __forceinline__ void multiply(const Arguments& a, const T* const (&rows)[2], const double (&factors)[2],
                                         bool scaled, int first_tile, int tiles, float (&scores)[kTiles][4],
                                         double (&squares)[2]) {
  constexpr int kZ = Parts<T>::kZ;
  constexpr int kAnchors = Parts<T>::kAnchors;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t all_tiles = (a.m + 7) / 8;
  const std::int64_t step_words = all_tiles * 32 * kAnchors * 2;
  const std::uint32_t* at = a.anchors + (static_cast<std::int64_t>(first_tile) * 32 + lane) * kAnchors * 2;
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      scores[tile][c] = 0;
    }
  }
  squares[0] = squares[1] = 0;
  Piece<T> pieces[2];
  load_piece(pieces[0], rows[0], lane % 4 * kPiece, a);
  load_piece(pieces[1], rows[1], lane % 4 * kPiece, a);
  for (std::int64_t begin = 0; begin < a.z.dimension; begin += kDepth) {
    std::uint32_t words[kZ][2][kPiece / 2];  // two values each
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float sum = 0;
#pragma unroll
      for (int k = 0; k < kPiece; k += 2) {
        float x = to_float(pieces[r].values[k]);
        float y = to_float(pieces[r].values[k + 1]);
        if (scaled) {
          x = static_cast<float>(to_double(pieces[r].values[k]) * factors[r]);
          y = static_cast<float>(to_double(pieces[r].values[k + 1]) * factors[r]);
        }
        sum += x * x + y * y;
        split<kZ>(x, y, &words[0][r][k / 2], kPiece);
      }
      squares[r] += static_cast<double>(sum);
    }
    const std::int64_t next = begin + kDepth + lane % 4 * kPiece;
    load_piece(pieces[0], rows[0], next, a);  // on their way during the products; beyond the row there are zeros
    load_piece(pieces[1], rows[1], next, a);
#pragma unroll
    for (int step = 0; step < 4; ++step, at += step_words) {
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
        if (tile < tiles) {
          Fragments<kZ, kAnchors> fragments;
          load_anchors<kAnchors>(fragments.b, at + tile * 32 * kAnchors * 2);
#pragma unroll
          for (int part = 0; part < kZ; ++part) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              fragments.a[part][i] = words[part][i % 2][step * 2 + i / 2];
            }
          }
          multiply_add(scores[tile], fragments);
        }
      }
    }
  }
}

/// A power of two that brings the row's largest value near 1, or 0 where the row is bad; the same in its four lanes.
template <typename T>
__device__ double power_for(const Arguments& a, const T* row) {
  double peak = 0;
  bool finite = true;
  if (row != nullptr) {
    for (std::int64_t k = threadIdx.x % 4; k < a.z.dimension; k += 4) {
      const double value = fabs(to_double(row[k * a.z.stride]));
      finite = finite && value < HUGE_VAL;
      peak = value > peak ? value : peak;
    }
  }
  for (int bit = 1; bit < 4; bit *= 2) {
    const double other = __shfl_xor_sync(kFullWarp, peak, bit);
    peak = other > peak ? other : peak;
  }
  const int bad = sum_over_lanes(finite ? 0 : 1, 1, 4);
  if (bad != 0 || peak == 0) {
    return 0;
  }
  const int exponent = -ilogb(peak);
  return ldexp(1.0, exponent < 1000 ? exponent : 1000);
}

}  // namespace infoplane::estimator::cuda
