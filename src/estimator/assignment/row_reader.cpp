#include "estimator/assignment/row_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace infoplane::estimator::kernels {
namespace {

float to_float(float value) { return value; }
float to_float(double value) { return static_cast<float>(value); }

float to_float(at::BFloat16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.x) << 16U;
  float result = 0;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

// Without a branch, so that loops over it become vector code: the exponent is moved by a product, which also turns
// half's subnormal values into normal ones.
float to_float(at::Half value) {
  const std::uint32_t magnitude = (value.x & 0x7fffU) << 13U;
  float scaled = 0;
  std::memcpy(&scaled, &magnitude, sizeof(scaled));
  scaled *= 0x1p+112F;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &scaled, sizeof(bits));
  bits |= (value.x & 0x7c00U) == 0x7c00U ? 0x7f800000U : 0U;
  bits |= (value.x & 0x8000U) << 16U;
  float result = 0;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

template <typename T>
void convert_row(const T* from, std::int64_t stride, std::int64_t d, float* to) noexcept {
  if (stride == 1) {
    for (std::int64_t k = 0; k < d; ++k) {
      to[k] = to_float(from[k]);
    }
  } else {
    for (std::int64_t k = 0; k < d; ++k) {
      to[k] = to_float(from[k * stride]);
    }
  }
}

template <typename T>
bool scale_row(const T* from, std::int64_t stride, std::int64_t d, float* to, int& exponent) noexcept {
  double peak = 0;
  for (std::int64_t k = 0; k < d; ++k) {
    const auto value = static_cast<double>(from[k * stride]);
    if (!std::isfinite(value)) {
      return false;
    }
    peak = std::max(peak, std::abs(value));
  }
  if (peak == 0) {
    return false;
  }
  std::frexp(peak, &exponent);
  for (std::int64_t k = 0; k < d; ++k) {
    to[k] = static_cast<float>(std::ldexp(static_cast<double>(from[k * stride]), -exponent));
  }
  return true;
}

/// Calls `use` with the data as what they are.
template <typename Use>
auto dispatch(const void* data, at::ScalarType type, const Use& use) {
  switch (type) {
    case at::kDouble:
      return use(static_cast<const double*>(data));
    case at::kHalf:
      return use(static_cast<const at::Half*>(data));
    case at::kBFloat16:
      return use(static_cast<const at::BFloat16*>(data));
    default:
      return use(static_cast<const float*>(data));
  }
}

}  // namespace

RowReader::RowReader(const at::Tensor& z)
    : data_(z.const_data_ptr()),
      type_(z.scalar_type()),
      direct_(type_ == at::kFloat && (z.stride(-1) == 1 || z.size(-1) == 1)),
      rows_(z.dim() == 3 ? z.size(0) * z.size(1) : z.size(0)),
      inner_rows_(z.dim() == 3 ? std::max<std::int64_t>(z.size(1), 1) : std::max<std::int64_t>(rows_, 1)),
      dimension_(z.size(-1)),
      outer_stride_(z.dim() == 3 ? z.stride(0) : 0),
      row_stride_(z.stride(-2)),
      stride_(z.stride(-1)) {}

void RowReader::convert(std::int64_t row, float* copy) const noexcept {
  dispatch(data_, type_, [&](const auto* data) { convert_row(data + offset(row), stride_, dimension_, copy); });
}

bool RowReader::read_scaled(std::int64_t row, float* copy, int& exponent) const noexcept {
  return dispatch(data_, type_,
                  [&](const auto* data) { return scale_row(data + offset(row), stride_, dimension_, copy, exponent); });
}

}  // namespace infoplane::estimator::kernels
