// One update of [65 536, d] bfloat16 with eight label sets on a GPU, everything kept on the device: the fused kernels
// and ATen's operators, both as multiples of the time to read z once at the bandwidth that a copy reaches on this card.
// Verifies against float64 before it times; prints the card. Its author had no GPU: no figure of it has been measured
// yet.

#include <ATen/ATen.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <infoplane/estimator/anchors.hpp>
#include <infoplane/estimator/temperature.hpp>
#include <limits>
#include <span>
#include <vector>

#include "estimator/kernels/cuda/launch.hpp"
#include "estimator/kernels/cuda/segments.hpp"
#include "estimator/oracle.hpp"

namespace {

using namespace infoplane;
namespace cuda = estimator::kernels::cuda;

constexpr std::int64_t kRows = 65536;
constexpr std::int64_t kAnchors = 100;
constexpr int kSets = 8;

void check(const char* failure) { TORCH_CHECK(failure == nullptr, failure); }
void check(cudaError_t status) { check(status == cudaSuccess ? nullptr : cudaGetErrorString(status)); }

/// Milliseconds of the fastest of 20 runs after 3, between two events on the current stream.
double fastest(const std::function<void()>& run) {
  cudaEvent_t start = nullptr, end = nullptr;
  check(cudaEventCreate(&start));
  check(cudaEventCreate(&end));
  const auto stream = c10::cuda::getCurrentCUDAStream();
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 23; ++i) {
    check(cudaEventRecord(start, stream.stream()));
    run();
    check(cudaEventRecord(end, stream.stream()));
    check(cudaEventSynchronize(end));
    float took = 0;
    check(cudaEventElapsedTime(&took, start, end));
    best = i < 3 ? best : std::min(best, static_cast<double>(took));
  }
  check(cudaEventDestroy(start));
  check(cudaEventDestroy(end));
  return best;
}

template <typename T>
at::Tensor upload(const std::vector<T>& values) {
  const auto bytes = static_cast<std::int64_t>(values.size() * sizeof(T));
  const at::Tensor host = at::empty({std::max<std::int64_t>(bytes, 1)}, at::kByte);
  std::copy(values.begin(), values.end(), static_cast<T*>(host.mutable_data_ptr()));
  return host.cuda();
}

/// Eight label sets of 64 to 8192 labels and what the fused kernels keep on the device.
struct Workload {
  explicit Workload(const at::Tensor& representations) : z(representations), d(z.size(1)), anchors(kAnchors, d) {
    const auto bytes = at::TensorOptions(at::kByte).device(at::kCUDA);
    epsilon = estimator::temperature(d, kAnchors);
    weight = anchors.weight().cuda();
    prepared = at::empty({cuda::anchor_bytes(cuda::ValueType::kBFloat16, kAnchors, d)}, bytes);
    workspace = at::empty({cuda::assignment_workspace_bytes(kRows, kAnchors)}, bytes);
    status = at::empty({kRows}, bytes);
    p = at::empty({kRows, kAnchors}, bytes.dtype(at::kFloat));
    sum = at::empty({kAnchors}, bytes.dtype(at::kDouble));
    tokens = at::empty({2}, bytes.dtype(at::kLong));
    std::vector<std::span<const std::int32_t>> views;
    std::vector<float*> pointers;
    for (int set = 0; set < kSets; ++set) {
      labels.push_back(estimator::some_labels(kRows, std::int64_t{64} << set, static_cast<std::uint64_t>(set)));
      rows.emplace_back(labels.back().begin(), labels.back().end());
      sums.push_back(at::zeros({std::int64_t{64} << set, kAnchors}, p.options()));
      indices.push_back(estimator::to_tensor(labels.back()).cuda());
      pointers.push_back(sums.back().mutable_data_ptr<float>());
    }
    views.assign(rows.begin(), rows.end());
    host = cuda::make_segments(views);
    order = upload(host.order);
    pieces = upload(host.pieces);
    long_labels = upload(host.long_labels);
    set_rows = upload(pointers);
    partials = at::empty({std::max<std::int64_t>(host.partial_sums, 1), kAnchors}, sum.options());
    check(cuda::prepare_anchors(weight.const_data_ptr<float>(), kAnchors, d, cuda::ValueType::kBFloat16,
                                prepared.mutable_data_ptr(), stream()));
  }

  static void* stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

  void fused_assignment() {
    const cuda::Representations view{z.const_data_ptr(), cuda::ValueType::kBFloat16, kRows, kRows, d, 0, d, 1};
    check(cuda::soft_assignment(
        view, prepared.const_data_ptr(), kAnchors, epsilon, nullptr,
        {p.mutable_data_ptr<float>(), status.mutable_data_ptr<std::uint8_t>(), sum.mutable_data_ptr<double>(),
         tokens.mutable_data_ptr<std::int64_t>(), workspace.mutable_data_ptr()},
        stream()));
  }

  void fused_label_rows() {
    const cuda::LabelSegments segments{static_cast<const std::int32_t*>(order.const_data_ptr()),
                                       static_cast<const cuda::LabelPiece*>(pieces.const_data_ptr()),
                                       static_cast<std::int64_t>(host.pieces.size()),
                                       static_cast<const cuda::LongLabel*>(long_labels.const_data_ptr()),
                                       static_cast<std::int64_t>(host.long_labels.size())};
    check(cuda::add_to_label_rows(p.const_data_ptr<float>(), kAnchors, segments,
                                  static_cast<float* const*>(set_rows.const_data_ptr()),
                                  partials.mutable_data_ptr<double>(), stream()));
  }

  void aten() {
    const at::Tensor values = z.to(at::kFloat);
    const at::Tensor scale = values.mul(values).sum(1, /*keepdim=*/true).rsqrt().div(epsilon);
    const at::Tensor probabilities = at::softmax(at::mm(values, weight.t()).mul(scale), 1);
    probabilities.sum(0, /*keepdim=*/false, at::kDouble);
    for (std::size_t set = 0; set < sums.size(); ++set) {
      sums[set].index_add_(0, indices[set], probabilities);
    }
  }

  /// I(X;Z) of the first set over the first rows, against float64, in nats; and all of the sum over rows.
  bool verify() {
    fused_assignment();
    const at::Tensor host_p = p.cpu();
    const estimator::Oracle oracle(z.slice(0, 0, 512).cpu(), anchors.weight(), epsilon);
    double worst = 0;
    for (std::size_t i = 0; i < 512; ++i) {
      for (std::size_t b = 0; b < kAnchors; ++b) {
        const auto got = static_cast<double>(host_p.const_data_ptr<float>()[i * kAnchors + b]);
        worst = std::max(worst, std::abs(got - oracle.row(i)[b]));
      }
    }
    const double of_sum = host_p.sum(0, /*keepdim=*/false, at::kDouble).sub(sum.cpu()).abs().max().item<double>();
    double of_rows = 0;
    fused_label_rows();
    for (std::size_t set = 0; set < sums.size(); ++set) {
      const at::Tensor index = indices[set].cpu();
      const at::Tensor expected =
          at::zeros(sums[set].sizes(), at::kDouble).index_add_(0, index, host_p.to(at::kDouble));
      of_rows = std::max(of_rows, sums[set].cpu().sub(expected).abs().max().item<double>());
    }
    std::printf("d %5ld: largest error of a probability %.1e, of the sum %.1e, of a label row %.1e\n",
                static_cast<long>(d), worst, of_sum, of_rows);
    return worst < 2e-5 && of_sum < 1e-6 && of_rows < 1e-3;
  }

  at::Tensor z;
  std::int64_t d;
  estimator::Anchors anchors;
  double epsilon = 0;
  at::Tensor weight, prepared, workspace, status, p, sum, tokens;
  at::Tensor order, pieces, long_labels, set_rows, partials;
  cuda::HostSegments host;
  std::vector<std::vector<std::int64_t>> labels;
  std::vector<std::vector<std::int32_t>> rows;
  std::vector<at::Tensor> sums, indices;
};

}  // namespace

int main() {
  int device = 0;
  cudaDeviceProp card{};
  if (cudaGetDevice(&device) != cudaSuccess || cudaGetDeviceProperties(&card, device) != cudaSuccess) {
    std::fprintf(stderr, "no CUDA device: nothing to time\n");
    return 1;
  }
  std::printf("%s, sm_%d%d, %d multiprocessors\n", card.name, card.major, card.minor, card.multiProcessorCount);
  for (const std::int64_t d : {768, 1024, 2048, 4096, 8192}) {
    Workload work(at::randn({kRows, d}, at::TensorOptions(at::kBFloat16).device(at::kCUDA)));
    if (!work.verify()) {
      std::fprintf(stderr, "wrong result: nothing to time\n");
      return 1;
    }
    at::Tensor copy = at::empty_like(work.z);
    const double read = fastest([&] { copy.copy_(work.z, /*non_blocking=*/true); }) / 2;  // it writes as much
    const double assignment = fastest([&] { work.fused_assignment(); });
    const double label_rows = fastest([&] { work.fused_label_rows(); });
    const double aten = fastest([&] { work.aten(); });
    std::printf("  reading z %.3f ms; fused %.3f + %.3f ms, %.2f times that; ATen %.3f ms, %.2f times\n", read,
                assignment, label_rows, (assignment + label_rows) / read, aten, aten / read);
  }
  return 0;
}
