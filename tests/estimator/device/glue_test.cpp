#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <ATen/autocast_mode.h>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>

#include "estimator/device/accumulator_access.hpp"
#include "estimator/device/assignment.hpp"
#include "estimator/device/cuda/kernel_runs.hpp"
#include "estimator/oracle.hpp"
#include "estimator/same_bits.hpp"

// The fused path behind the accumulator, on a real GPU; accumulator_test.cpp has the same path on the emulated device.
namespace infoplane::estimator::cuda::test {
namespace {

/// Sums over the rows of z, by the fused kernels on z's GPU.
SoftAssignment fused(const at::Tensor& z, const AnchorPanels& panels, double epsilon) {
  const auto context = fused_device(z, panels);
  REQUIRE(context != nullptr);
  return finish_assignment(context->device(), start_assignment(*context, z, panels, epsilon, nullptr));
}

double information(const at::Tensor& z, const std::vector<std::int64_t>& labels) {
  SoftEntropyAccumulator accumulator(z.size(-1));
  accumulator.update(z, {{"x", to_tensor(labels)}});
  return accumulator.estimate().sets[0].information_nats;
}

/// How often the host was blocked for the first GPU.
std::int64_t waits(const SoftEntropyAccumulator& accumulator) {
  return AccumulatorAccess::devices(accumulator).of_index.at(0)->device().waits();
}

TEST_CASE("gpu: the CPU, ATen on CUDA and the fused kernels agree", "[needs:gpu]") {
  require_device();
  const Anchors anchors(100, 768);
  const AnchorPanels panels(anchors.weight());
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor z = normal({2000, 768}).to(type);
    const auto cpu = soft_assignment_cpu(z, panels, 0.0118, nullptr);
    const auto got = fused(z.cuda(), panels, 0.0118);
    const auto aten = soft_assignment_aten(z.cuda(), panels, 0.0118, nullptr);
    const double within = type == at::kFloat ? 2e-6 : 2e-5;
    for (std::size_t b = 0; b < 100; ++b) {
      CHECK(std::abs(cpu.sum[b] - got.sum[b]) / 2000 < within);
      CHECK(std::abs(cpu.sum[b] - aten.sum[b]) / 2000 < within);
    }
    const auto labels = some_labels(2000, 50);
    CHECK(std::abs(information(z, labels) - information(z.cuda(), labels)) < within);
  }
}

TEST_CASE("gpu: more anchors than the fused kernels take go through ATen, with the same information", "[needs:gpu]") {
  require_device();
  const SoftEntropyOptions options = SoftEntropyOptions().anchors(4100).calibration(Calibration::leading_order());
  const at::Tensor z = normal({600, 64});
  const NamedLabelTensors labels = {{"x", to_tensor(some_labels(600, 20))}};
  SoftEntropyAccumulator here(64, options), there(64, options);
  here.update(z, labels);
  there.update(z.cuda(), labels);
  REQUIRE(AccumulatorAccess::on_device(there) == nullptr);
  CHECK(std::abs(here.estimate().sets[0].information_nats - there.estimate().sets[0].information_nats) < 2e-6);
}

TEST_CASE("gpu: nothing synchronises behind LibTorch's back or through it", "[needs:gpu]") {
  require_device();
  const at::Tensor z = normal({8, 128, 256}).cuda();
  const NamedLabelTensors labels = {{"x", to_tensor(some_labels(1024, 40))}};
  SoftEntropyAccumulator accumulator(256);
  accumulator.update(z, labels);  // uploads the anchors
  struct Strict {
    Strict() { c10::cuda::warning_state().set_sync_debug_mode(c10::cuda::SyncDebugMode::L_ERROR); }
    ~Strict() { c10::cuda::warning_state().set_sync_debug_mode(c10::cuda::SyncDebugMode::L_DISABLED); }
  };
  const Strict strict;  // a tensor that is copied to the host, say, throws
  for (int i = 0; i < 4; ++i) {
    CHECK_NOTHROW(accumulator.update(z, labels));
  }
  CHECK_NOTHROW(accumulator.prepare_estimate());
  CHECK(accumulator.estimate().tokens == 5 * 1024);
}

TEST_CASE("gpu: many updates with frequent and rare labels, rejected rows and a sample of labels", "[needs:gpu]") {
  require_device();
  for (const std::int64_t most : {0, 300}) {
    const auto options = SoftEntropyOptions().max_labels(most);
    SoftEntropyAccumulator here(256, options), there(256, options);
    for (std::uint64_t i = 0; i < 6; ++i) {
      const at::Tensor z = normal({16, 256, 256}, i + 1);
      z[3][7].fill_(0);
      z[4][static_cast<std::int64_t>(i)][1] = std::nan("");
      const NamedLabelTensors labels = {{"few", to_tensor(some_labels(4096, 4, i))},
                                        {"many", to_tensor(some_labels(4096, 900, i))}};
      here.update(z, labels);
      there.update(z.cuda(), labels);
    }
    const Estimate a = here.estimate(), b = there.estimate();
    CHECK(a.tokens == b.tokens);
    CHECK(a.rejected == b.rejected);
    REQUIRE(a.sets.size() == b.sets.size());
    for (std::size_t set = 0; set < a.sets.size(); ++set) {
      CHECK(a.sets[set].tokens == b.sets[set].tokens);
      CHECK(a.sets[set].labels == b.sets[set].labels);
      CHECK(std::abs(a.sets[set].information_nats - b.sets[set].information_nats) < 2e-6);
      CHECK(std::abs(a.sets[set].chance_nats - b.sets[set].chance_nats) < 2e-6);
      CHECK(std::abs(a.sets[set].corrected_nats - b.sets[set].corrected_nats) < 2e-5);
    }
    CHECK(same_bits(b, there.estimate()));
  }
}

TEST_CASE("gpu: an update never blocks the host, and a point does once", "[needs:gpu]") {
  require_device();
  SoftEntropyAccumulator accumulator(256);
  const at::Tensor z = normal({8, 128, 256}).cuda();
  for (std::uint64_t i = 0; i < 5; ++i) {
    accumulator.update(z, {{"x", to_tensor(some_labels(1024, 40, i))}});
    c10::cuda::getCurrentCUDAStream().synchronize();  // what a forward and a backward take
  }
  CHECK(waits(accumulator) == 0);
  (void)accumulator.estimate();
  CHECK(waits(accumulator) <= 1);
}

TEST_CASE("gpu: work goes to the caller's current stream, whatever that is", "[needs:gpu]") {
  require_device();
  const at::Tensor z = normal({512, 256});
  const auto labels = some_labels(512, 20);
  SoftEntropyAccumulator here(256), there(256);
  const c10::cuda::CUDAStream before = c10::cuda::getCurrentCUDAStream();
  for (int i = 0; i < 10; ++i) {
    const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
    const c10::cuda::CUDAStreamGuard guard(stream);
    const at::Tensor on_device = z.cuda();
    here.update(z, {{"x", to_tensor(labels)}});
    there.update(on_device * 2, {{"x", to_tensor(labels)}});  // z's memory is used again at once
    (void)at::zeros_like(on_device);
    CHECK(c10::cuda::getCurrentCUDAStream() == stream);
  }
  CHECK(c10::cuda::getCurrentCUDAStream() == before);
  const Estimate a = here.estimate(), b = there.estimate();
  CHECK(a.tokens == b.tokens);
  CHECK(std::abs(a.entropy_nats - b.entropy_nats) < 2e-6);
  CHECK(std::abs(a.sets[0].information_nats - b.sets[0].information_nats) < 2e-6);
}

TEST_CASE("gpu: a capture of a CUDA graph is refused with what to do, and nothing changes", "[needs:gpu]") {
  require_device();
  SoftEntropyAccumulator accumulator(64);
  const at::Tensor z = normal({32, 64}).cuda();
  accumulator.update(z);
  const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
  {
    const c10::cuda::CUDAStreamGuard guard(stream);
    REQUIRE(cudaStreamBeginCapture(stream.stream(), cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    CHECK_THROWS_WITH(accumulator.update(z), Catch::Matchers::ContainsSubstring("capture of a CUDA graph"));
    cudaGraph_t graph = nullptr;
    REQUIRE(cudaStreamEndCapture(stream.stream(), &graph) == cudaSuccess);
    REQUIRE(cudaGraphDestroy(graph) == cudaSuccess);
  }
  CHECK(accumulator.estimate().tokens == 32);
}

TEST_CASE("gpu: every device of the process, in turn, by one accumulator", "[needs:gpu]") {
  require_device();
  const at::Tensor z = normal({100, 128});
  SoftEntropyAccumulator here(128), there(128);
  const auto before = c10::cuda::current_device();
  for (c10::DeviceIndex device = 0; device < c10::cuda::device_count(); ++device) {
    here.update(z, {{"x", to_tensor(some_labels(100, 5))}});
    there.update(z.to(c10::Device(at::kCUDA, device)), {{"x", to_tensor(some_labels(100, 5))}});
  }
  CHECK(c10::cuda::current_device() == before);
  CHECK(here.estimate().tokens == there.estimate().tokens);
  CHECK(std::abs(here.estimate().sets[0].information_nats - there.estimate().sets[0].information_nats) < 2e-6);
}

TEST_CASE("gpu: under autocast the values are the same bits", "[needs:gpu]") {
  require_device();
  const auto labels = some_labels(300, 20);
  const at::Tensor z = normal({300, 64}).cuda();
  const double plain = information(z, labels);
  at::autocast::set_autocast_enabled(at::kCUDA, true);
  const double autocast = information(z, labels);
  at::autocast::set_autocast_enabled(at::kCUDA, false);
  CHECK(plain == autocast);
}

}  // namespace
}  // namespace infoplane::estimator::cuda::test
