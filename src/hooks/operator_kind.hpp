#pragma once

#include <cstdint>
#include <string_view>

namespace infoplane::hooks::detail {

/// What an operator makes of its operands, by its name.
enum class OperatorKind : std::uint8_t {
  kElementwise,  ///< operands of the result's size are carried, others are ingredients
  kRearrange,    ///< operands of any size are carried: cat, index, pad
  kCopy,         ///< the operand itself, in another memory, layout or dtype
  kMix,          ///< products, attention, convolutions; operators that are not LibTorch's
  kFresh,        ///< nothing of them: zeros, random numbers
  kEmpty,        ///< memory that something else fills
};

OperatorKind operator_kind(std::string_view name) noexcept;

/// LayerNorm or RMSNorm.
bool is_fused_norm(std::string_view name) noexcept;
/// Makes a tensor of the same values: clone() or to().
bool is_copy(std::string_view name) noexcept;
/// Writes to its first operand.
bool writes_first(std::string_view name) noexcept;
/// Changes sizes or flags of an operand, never its content.
bool is_layout_only(std::string_view name) noexcept;
/// A product that is added to its first operand: addmm and its kind.
bool adds_first(std::string_view name) noexcept;
/// Joins two values of one size, as x + f(x) does.
bool is_addition(std::string_view name) noexcept;
/// Likewise, but writes rows of any number into the first operand.
bool is_scatter(std::string_view name) noexcept;

}  // namespace infoplane::hooks::detail
