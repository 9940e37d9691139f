#include <algorithm>
#include <cmath>
#include <vector>

#include "estimator/device/cuda/matrix.hpp"

// The emulated device itself: what it has in common with a real one, and what it reports instead of hanging.
namespace infoplane::estimator::cuda {
namespace {

void reverse_kernel(const int* in, int* out) {
  auto* const shared = reinterpret_cast<int*>(shared_memory());
  shared[threadIdx.x] = in[blockIdx.x * blockDim.x + threadIdx.x];
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

void sum_kernel(float* out) { out[threadIdx.x] = sum_over_lanes(static_cast<float>(threadIdx.x), 1, 32); }

void half_barrier_kernel(int* out) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    out[0] = __any_sync(kFullWarp, 1);
    while (threadIdx.x % 32 != 0) {
      out[0] += __any_sync(kFullWarp, 1);  // lane 0 never comes here
    }
  }
}

void throwing_kernel(int* out) {
  __syncthreads();
  if (threadIdx.x == 3) {
    throw std::runtime_error("from a thread");
  }
  out[threadIdx.x] = 1;
}

void unset_kernel(float* out) { out[threadIdx.x] = reinterpret_cast<float*>(shared_memory())[threadIdx.x]; }

TEST_CASE("emulated device: barriers and shared memory, in every order of threads", "[cuda]") {
  std::vector<int> in(192);
  for (int i = 0; i < 192; ++i) {
    in[static_cast<std::size_t>(i)] = i;
  }
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    emulation::Scheduler::current().seed(seed);
    std::vector<int> out(192);
    launch(reverse_kernel, 3, 64, 64 * sizeof(int), nullptr, in.data(), out.data());
    for (int i = 0; i < 192; ++i) {
      CHECK(out[static_cast<std::size_t>(i)] == i / 64 * 64 + 63 - i % 64);
    }
  }
}

TEST_CASE("emulated device: warps exchange among themselves", "[cuda]") {
  std::vector<float> out(64);
  launch(sum_kernel, 1, 64, 0, nullptr, out.data());
  CHECK(std::all_of(out.begin(), out.begin() + 32, [](float value) { return value == 496; }));
  CHECK(std::all_of(out.begin() + 32, out.end(), [](float value) { return value == 1520; }));
}

TEST_CASE("emulated device: operations that not all threads reach are an error", "[cuda]") {
  int out = 0;
  CHECK_THROWS_WITH(launch(half_barrier_kernel, 1, 64, 0, nullptr, &out),
                    Catch::Matchers::ContainsSubstring("32 wait at a barrier"));
}

TEST_CASE("emulated device: an exception in a kernel comes out of its launch, and the device still works", "[cuda]") {
  std::vector<int> out(32);
  CHECK_THROWS_WITH(launch(throwing_kernel, 1, 32, 0, nullptr, out.data()), "from a thread");
  std::vector<float> sums(32);
  launch(sum_kernel, 1, 32, 0, nullptr, sums.data());
  CHECK(sums[0] == 496);
}

TEST_CASE("emulated device: shared memory starts as NaN", "[cuda]") {
  std::vector<float> out(32);
  launch(unset_kernel, 1, 32, 32 * sizeof(float), nullptr, out.data());
  CHECK(std::all_of(out.begin(), out.end(), [](float value) { return std::isnan(value); }));
}

TEST_CASE("emulated device: bfloat16 rounds to even, float16 is read exactly", "[cuda]") {
  CHECK(to_float(__float2bfloat16_rn(1.00390625F)) == 1.0F);       // half way, even below
  CHECK(to_float(__float2bfloat16_rn(1.01171875F)) == 1.015625F);  // half way, even above
  CHECK(std::isnan(to_float(__float2bfloat16_rn(NAN))));
  CHECK(std::isinf(to_float(__float2bfloat16_rn(3.4e38F))));
  CHECK(to_float(__half{0x3c00}) == 1.0F);
  CHECK(to_float(__half{0x0001}) == 0x1p-24F);
  CHECK(to_float(__half{0xfbff}) == -65504.0F);
  CHECK(std::isinf(to_float(__half{0x7c00})));
}

TEST_CASE("bfloat16 parts: three hold all bits of a float32, two those of a float16", "[cuda]") {
  for (const float x : {1.2345678F, -7.6543215e-12F, 3.3333333e20F, 16777215.0F}) {
    std::uint32_t words[3];
    split<3>(x, -x, words, 1);
    double sum = 0;
    for (const std::uint32_t word : words) {
      sum += static_cast<double>(half_of(word, 0));
      CHECK(half_of(word, 0) == -half_of(word, 1));
    }
    CHECK(std::abs(sum - static_cast<double>(x)) <= std::abs(static_cast<double>(x)) * 0x1p-24);
  }
  for (const unsigned bits : {0x3c01U, 0x7bffU, 0x2e66U}) {
    const float x = to_float(__half{static_cast<std::uint16_t>(bits)});
    std::uint32_t words[2];
    split<2>(x, x, words, 1);
    CHECK(half_of(words[0], 0) + half_of(words[1], 0) == x);
  }
}

}  // namespace
}  // namespace infoplane::estimator::cuda
