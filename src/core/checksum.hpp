#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace infoplane {

/// Checksum of bytes that come in pieces of any size. Two contents that differ in up to eight neighbouring bytes never
/// have the same one; it tells damage, not a forger.
class Checksum {
 public:
  void add(std::string_view bytes) noexcept;
  std::uint64_t value() const noexcept;

 private:
  std::uint64_t state_ = 0, length_ = 0;
  std::array<char, sizeof(std::uint64_t)> rest_{};  // of the last word; as many as length_ says
};

}  // namespace infoplane
