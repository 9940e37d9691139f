#pragma once

#include <cstdint>
#include <string_view>

namespace infoplane::sinks {

/// CRC-32C (Castagnoli), as in RFC 3720, appendix B.4.
std::uint32_t crc32c(std::string_view bytes) noexcept;

/// As record files store it: rotated and offset, so that a checksum over bytes that hold a checksum stays a good one.
std::uint32_t masked_crc32c(std::string_view bytes) noexcept;

}  // namespace infoplane::sinks
