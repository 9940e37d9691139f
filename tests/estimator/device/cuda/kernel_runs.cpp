#include "estimator/device/cuda/kernel_runs.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "estimator/device/segments.hpp"
#include "needs.hpp"

namespace infoplane::estimator::cuda::test {
namespace {

ValueType type_of(const at::Tensor& z) {
  return z.scalar_type() == at::kDouble  ? ValueType::kFloat64
         : z.scalar_type() == at::kFloat ? ValueType::kFloat32
         : z.scalar_type() == at::kHalf  ? ValueType::kFloat16
                                         : ValueType::kBFloat16;
}

}  // namespace

void check_launch(const char* failure) {
  INFO((failure == nullptr ? "launched" : failure));
  REQUIRE(failure == nullptr);
}

std::vector<LabelReplicates> one_row_each(std::size_t rows) {
  std::vector<LabelReplicates> result;
  for (std::size_t row = 0; row < rows; ++row) {
    result.push_back({{static_cast<std::int32_t>(row), -1, -1, -1}});
  }
  return result;
}

double entropy_of(const double* sums, std::int64_t m) {
  double total = 0, result = 0;
  for (std::int64_t b = 0; b < m; ++b) {
    total += sums[b];
  }
  for (std::int64_t b = 0; b < m; ++b) {
    result -= sums[b] > 0 ? sums[b] / total * std::log(sums[b] / total) : 0;
  }
  return result;
}

void require_device() {
  const char* const missing = missing_device();
  infoplane::test::needs("gpu", missing == nullptr,
                         missing == nullptr ? "" : std::string("there is no CUDA device: ") + missing);
}

Assigned assign(const at::Tensor& z, const at::Tensor& weight, double epsilon,
                const std::vector<std::uint8_t>& counted) {
  const std::int64_t d = z.size(-1);
  const std::int64_t m = weight.size(0);
  const std::int64_t n = z.numel() / d;
  const auto* const storage = static_cast<const std::uint8_t*>(z.storage().data());
  const DeviceArray<std::uint8_t> memory(std::vector<std::uint8_t>(storage, storage + z.storage().nbytes()));
  const float* const w = weight.const_data_ptr<float>();
  const DeviceArray<float> device_weight(std::vector<float>(w, w + m * d));
  const DeviceArray<std::uint8_t> flags(counted);
  const DeviceArray<std::uint8_t> anchors(static_cast<std::size_t>(anchor_bytes(type_of(z), m, d)));
  const DeviceArray<std::uint8_t> status(static_cast<std::size_t>(n));
  const DeviceArray<float> entropies(static_cast<std::size_t>(n));
  const DeviceArray<double> sum(static_cast<std::size_t>(m));
  const DeviceArray<std::int64_t> tokens(2);
  const DeviceArray<std::uint8_t> workspace(static_cast<std::size_t>(assignment_workspace_bytes(n, m, d)));
  const DeviceArray<std::int64_t> directions(static_cast<std::size_t>(d));
  const DeviceArray<double> inverse_norms(1);
  DeviceArray<float> probabilities(static_cast<std::size_t>(n * m));
  const bool flat = z.dim() == 2;
  const Representations rows{memory.data() + z.storage_offset() * z.element_size(),
                             type_of(z),
                             n,
                             std::max<std::int64_t>(1, flat ? n : z.size(1)),
                             d,
                             flat ? 0 : z.stride(0),
                             z.stride(-2),
                             z.stride(-1)};
  check_launch(prepare_anchors(device_weight.data(), m, d, rows.type, anchors.data(), nullptr));
  check_launch(soft_assignment(rows, anchors.data(), m, epsilon, counted.empty() ? nullptr : flags.data(),
                               {probabilities.data(), status.data(), entropies.data(), sum.data(), tokens.data(),
                                workspace.data(), directions.data(), inverse_norms.data()},
                               nullptr));
  return {probabilities.host(), status.host(), entropies.host(),  sum.host(),
          tokens.host(),        probabilities, directions.host(), inverse_norms.host()};
}

std::vector<std::vector<float>> label_rows(const DeviceArray<float>& probabilities, std::int64_t m,
                                           const std::vector<std::vector<std::int32_t>>& sets,
                                           const std::vector<std::int64_t>& labels, float before) {
  const std::vector<std::span<const std::int32_t>> views(sets.begin(), sets.end());
  const HostSegments host = make_segments(views);
  const DeviceArray<std::int32_t> order(host.order);
  const DeviceArray<LabelPiece> pieces(host.pieces);
  const DeviceArray<LongLabel> long_labels(host.long_labels);
  const DeviceArray<double> partials(static_cast<std::size_t>(host.partial_sums * m));
  std::vector<DeviceArray<float>> rows;
  std::vector<DeviceArray<std::int32_t>> large_of_sum;
  std::vector<LabelSums> sums;
  const DeviceArray<double> not_kept(std::vector<double>(static_cast<std::size_t>(m), 0.0));
  for (const std::int64_t count : labels) {
    rows.emplace_back(std::vector<float>(static_cast<std::size_t>(count * m), before));
    large_of_sum.emplace_back(std::vector<std::int32_t>(static_cast<std::size_t>(count), -1));
    sums.push_back({rows.back().data(), not_kept.data(), large_of_sum.back().data()});
  }
  const DeviceArray<LabelSums> device_sums(sums);
  const LabelSegments segments{order.data(), pieces.data(), static_cast<std::int64_t>(host.pieces.size()),
                               long_labels.data(), static_cast<std::int64_t>(host.long_labels.size())};
  check_launch(add_to_label_sums(probabilities.data(), m, segments, device_sums.data(), partials.data(), nullptr));
  std::vector<std::vector<float>> result;
  for (const auto& set : rows) {
    result.push_back(set.host());
  }
  return result;
}

Summarised summarise(const std::vector<float>& rows, const std::vector<LabelReplicates>& labels, std::int64_t m,
                     const std::vector<double>& large, std::vector<std::int32_t> large_of_sum) {
  const auto count = static_cast<std::int64_t>(rows.size()) / m;
  const auto whole_count = static_cast<std::int64_t>(large.size()) / m;
  large_of_sum.resize(static_cast<std::size_t>(count), -1);
  const DeviceArray<float> device_rows(rows);
  const DeviceArray<double> device_wholes(large);
  const DeviceArray<std::int32_t> device_map(large_of_sum);
  const LabelSums set{device_rows.data(), device_wholes.data(), device_map.data()};
  const DeviceArray<LabelReplicates> parts(labels);
  const DeviceArray<LabelEntropies> entropies(labels.size());
  const DeviceArray<double> sum(static_cast<std::size_t>(m));
  const DeviceArray<std::uint8_t> workspace(static_cast<std::size_t>(sum_workspace_bytes(count + whole_count, m)));
  check_launch(
      label_entropies(set, m, parts.data(), static_cast<std::int64_t>(labels.size()), entropies.data(), nullptr));
  check_launch(total_of_label_sums(set, count, whole_count, m, sum.data(), workspace.data(), nullptr));
  return {entropies.host(), sum.host()};
}

}  // namespace infoplane::estimator::cuda::test
