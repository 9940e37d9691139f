#include "core/checksum.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

using infoplane::Checksum;

namespace {

std::uint64_t of(std::string_view bytes) {
  Checksum checksum;
  checksum.add(bytes);
  return checksum.value();
}

}  // namespace

TEST_CASE("a checksum does not depend on the pieces", "[core]") {
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    bytes += static_cast<char>(37 * i);
  }
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const auto all = std::string_view(bytes).substr(0, size);
    for (const std::size_t piece : {1, 3, 7, 8, 9, 20}) {
      Checksum checksum;
      for (std::size_t at = 0; at < size; at += piece) {
        checksum.add(all.substr(at, piece));
        checksum.add("");
      }
      REQUIRE(checksum.value() == of(all));
    }
  }
}

TEST_CASE("a checksum tells every changed bit and every length", "[core]") {
  const std::string bytes(50, 'x');
  for (std::size_t i = 0; i < 8 * bytes.size(); ++i) {
    auto changed = bytes;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    REQUIRE(of(changed) != of(bytes));
  }
  REQUIRE(of(bytes + '\0') != of(bytes));
  REQUIRE(of(std::string(8, '\0')) != of(std::string(7, '\0')));
  REQUIRE(of("") != of(std::string(1, '\0')));
  REQUIRE(of("") == 0xa706dd2f4d197e6fU);  // files have it: it must never change
}
