#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <new>

#include "estimator/assignment/lanes.hpp"
#include "estimator/assignment/row_reader.hpp"
#include "estimator/assignment/row_sums.hpp"
#include "estimator/assignment/soft_assignment.hpp"

namespace infoplane::estimator::kernels {
namespace {

constexpr std::int64_t kTileRows = 192;  // a unit of work for a thread
constexpr int kGroupRows = 6;            // rows whose scores are held in registers together
constexpr std::int64_t kDepth = 96;      // dimensions of a piece of a panel
constexpr std::int64_t kAlign = 64;

/// One tile of work for a kernel.
struct Tile {
  const RowReader* reader;
  const AnchorPanels* anchors;
  const std::uint8_t* counted;
  double epsilon;
  std::int64_t begin;
  std::int64_t end;
  float* scratch;            // kBlockRows · d, then kBlockRows · padded m
  float* probabilities;      // of row 0 of the batch
  std::uint8_t* used;        // of row 0 of the batch
  float* entropies;          // of row 0 of the batch
  double* sum;               // [m]
  std::int32_t* directions;  // [d], of unit vectors, in 1 / kDirectionUnit
  double inverse_norms;
  std::int64_t rejected;
};

/// A variant: L floats a vector, V vectors of anchors a panel, and the function compiled for it.
struct Variant {
  int lanes;
  int panel_vectors;
  void (*run)(Tile&);
};

template <int L>
INFOPLANE_INLINE float sum_of_squares(const float* row, std::int64_t d) {
  using Float = typename Lanes<L>::Float;
  Float a{}, b{}, c{}, e{};
  std::int64_t k = 0;
  for (; k + 4 * L <= d; k += 4 * L) {
    const Float x0 = Lanes<L>::load(row + k), x1 = Lanes<L>::load(row + k + L);
    const Float x2 = Lanes<L>::load(row + k + 2 * L), x3 = Lanes<L>::load(row + k + 3 * L);
    a += x0 * x0;
    b += x1 * x1;
    c += x2 * x2;
    e += x3 * x3;
  }
  float rest = 0;
  for (; k < d; ++k) {
    rest += row[k] * row[k];
  }
  return Lanes<L>::sum_of((a + b) + (c + e)) + rest;
}

/// Adds to scores[r, v·L …] of kGroupRows rows what the dimensions begin … end give with the anchors of a panel of V
/// vectors.
template <int L, int V>
INFOPLANE_INLINE void multiply(const float* const* rows, std::int64_t begin, std::int64_t end, const float* panel,
                               float* scores, std::int64_t stride) {
  using Float = typename Lanes<L>::Float;
  Float sums[kGroupRows][V] = {};
  if (begin > 0) {
#pragma GCC unroll 8
    for (int r = 0; r < kGroupRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        sums[r][v] = Lanes<L>::load(scores + r * stride + v * L);
      }
    }
  }
  for (std::int64_t k = begin; k < end; ++k, panel += V * L) {
    Float anchor[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      anchor[v] = Lanes<L>::load(panel + v * L);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kGroupRows; ++r) {
      const float z = rows[r][k];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        sums[r][v] += anchor[v] * z;
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kGroupRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      Lanes<L>::store(scores + r * stride + v * L, sums[r][v]);
    }
  }
}

/// Scores of a block of rows with the anchors of a panel of V vectors. `sums`: null
/// where they have these rows.
template <int L, int V>
INFOPLANE_INLINE void multiply_panel(const Block& block, int count, std::int64_t d, const float* panel, float* scores,
                                     std::int64_t stride, std::int32_t* sums) {
  for (std::int64_t begin = 0; begin < d; begin += kDepth) {
    const std::int64_t end = std::min(d, begin + kDepth);
    for (int r = 0; r < count; r += kGroupRows) {
      multiply<L, V>(block.rows + r, begin, end, panel + begin * V * L, scores + r * stride, stride);
    }
    if (sums != nullptr) {
      add_unit_vectors<L>(block, begin, end, sums);
    }
  }
}

/// Softmax of scale · scores, in place, over `padded` scores; those from m on are left out. Returns its entropy, which
/// is log Σ e^s − Σ p s of what is there already.
template <int L>
INFOPLANE_INLINE float softmax(float* scores, std::int64_t m, std::int64_t padded, float scale) {
  using Float = typename Lanes<L>::Float;
  for (std::int64_t b = m; b < padded; ++b) {
    scores[b] = -HUGE_VALF;
  }
  Float peaks = Lanes<L>::load(scores);
  for (std::int64_t b = L; b < padded; b += L) {
    peaks = Lanes<L>::max(peaks, Lanes<L>::load(scores + b));
  }
  const float peak = Lanes<L>::max_of(peaks);
  constexpr float kLowest = -1e4F;  // finite where the padding is not, so that times a weight of nothing it is nothing
  Float sums{}, products{};
  for (std::int64_t b = 0; b < padded; b += L) {
    const Float score = Lanes<L>::max((Lanes<L>::load(scores + b) - peak) * scale, Float{} + kLowest);
    const Float weight = Lanes<L>::exp(score);
    sums += weight;
    products += weight * score;
    Lanes<L>::store(scores + b, weight);
  }
  const float sum = Lanes<L>::sum_of(sums);
  const float inverse = 1 / sum;
  for (std::int64_t b = 0; b < padded; b += L) {
    Lanes<L>::store(scores + b, Lanes<L>::load(scores + b) * inverse);
  }
  return Lanes<L>::log(Float{} + sum)[0] - Lanes<L>::sum_of(products) * inverse;
}

/// Takes the next rows that count and are good. @returns the row behind them.
template <int L>
INFOPLANE_INLINE std::int64_t fill(Block& block, Tile& tile, std::int64_t row) {
  const std::int64_t d = tile.anchors->dimension();
  for (; row < tile.end && block.filled < kBlockRows; ++row) {
    if (tile.counted != nullptr && tile.counted[row] == 0) {
      continue;
    }
    float* const copy = tile.scratch + block.filled * d;
    const float* values = tile.reader->read(row, copy);
    float squares = sum_of_squares<L>(values, d);
    int exponent = 0;  // of what the row is divided by
    // Outside of this range, squares lose digits or leave float32; NaN fails the comparison too.
    if (!(squares > 1e-20F && squares < 1e30F)) {
      if (!tile.reader->read_scaled(row, copy, exponent)) {
        ++tile.rejected;
        continue;
      }
      values = copy;
      squares = sum_of_squares<L>(values, d);
    }
    const double norm = std::sqrt(static_cast<double>(squares));
    block.rows[block.filled] = values;
    block.scales[block.filled] = static_cast<float>(1 / (norm * tile.epsilon));
    block.units[block.filled] = static_cast<float>(kDirectionUnit / norm);
    block.numbers[block.filled] = row;
    tile.inverse_norms += std::ldexp(1 / norm, -exponent);
    ++block.filled;
  }
  return row;
}

/// The scores [filled, padded] of a block, panel by panel.
template <int L, int V>
INFOPLANE_INLINE void multiply(Block& block, const Tile& tile, std::int64_t vectors, float* scores) {
  const std::int64_t d = tile.anchors->dimension(), padded = vectors * L;
  const int count = (block.filled + kGroupRows - 1) / kGroupRows * kGroupRows;
  for (int r = block.filled; r < count; ++r) {
    block.rows[r] = block.rows[0];
  }
  const float* panel = tile.anchors->data();
  std::int32_t* sums = tile.directions;  // with the first panel
  std::int64_t left = vectors;
  for (; left >= V; left -= V, panel += V * L * d, scores += V * L, sums = nullptr) {
    multiply_panel<L, V>(block, count, d, panel, scores, padded, sums);
  }
  if constexpr (V > 3) {
    if (left == 3) {
      multiply_panel<L, 3>(block, count, d, panel, scores, padded, sums);
    }
  }
  if constexpr (V > 2) {
    if (left == 2) {
      multiply_panel<L, 2>(block, count, d, panel, scores, padded, sums);
    }
  }
  if (left == 1) {
    multiply_panel<L, 1>(block, count, d, panel, scores, padded, sums);
  }
}

template <int L, int V>
INFOPLANE_INLINE void run_tile(Tile& tile) {
  const std::int64_t m = tile.anchors->anchors();
  const std::int64_t vectors = (m + L - 1) / L;
  const std::int64_t padded = vectors * L;
  float* const scores = tile.scratch + kBlockRows * tile.anchors->dimension();
  for (std::int64_t row = tile.begin; row < tile.end;) {
    Block block;
    row = fill<L>(block, tile, row);
    if (block.filled == 0) {
      break;
    }
    multiply<L, V>(block, tile, vectors, scores);
    for (int r = 0; r < block.filled; ++r) {
      float* const p = scores + r * padded;
      tile.entropies[block.numbers[r]] = softmax<L>(p, m, padded, block.scales[r]);
      for (std::int64_t b = 0; b < m; ++b) {
        tile.sum[b] += p[b];
      }
      std::memcpy(tile.probabilities + block.numbers[r] * m, p, static_cast<std::size_t>(m) * sizeof(float));
      tile.used[block.numbers[r]] = 1;
    }
  }
}

void run_portable(Tile& tile) { run_tile<4, 2>(tile); }

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void run_avx2(Tile& tile) { run_tile<8, 2>(tile); }
[[gnu::target("avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]] void run_avx512(Tile& tile) { run_tile<16, 4>(tile); }
#endif

const Variant& variant_of(InstructionSet set) noexcept {
  static constexpr Variant kPortable{4, 2, run_portable};
#if defined(__x86_64__)
  static constexpr Variant kAvx2{8, 2, run_avx2};
  static constexpr Variant kAvx512{16, 4, run_avx512};
  if (set != InstructionSet::kPortable) {
    return set == InstructionSet::kAvx2 ? kAvx2 : kAvx512;
  }
#endif
  return kPortable;
}

float* allocate(std::int64_t count) {
  const auto bytes = static_cast<std::size_t>((count * static_cast<std::int64_t>(sizeof(float)) + kAlign - 1) / kAlign);
  void* data = std::aligned_alloc(kAlign, bytes * kAlign);
  if (data == nullptr) {
    throw std::bad_alloc();
  }
  return static_cast<float*>(data);
}

std::int64_t padded(std::int64_t m, InstructionSet set) {
  const std::int64_t lanes = variant_of(set).lanes;
  return (m + lanes - 1) / lanes * lanes;
}

}  // namespace

void AnchorPanels::Free::operator()(float* data) const noexcept { std::free(data); }

AnchorPanels::AnchorPanels(const at::Tensor& weight, InstructionSet set)
    : weight_(weight),
      set_(set),
      anchors_(weight.size(0)),
      dimension_(weight.size(1)),
      data_(allocate(padded(anchors_, set) * dimension_)) {
  const Variant& variant = variant_of(set);
  const std::int64_t panel_width = variant.lanes * static_cast<std::int64_t>(variant.panel_vectors);
  const std::int64_t total = padded(anchors_, set);
  const float* from = weight.const_data_ptr<float>();
  float* to = data_.get();
  for (std::int64_t first = 0; first < total; first += panel_width) {
    const std::int64_t width = std::min(panel_width, total - first);
    for (std::int64_t k = 0; k < dimension_; ++k) {
      for (std::int64_t b = first; b < first + width; ++b) {
        *to++ = b < anchors_ ? from[b * dimension_ + k] : 0.0F;
      }
    }
  }
}

std::int64_t AnchorPanels::memory_bytes() const noexcept {
  return (anchors_ + padded(anchors_, set_)) * dimension_ * static_cast<std::int64_t>(sizeof(float));
}

SoftAssignment soft_assignment_cpu(const at::Tensor& z, const AnchorPanels& anchors, double epsilon,
                                   const std::uint8_t* counted) {
  const std::int64_t m = anchors.anchors();
  const std::int64_t d = anchors.dimension();
  const InstructionSet set = anchors.instruction_set();
  const RowReader reader(z);
  const std::int64_t n = reader.rows();
  const std::int64_t tiles = (n + kTileRows - 1) / kTileRows;
  SoftAssignment result;
  result.rows = n;
  result.probabilities = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(n * m));
  result.used.assign(static_cast<std::size_t>(n), 0);
  result.entropies.assign(static_cast<std::size_t>(n), 0.0F);
  result.sum.assign(static_cast<std::size_t>(m), 0.0);
  std::vector<double> sums(static_cast<std::size_t>(tiles * m), 0.0);
  result.directions.assign(static_cast<std::size_t>(d), 0);
  std::vector<double> inverse_norms(static_cast<std::size_t>(tiles), 0.0);
  std::vector<std::int64_t> rejected(static_cast<std::size_t>(tiles), 0);
  std::mutex mutex;  // whole numbers may come in any order
  at::parallel_for(0, tiles, 1, [&](std::int64_t first, std::int64_t last) {
    std::vector<std::int32_t> of_tile(static_cast<std::size_t>(d));
    std::vector<std::int64_t> directions(static_cast<std::size_t>(d), 0);
    const std::unique_ptr<float, decltype(&std::free)> scratch(allocate(kBlockRows * (d + padded(m, set))), &std::free);
    for (std::int64_t t = first; t < last; ++t) {
      std::fill(of_tile.begin(), of_tile.end(), 0);
      Tile tile{&reader,
                &anchors,
                counted,
                epsilon,
                t * kTileRows,
                std::min(n, (t + 1) * kTileRows),
                scratch.get(),
                result.probabilities.get(),
                result.used.data(),
                result.entropies.data(),
                sums.data() + t * m,
                of_tile.data(),
                0,
                0};
      variant_of(set).run(tile);
      rejected[static_cast<std::size_t>(t)] = tile.rejected;
      inverse_norms[static_cast<std::size_t>(t)] = tile.inverse_norms;
      std::transform(directions.begin(), directions.end(), of_tile.begin(), directions.begin(), std::plus<>());
    }
    const std::lock_guard lock(mutex);
    std::transform(directions.begin(), directions.end(), result.directions.begin(), result.directions.begin(),
                   std::plus<>());
  });
  // In the order of the tiles, so that the number of threads changes nothing.
  for (std::int64_t t = 0; t < tiles; ++t) {
    result.rejected += rejected[static_cast<std::size_t>(t)];
    result.inverse_norms += inverse_norms[static_cast<std::size_t>(t)];
    for (std::int64_t b = 0; b < m; ++b) {
      result.sum[static_cast<std::size_t>(b)] += sums[static_cast<std::size_t>(t * m + b)];
    }
  }
  for (const std::uint8_t is_used : result.used) {
    result.tokens += is_used;
  }
  return result;
}

}  // namespace infoplane::estimator::kernels
