#include <algorithm>
#include <infoplane/core/error.hpp>
#include <iterator>
#include <utility>

#include "callbacks/pickle_item.hpp"

namespace infoplane::callbacks::pickle {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 48U;  // elements
constexpr std::size_t kMostDimensions = 64;

bool is_shape(const Item& item) {
  return item.kind == Kind::kTuple && item.parts->size() <= kMostDimensions &&
         std::all_of(item.parts->begin(), item.parts->end(), [](const Item& each) {
           return each.kind == Kind::kInt && each.number >= 0 && each.number <= kMost;
         });
}

}  // namespace

void require(bool good, const char* what) {
  INFOPLANE_CHECK(good, IoError, "its pickle is none that a checkpoint has: ", what);
}

bool is_number(std::string_view text) noexcept {
  constexpr std::size_t kDigits = 18;
  return !text.empty() && text.size() <= kDigits && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::int64_t element_bytes(std::string_view storage_type) noexcept {
  constexpr std::string_view kStorage = "Storage";
  static constexpr std::pair<std::string_view, std::int64_t> kTypes[] = {
      {"Byte", 1},          {"Char", 1},          {"Short", 2},           {"Int", 4},
      {"Long", 8},          {"UInt16", 2},        {"UInt32", 4},          {"UInt64", 8},
      {"Half", 2},          {"BFloat16", 2},      {"Float", 4},           {"Double", 8},
      {"ComplexHalf", 4},   {"ComplexFloat", 8},  {"ComplexDouble", 16},  {"Bool", 1},
      {"Float8_e5m2", 1},   {"Float8_e4m3fn", 1}, {"Float8_e5m2fnuz", 1}, {"Float8_e4m3fnuz", 1},
      {"Float8_e8m0fnu", 1}};
  if (!storage_type.ends_with(kStorage)) {
    return 0;
  }
  const auto name = storage_type.substr(0, storage_type.size() - kStorage.size());
  const auto* const found =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& type) { return type.first == name; });
  return found == std::end(kTypes) ? 0 : found->second;
}

std::int64_t check_storage(const Item& description, const PickleSurroundings& surroundings) {
  constexpr const char* kOtherwise = "a storage is described in another way";
  require(description.kind == Kind::kTuple && description.parts->size() == 5, kOtherwise);
  const auto& parts = *description.parts;
  require(parts[0].kind == Kind::kText && parts[0].text == "storage" && parts[1].kind == Kind::kStorageType &&
              parts[2].kind == Kind::kText && is_number(parts[2].text) && parts[3].kind == Kind::kText &&
              parts[4].kind == Kind::kInt && parts[4].number >= 0 && parts[4].number <= kMost,
          kOtherwise);
  const auto bytes = static_cast<std::uint64_t>(parts[4].number * parts[1].number);
  require(surroundings.storage(parts[2].text).value_or(0) == bytes, "a storage is not as long as its record");
  return parts[4].number;
}

void check_tensor(const std::vector<Item>& arguments) {
  require(arguments.size() == 6 && arguments[0].kind == Kind::kStorage && arguments[1].kind == Kind::kInt &&
              is_shape(arguments[2]) && is_shape(arguments[3]) && arguments[4].kind == Kind::kBool &&
              arguments[5].kind == Kind::kNone && arguments[2].parts->size() == arguments[3].parts->size(),
          "a tensor is described in another way");
  const auto elements = arguments[0].number;
  auto last = arguments[1].number;
  require(last >= 0 && last <= elements, "a tensor starts outside of its storage");
  std::int64_t count = 1;
  bool empty = false;
  for (const auto& size : *arguments[2].parts) {
    require(size.number <= kMost / count, "a tensor has too many elements");
    count *= std::max<std::int64_t>(size.number, 1);
    empty = empty || size.number == 0;
  }
  for (std::size_t i = 0; !empty && i < arguments[2].parts->size(); ++i) {
    const auto size = (*arguments[2].parts)[i].number, stride = (*arguments[3].parts)[i].number;
    require(stride == 0 || size - 1 <= (elements - last) / stride, "a tensor reaches out of its storage");
    last += (size - 1) * stride;
  }
  require(empty || last < elements, "a tensor reaches out of its storage");
}

}  // namespace infoplane::callbacks::pickle
