#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace infoplane::callbacks {

/// What a pickle may refer to.
struct PickleSurroundings {
  /// Bytes of the record that holds a storage; none where there is no such record.
  std::function<std::optional<std::uint64_t>(std::string_view key)> storage;
  /// Whether that is a module with a class of attributes, such as "__torch__.___torch_mangle_0".
  std::function<bool(std::string_view module)> has_class;
};

/// Whether text is "__torch__", or "__torch__.___torch_mangle_" and a number: modules that LibTorch's archives define
/// their classes in.
bool is_archive_module(std::string_view text) noexcept;

/// Goes through the pickle as LibTorch's unpickler would, which trusts it, and makes sure of what that one takes for
/// granted: known instructions with operands of the right kinds, nothing called but what makes tensors and lists,
/// tensors within their storages, limited depth. `object`: that an object is what comes out.
/// @throws IoError, with the reason alone, if it is anything but data.
void check_pickle(std::string_view bytes, const PickleSurroundings& surroundings, bool object);

}  // namespace infoplane::callbacks
