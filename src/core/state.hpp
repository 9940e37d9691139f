#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <infoplane/core/error.hpp>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// Saved state: "infoplane state", kind, version and length, then the content, then a hash of all of it. Integers and
// IEEE 754 numbers are little-endian.
namespace infoplane::state {

static_assert(std::endian::native == std::endian::little, "saved state is written as it lies in memory");

/// Tokens, sequences and the like stay below this, so that sums of a few of them are exact and do not overflow.
inline constexpr std::uint64_t kMost = std::uint64_t{1} << 53U;

/// Whether sums over tokens are what their number says, but for rounding in float32.
inline bool agree(double sum, double count) noexcept { return std::abs(sum - count) <= 1e-3 * count; }

/// Collects the content of a state.
class Writer {
 public:
  template <typename T>
  void put(const T& value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  template <typename T>
  void put_array(const T* values, std::size_t count) {
    static_assert(std::is_arithmetic_v<T>);
    put(static_cast<std::uint64_t>(count));
    bytes_.append(reinterpret_cast<const char*>(values), count * sizeof(T));
  }
  template <typename T>
  void put_array(const std::vector<T>& values) {
    put_array(values.data(), values.size());
  }
  /// Without their number, which the reader must know.
  template <typename T>
  void put_values(const T* values, std::size_t count) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(values), count * sizeof(T));
  }
  void put_text(std::string_view text) { put_array(text.data(), text.size()); }

  const std::string& content() const noexcept { return bytes_; }
  std::string take() noexcept { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads a content that may hold anything: every size is checked against what is left before memory is asked for.
class Reader {
 public:
  explicit Reader(std::string_view content) : rest_(content) {}

  /// @throws IoError if the content ends before.
  template <typename T>
  T get() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    T value;
    std::memcpy(&value, take(sizeof(T)), sizeof(T));
    return value;
  }
  bool get_flag() {
    const auto value = get<std::uint8_t>();
    require(value <= 1, "a flag is neither 0 nor 1");
    return value == 1;
  }
  /// An array of any length. @throws IoError if the content ends before.
  template <typename T>
  std::vector<T> get_array() {
    const auto count = get<std::uint64_t>();
    require(count <= rest_.size() / sizeof(T), "an array is longer than the file");
    std::vector<T> values(static_cast<std::size_t>(count));
    const std::size_t bytes = values.size() * sizeof(T);
    if (bytes > 0) {
      std::memcpy(values.data(), take(bytes), bytes);
    }
    return values;
  }
  /// An array of `count` elements. @throws IoError if it has another length.
  template <typename T>
  std::vector<T> get_array(std::size_t count, const char* what) {
    auto values = get_array<T>();
    require(values.size() == count, what);
    return values;
  }
  /// What `put_values` wrote. @throws IoError if the content ends before.
  template <typename T>
  void get_values(T* into, std::size_t count) {
    require(count <= rest_.size() / sizeof(T), "it ends too early");
    if (count > 0) {
      std::memcpy(into, take(count * sizeof(T)), count * sizeof(T));
    }
  }
  std::string get_text();

  /// @throws IoError, with what is wrong, unless `good`.
  static void require(bool good, const char* what) {
    INFOPLANE_CHECK(good, IoError, "the saved state is damaged: ", what);
  }
  /// @throws IoError if anything is left.
  void end() const { require(rest_.empty(), "there is more than there should be"); }

 private:
  const char* take(std::size_t bytes) {
    require(bytes <= rest_.size(), "it ends too early");
    const char* const begin = rest_.data();
    rest_.remove_prefix(bytes);
    return begin;
  }

  std::string_view rest_;
};

/// Writes a content of a kind, such as "accumulator", whose layout has a version.
/// @throws IoError if the stream fails.
void write(std::ostream& out, std::string_view kind, std::uint32_t version, std::string_view content);

struct Content {
  std::uint32_t version;
  std::string bytes;
};

/// Reads what `write` wrote, from where the stream stands up to the hash and no further. Memory follows what is there,
/// not what a length says.
/// @throws IoError if it is no state, one of another kind, of a version that is newer than `newest`, cut short, or
/// changed.
Content read(std::istream& in, std::string_view kind, std::uint32_t newest);

}  // namespace infoplane::state
