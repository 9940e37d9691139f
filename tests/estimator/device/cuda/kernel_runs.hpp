#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "estimator/device/cuda/device_memory.hpp"
#include "estimator/device/cuda/launch.hpp"

namespace infoplane::estimator::cuda::test {

/// Skips the test case where there is no device, with the reason.
void require_device();

/// What soft_assignment() gives, and its probabilities on the device.
struct Assigned {
  std::vector<float> probabilities;
  std::vector<std::uint8_t> status;
  std::vector<float> entropies;
  std::vector<double> sum;
  std::vector<std::int64_t> tokens;
  DeviceArray<float> on_device;
  std::vector<std::int64_t> directions;
  std::vector<double> inverse_norms;
};

/// Runs the kernel on a CPU tensor's memory as it lies there, strides and offset included. `counted`: empty or N flags.
Assigned assign(const at::Tensor& z, const at::Tensor& weight, double epsilon,
                const std::vector<std::uint8_t>& counted = {});

/// Label rows [labels of the set][m] after one micro-batch on top of `before`, for each set.
std::vector<std::vector<float>> label_rows(const DeviceArray<float>& probabilities, std::int64_t m,
                                           const std::vector<std::vector<std::int32_t>>& sets,
                                           const std::vector<std::int64_t>& labels, float before = 0);

struct Summarised {
  std::vector<LabelEntropies> labels;
  std::vector<double> sum;  // of all rows
};

/// Float32 rows, and float64 `large` in place of those of them that `large_of_sum` says.
Summarised summarise(const std::vector<float>& rows, const std::vector<LabelReplicates>& labels, std::int64_t m,
                     const std::vector<double>& large = {}, std::vector<std::int32_t> large_of_sum = {});

/// Each row a label of its own.
std::vector<LabelReplicates> one_row_each(std::size_t rows);

/// In nats; 0 over nothing.
double entropy_of(const double* sums, std::int64_t m);

void check_launch(const char* failure);

}  // namespace infoplane::estimator::cuda::test
