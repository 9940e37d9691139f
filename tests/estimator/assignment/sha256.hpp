#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace infoplane::estimator {

/// SHA-256 of FIPS 180-4 as hexadecimal text. Its constants are the leading fractional bits of roots of primes.
inline std::string sha256(const void* data, std::size_t size) {
  std::array<std::uint32_t, 64> k{};
  std::array<std::uint32_t, 8> h{};
  const auto fraction = [](long double root) {
    return static_cast<std::uint32_t>((root - std::floor(root)) * 4294967296.0L);
  };
  for (std::uint32_t prime = 2, count = 0; count < 64; ++prime) {
    bool is_prime = true;
    for (std::uint32_t divisor = 2; divisor * divisor <= prime; ++divisor) {
      is_prime = is_prime && prime % divisor != 0;
    }
    if (is_prime) {
      k.at(count) = fraction(std::cbrt(static_cast<long double>(prime)));
      if (count < 8) {
        h.at(count) = fraction(std::sqrt(static_cast<long double>(prime)));
      }
      ++count;
    }
  }
  std::vector<std::uint8_t> bytes(size);
  if (size > 0) {
    std::memcpy(bytes.data(), data, size);
  }
  bytes.push_back(0x80);
  bytes.resize((bytes.size() + 8 + 63) / 64 * 64, 0);
  const std::uint64_t bits = std::uint64_t{size} * 8;
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[bytes.size() - 1 - i] = static_cast<std::uint8_t>(bits >> (8 * i));
  }
  for (std::size_t at = 0; at < bytes.size(); at += 64) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t i = 0; i < 16; ++i) {
      for (std::size_t j = 0; j < 4; ++j) {
        w[i] = w[i] << 8U | bytes[at + 4 * i + j];
      }
    }
    for (std::size_t i = 16; i < 64; ++i) {
      const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3U);
      const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10U);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto v = h;
    for (std::size_t i = 0; i < 64; ++i) {
      const std::uint32_t s1 = std::rotr(v[4], 6) ^ std::rotr(v[4], 11) ^ std::rotr(v[4], 25);
      const std::uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
      const std::uint32_t t1 = v[7] + s1 + choice + k[i] + w[i];
      const std::uint32_t s0 = std::rotr(v[0], 2) ^ std::rotr(v[0], 13) ^ std::rotr(v[0], 22);
      const std::uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
      v = {t1 + s0 + majority, v[0], v[1], v[2], v[3] + t1, v[4], v[5], v[6]};
    }
    for (std::size_t i = 0; i < 8; ++i) {
      h[i] += v[i];
    }
  }
  std::string text;
  for (const std::uint32_t word : h) {
    for (int shift = 28; shift >= 0; shift -= 4) {
      text += "0123456789abcdef"[word >> static_cast<unsigned>(shift) & 15U];
    }
  }
  return text;
}

}  // namespace infoplane::estimator
