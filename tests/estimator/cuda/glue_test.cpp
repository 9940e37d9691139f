#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <ATen/autocast_mode.h>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>

#include "estimator/cuda/kernel_runs.hpp"
#include "estimator/kernels/soft_assignment.hpp"
#include "estimator/oracle.hpp"

// The fused path behind the accumulator, on a real GPU.
namespace infoplane::estimator::kernels::cuda::test {
namespace {

double information(const at::Tensor& z, const std::vector<std::int64_t>& labels) {
  SoftEntropyAccumulator accumulator(z.size(-1));
  accumulator.update(z, {{"x", to_tensor(labels)}});
  return accumulator.estimate().sets[0].information_nats;
}

TEST_CASE("gpu: the CPU, ATen on CUDA and the fused kernels agree", "[gpu]") {
  require_device();
  const Anchors anchors(100, 768);
  const AnchorPanels panels(anchors.weight());
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor z = normal({2000, 768}).to(type);
    const auto cpu = soft_assignment_cpu(z, panels, 0.0118, nullptr);
    const auto fused = soft_assignment_cuda(z.cuda(), panels, 0.0118, nullptr);
    const auto aten = soft_assignment_aten(z.cuda(), panels, 0.0118, nullptr);
    const double within = type == at::kFloat ? 2e-6 : 2e-5;
    for (std::size_t b = 0; b < 100; ++b) {
      CHECK(std::abs(cpu.sum[b] - fused.sum[b]) / 2000 < within);
      CHECK(std::abs(cpu.sum[b] - aten.sum[b]) / 2000 < within);
    }
    const auto labels = some_labels(2000, 50);
    CHECK(std::abs(information(z, labels) - information(z.cuda(), labels)) < within);
  }
}

TEST_CASE("gpu: work goes to the caller's stream, which is waited for, and no other", "[gpu]") {
  require_device();
  const Anchors anchors(64, 256);
  const AnchorPanels panels(anchors.weight());
  const at::Tensor z = normal({512, 256});
  const auto expected = soft_assignment_cpu(z, panels, 0.03, nullptr);
  const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
  const c10::cuda::CUDAStreamGuard guard(stream);
  const at::Tensor on_device = z.cuda();
  for (int i = 0; i < 10; ++i) {
    const auto got = soft_assignment_cuda(on_device * 2, panels, 0.03, nullptr);  // z's memory is used again at once
    CHECK(std::abs(got.sum[0] - expected.sum[0]) < 1e-3);
  }
  CHECK(c10::cuda::getCurrentCUDAStream() == stream);
}

TEST_CASE("gpu: a capture of a CUDA graph is refused with what to do, and nothing changes", "[gpu]") {
  require_device();
  SoftEntropyAccumulator accumulator(64);
  const at::Tensor z = normal({32, 64}).cuda();
  accumulator.update(z);
  const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
  const c10::cuda::CUDAStreamGuard guard(stream);
  REQUIRE(cudaStreamBeginCapture(stream.stream(), cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK_THROWS_WITH(accumulator.update(z), Catch::Matchers::ContainsSubstring("capture of a CUDA graph"));
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaStreamEndCapture(stream.stream(), &graph) == cudaSuccess);
  REQUIRE(cudaGraphDestroy(graph) == cudaSuccess);
  CHECK(accumulator.estimate().tokens == 32);
}

TEST_CASE("gpu: every device of the process, in turn", "[gpu]") {
  require_device();
  const Anchors anchors(64, 128);
  const AnchorPanels panels(anchors.weight());
  const at::Tensor z = normal({100, 128});
  const auto expected = soft_assignment_cpu(z, panels, 0.05, nullptr);
  const auto before = c10::cuda::current_device();
  for (c10::DeviceIndex device = 0; device < c10::cuda::device_count(); ++device) {
    const auto got = soft_assignment_cuda(z.to(c10::Device(at::kCUDA, device)), panels, 0.05, nullptr);
    CHECK(std::abs(got.sum[1] - expected.sum[1]) < 1e-4);
  }
  CHECK(c10::cuda::current_device() == before);
}

TEST_CASE("gpu: under autocast the values are the same bits", "[gpu]") {
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
}  // namespace infoplane::estimator::kernels::cuda::test
