#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "callbacks/pickle_check.hpp"

// What check_pickle keeps of the values that an unpickler would make.
namespace infoplane::callbacks::pickle {

enum class Kind : std::uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kText,
  kTuple,
  kList,
  kDict,
  kDevice,
  kStorageType,
  kStorage,
  kTensor,
  kFunction,
  kClass,
  kEmptyObject,
  kObject,
};

struct Item {
  Kind kind = Kind::kNone;
  std::int64_t number = 0;  // kInt; bytes of an element (kStorageType); elements (kStorage); function
  std::string_view text;    // kText
  std::shared_ptr<const std::vector<Item>> parts;  // kTuple
  int depth = 0;
  bool unfilled = false;  // a list or dictionary that nothing has been put into
};

/// @throws IoError, with what is wrong, unless `good`.
void require(bool good, const char* what);

/// Whether text is a number of at most 18 digits.
bool is_number(std::string_view text) noexcept;

/// Bytes of an element of "FloatStorage" and the like; 0 of anything else, such as quantized numbers.
std::int64_t element_bytes(std::string_view storage_type) noexcept;

/// Elements of the storage that a tuple describes.
/// @throws IoError unless its record holds as many.
std::int64_t check_storage(const Item& description, const PickleSurroundings& surroundings);

/// @throws IoError unless these are the arguments of a tensor that lies within its storage.
void check_tensor(const std::vector<Item>& arguments);

}  // namespace infoplane::callbacks::pickle
