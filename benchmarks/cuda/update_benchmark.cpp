// Figures of a GPU; prints the card, and verifies before it times. Its authors had no GPU: NO FIGURE OF IT HAS BEEN
// MEASURED YET, and the goals that it prints are only goals.
//
// 1. One update of [65 536, d] bfloat16 with eight label sets: the kernels alone, the accumulator as a trainer calls
// it,
//    ATen's operators, and the Python package soft-entropy where python3 has it; as multiples of the time to read z
//    once at the bandwidth that a copy reaches on this card. Goal: 1.5 at d ≥ 4096.
// 2. A step of a GPT under bfloat16 autocast, watched at every step with four label sets, against the same step
//    unwatched (training.cpp). Goal: 1.01.

#include <ATen/ATen.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/labels/key_table.hpp>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "estimator/assignment/soft_assignment.hpp"
#include "estimator/device/cuda/launch.hpp"
#include "estimator/device/segments.hpp"
#include "estimator/oracle.hpp"
#include "training.hpp"

namespace {

using namespace infoplane;
namespace cuda = estimator::cuda;

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
    workspace = at::empty({cuda::assignment_workspace_bytes(kRows, kAnchors, d)}, bytes);
    status = at::empty({kRows}, bytes);
    p = at::empty({kRows, kAnchors}, bytes.dtype(at::kFloat));
    entropies = at::empty({kRows}, p.options());
    sum = at::empty({kAnchors}, bytes.dtype(at::kDouble));
    tokens = at::empty({2}, bytes.dtype(at::kLong));
    directions = at::empty({d}, bytes.dtype(at::kLong));
    inverse_norms = at::empty({1}, bytes.dtype(at::kDouble));
    std::vector<std::span<const std::int32_t>> views;
    std::vector<cuda::LabelSums> pointers;
    not_kept = at::zeros({kAnchors}, sum.options());
    for (int set = 0; set < kSets; ++set) {
      labels.push_back(estimator::some_labels(kRows, std::int64_t{64} << set, static_cast<std::uint64_t>(set)));
      rows.emplace_back(labels.back().begin(), labels.back().end());
      sums.push_back(at::zeros({std::int64_t{64} << set, kAnchors}, p.options()));
      indices.push_back(estimator::to_tensor(labels.back()).cuda());
      large_of_sum.push_back(at::full({std::int64_t{64} << set}, -1, p.options().dtype(at::kInt)));
      pointers.push_back({sums.back().mutable_data_ptr<float>(), not_kept.mutable_data_ptr<double>(),
                          large_of_sum.back().mutable_data_ptr<std::int32_t>()});
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
        {p.mutable_data_ptr<float>(), status.mutable_data_ptr<std::uint8_t>(), entropies.mutable_data_ptr<float>(),
         sum.mutable_data_ptr<double>(), tokens.mutable_data_ptr<std::int64_t>(), workspace.mutable_data_ptr(),
         directions.mutable_data_ptr<std::int64_t>(), inverse_norms.mutable_data_ptr<double>()},
        stream()));
  }

  void fused_label_rows() {
    const cuda::LabelSegments segments{static_cast<const std::int32_t*>(order.const_data_ptr()),
                                       static_cast<const cuda::LabelPiece*>(pieces.const_data_ptr()),
                                       static_cast<std::int64_t>(host.pieces.size()),
                                       static_cast<const cuda::LongLabel*>(long_labels.const_data_ptr()),
                                       static_cast<std::int64_t>(host.long_labels.size())};
    check(cuda::add_to_label_sums(p.const_data_ptr<float>(), kAnchors, segments,
                                  static_cast<const cuda::LabelSums*>(set_rows.const_data_ptr()),
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
  at::Tensor weight, prepared, workspace, status, p, sum, tokens, directions, inverse_norms;
  at::Tensor order, pieces, long_labels, set_rows, partials, not_kept;
  cuda::HostSegments host;
  std::vector<std::vector<std::int64_t>> labels;
  std::vector<std::vector<std::int32_t>> rows;
  std::vector<at::Tensor> sums, indices, large_of_sum;
};

/// The same labels as a micro-batch brings them.
std::shared_ptr<const labels::Grouping> grouping(const Workload& work) {
  auto result = std::make_shared<labels::Grouping>();
  result->positions = kRows;
  result->row_length = 1024;
  for (const auto& rows : work.rows) {
    auto table = std::make_shared<labels::KeyTable>(1);
    const auto count = *std::max_element(rows.begin(), rows.end()) + 1;
    for (std::int64_t key = 0; key < count; ++key) {
      table->insert(std::span(&key, 1));
    }
    result->sets.push_back({"set " + std::to_string(result->sets.size()), table, rows, count, kRows});
  }
  return result;
}

struct Update {
  double milliseconds = 0;       // an update, one after another, the device's work and the host's
  double call_milliseconds = 0;  // of which the caller is inside the library
  double point_milliseconds = 0;
};

/// Verifies I(X;Z) of all sets against the sums of the kernels, then times.
bool time_update(Workload& work, Update& result) {
  using Clock = std::chrono::steady_clock;
  const auto milliseconds = [](auto from, auto to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
  };
  const auto micro_batch = grouping(work);
  estimator::SoftEntropyAccumulator accumulator(work.d);
  accumulator.update(work.z, micro_batch);
  const estimator::Estimate estimate = accumulator.estimate();
  for (std::size_t set = 0; set < work.sums.size(); ++set) {
    const at::Tensor q = work.sums[set].cpu().to(at::kDouble);
    const at::Tensor counts = q.sum(1);
    const auto entropy = [](const at::Tensor& sums) {
      const at::Tensor share = sums.div(sums.sum(-1, /*keepdim=*/true));
      return at::special_xlogy(share, share).sum(-1).neg();
    };
    const double expected =
        entropy(q.sum(0)).item<double>() - entropy(q).mul(counts).sum().div(counts.sum()).item<double>();
    if (std::abs(estimate.sets[set].information_nats - expected) > 2e-5) {
      std::fprintf(stderr, "I(X;Z) of set %zu is %.9f instead of %.9f\n", set, estimate.sets[set].information_nats,
                   expected);
      return false;
    }
  }
  constexpr int kUpdates = 20;
  double called = 0;
  Clock::time_point start;
  for (int i = -3; i < kUpdates; ++i) {
    if (i == 0) {
      c10::cuda::getCurrentCUDAStream().synchronize();
      called = 0;
      start = Clock::now();
    }
    const auto before = Clock::now();
    accumulator.update(work.z, micro_batch);
    called += milliseconds(before, Clock::now());
  }
  c10::cuda::getCurrentCUDAStream().synchronize();
  result.milliseconds = milliseconds(start, Clock::now()) / kUpdates;
  result.call_milliseconds = called / kUpdates;
  start = Clock::now();
  (void)accumulator.estimate();
  result.point_milliseconds = milliseconds(start, Clock::now());
  return true;
}

/// What the library does in a build without the fused kernels: assignments by ATen, and their way to the host.
double time_aten_path(const Workload& work) {
  const estimator::kernels::AnchorPanels panels(work.anchors.weight());
  return fastest([&] { (void)estimator::kernels::soft_assignment_aten(work.z, panels, work.epsilon, nullptr); });
}

/// Milliseconds of the Python reference, or why there are none.
std::string time_reference(std::int64_t d) {
  const std::string command =
      "python3 " INFOPLANE_REFERENCE_UPDATE " " + std::to_string(kRows) + " " + std::to_string(d);
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    return "not run";
  }
  std::array<char, 256> line{};
  std::string text =
      std::fgets(line.data(), static_cast<int>(line.size()), pipe) != nullptr ? line.data() : "no output";
  const int status = pclose(pipe);
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text + " ms" : "not run (" + text + ")";
}

bool time_updates() {
  for (const std::int64_t d : {768, 1024, 2048, 4096, 8192}) {
    Workload work(at::randn({kRows, d}, at::TensorOptions(at::kBFloat16).device(at::kCUDA)));
    Update update;
    if (!work.verify() || !time_update(work, update)) {
      std::fprintf(stderr, "wrong result: nothing to time\n");
      return false;
    }
    at::Tensor copy = at::empty_like(work.z);
    const double read = fastest([&] { copy.copy_(work.z, /*non_blocking=*/true); }) / 2;  // it writes as much
    const double assignment = fastest([&] { work.fused_assignment(); });
    const double label_rows = fastest([&] { work.fused_label_rows(); });
    const double aten = fastest([&] { work.aten(); });
    std::printf("  reading z              %8.3f ms\n", read);
    std::printf("  kernels                %8.3f ms, %.2f times that (assignment %.3f, label rows %.3f)\n",
                assignment + label_rows, (assignment + label_rows) / read, assignment, label_rows);
    std::printf("  whole update           %8.3f ms, %.2f times; the host is in it for %.3f ms; a point %.3f ms\n",
                update.milliseconds, update.milliseconds / read, update.call_milliseconds, update.point_milliseconds);
    std::printf("  ATen, all on the GPU   %8.3f ms, %.2f times\n", aten, aten / read);
    const double path = time_aten_path(work);
    std::printf("  ATen, without its sums %8.3f ms, %.2f times: the library without fused kernels, before label rows\n",
                path, path / read);
    std::printf("  Python reference       %s\n", time_reference(d).c_str());
  }
  return true;
}

}  // namespace

int main() {
  int device = 0;
  cudaDeviceProp card{};
  if (cudaGetDevice(&device) != cudaSuccess || cudaGetDeviceProperties(&card, device) != cudaSuccess) {
    std::fprintf(stderr, "no CUDA device: nothing to time\n");
    return 1;
  }
  std::printf("%s, sm_%d%d, %d multiprocessors\n", card.name, card.major, card.minor, card.multiProcessorCount);
  return time_updates() && infoplane::benchmarks::time_training() ? 0 : 1;
}
