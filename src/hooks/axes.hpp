#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <c10/util/intrusive_ptr.h>

#include <infoplane/hooks/site.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace infoplane::hooks::detail {

/// Follows the two axes of a matrix of tokens through the operators of a scope: from where the tokens are looked up in
/// an embedding, over what works element by element or on the last axis, through transposes and residual additions.
/// What another operator makes of them is unknown, so a match is never a guess.
class Axes {
 public:
  /// `tokens`: integers [rows, columns], on any device.
  explicit Axes(at::Tensor tokens);

  /// An operator begins and ends, in the way of `Pass`.
  void start(const void* key, std::string_view name, c10::ArrayRef<const c10::IValue> inputs);
  void end(const void* key, const std::vector<c10::IValue>& results);

  /// How the leading axes of the tensor lie to those of the tokens; of [N, d], how its rows do.
  AxisMatch of(const at::Tensor& tensor) const;

 private:
  enum class Effect : std::uint8_t {
    kNone,
    kKeeps,      ///< as many axes as before
    kReshapes,   ///< may join the leading axes, or part them again
    kMaps,       ///< a linear map of the last axis
    kExchanges,  ///< the leading two of three axes
    kLooksUp,
  };
  /// Memory that was seen with known axes, as long as it lives.
  struct Known {
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    const void* data;
    std::vector<std::int64_t> sizes;
    std::vector<std::int64_t> strides;
    AxisMatch match;
  };
  struct Running {
    const void* key;
    Effect effect;
    AxisMatch match;
    std::vector<std::int64_t> sizes;  // of what it reads
  };

  static Effect effect_of(std::string_view name, c10::ArrayRef<const c10::IValue> inputs);
  AxisMatch looked_up(std::string_view name, c10::ArrayRef<const c10::IValue> inputs);
  static bool shows_axes(const Running& ended, c10::IntArrayRef sizes);
  AxisMatch of_indices(const at::Tensor& indices);
  AxisMatch by_memory(const at::Tensor& indices) const;
  bool same_values(const at::Tensor& indices, bool exchanged);
  void remember(const at::Tensor& tensor, AxisMatch match);
  void forget(const at::Tensor& tensor);

  at::Tensor tokens_;
  at::Tensor on_host_;  // int64, made where values must be compared
  std::vector<Known> known_;
  std::vector<Running> running_;
};

}  // namespace infoplane::hooks::detail
