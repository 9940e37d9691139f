#include "sinks/crc32c.hpp"

#include <array>

namespace infoplane::sinks {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    auto value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82f63b78U : 0U);
    }
    table[i] = value;
  }
  return table;
}

constexpr auto kTable = make_table();

}  // namespace

std::uint32_t crc32c(std::string_view bytes) noexcept {
  std::uint32_t value = ~0U;
  for (const auto byte : bytes) {
    value = (value >> 8U) ^ kTable[(value ^ static_cast<unsigned char>(byte)) & 0xffU];
  }
  return ~value;
}

std::uint32_t masked_crc32c(std::string_view bytes) noexcept {
  const auto value = crc32c(bytes);
  return ((value >> 15U) | (value << 17U)) + 0xa282ead8U;
}

}  // namespace infoplane::sinks
