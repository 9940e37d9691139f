#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace infoplane {

/// The longest line that a reader takes, without its line feed.
inline constexpr std::size_t kMostLine = std::size_t{256} << 20U;

/// Puts the lines of a file together from its bytes, which come in pieces. Holds no more than one line.
class Lines {
 public:
  using Take = std::function<void(std::string_view line, std::int64_t number)>;

  /// `path` is for messages.
  explicit Lines(std::string path, std::size_t most = kMostLine) : path_(std::move(path)), most_(most) {}

  /// Calls `take` for each line that ends within the bytes: without its line feed and the carriage return before that,
  /// and not for lines without anything but blanks.
  /// @throws IoError with path and number if a line is longer than it may be, ended or not.
  void push(std::string_view bytes, const Take& take);

  /// What came behind the last line feed.
  std::string_view rest() const noexcept { return rest_; }
  /// Forgets that.
  void drop_rest() noexcept { rest_.clear(); }
  /// Takes it for a line that ended there.
  void end_rest(const Take& take) { push("\n", take); }

  /// Lines so far, the blank ones too.
  std::int64_t number() const noexcept { return number_; }

 private:
  void grow(std::string_view bytes);

  std::string path_;
  std::size_t most_;
  std::string rest_;
  std::int64_t number_ = 0;
};

}  // namespace infoplane
