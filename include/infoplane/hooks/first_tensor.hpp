#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace infoplane::hooks::detail {

/// The first tensor of a result that is one or begins with one; null where it is empty.
template <typename Result>
struct FirstTensor {
  static constexpr bool kHas = false;
};

template <>
struct FirstTensor<at::Tensor> {
  static constexpr bool kHas = true;
  static const at::Tensor* get(const at::Tensor& tensor) { return &tensor; }
};

template <typename T>
struct FirstTensor<std::optional<T>> {
  static constexpr bool kHas = FirstTensor<T>::kHas;
  static const at::Tensor* get(const std::optional<T>& result) {
    return result ? FirstTensor<T>::get(*result) : nullptr;
  }
};

template <typename T>
struct FirstTensor<std::vector<T>> {
  static constexpr bool kHas = FirstTensor<T>::kHas;
  static const at::Tensor* get(const std::vector<T>& result) {
    return result.empty() ? nullptr : FirstTensor<T>::get(result.front());
  }
};

template <typename First, typename Second>
struct FirstTensor<std::pair<First, Second>> {
  static constexpr bool kHas = FirstTensor<First>::kHas;
  static const at::Tensor* get(const std::pair<First, Second>& result) { return FirstTensor<First>::get(result.first); }
};

template <typename First, typename... Rest>
struct FirstTensor<std::tuple<First, Rest...>> {
  static constexpr bool kHas = FirstTensor<First>::kHas;
  static const at::Tensor* get(const std::tuple<First, Rest...>& result) {
    return FirstTensor<First>::get(std::get<0>(result));
  }
};

}  // namespace infoplane::hooks::detail
