#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace infoplane::sinks {

/// A file that grows by whole lines or records. POSIX rather than streams: a stream keeps what it could not write and
/// repeats half of it later.
class LineFile {
 public:
  /// Opens or creates the file, and locks it where it is a regular one. Messages call it `kind`, such as "run file". A
  /// pipe needs a reader; one that does not keep up costs lines, not time.
  /// @throws IoError
  explicit LineFile(std::string path, std::string kind = "run file");
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  /// Bytes of a regular file; 0 of anything else, such as a pipe.
  std::int64_t size() const noexcept { return size_; }

  /// The content of a regular file from a byte on, or so much of it.
  std::string read(std::int64_t from = 0, std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;

  /// Cuts a regular file to its first `size` bytes.
  void truncate(std::int64_t size);

  /// Appends the line and a line feed; either all of it or, where the file can be cut, nothing.
  void append(std::string line);

  /// Appends bytes, in the same way.
  void append_bytes(std::string_view bytes);

  /// Reports what the operating system could not keep.
  void close();

 private:
  [[noreturn]] void fail(const char* doing) const;
  bool wait_for_room();
  /// Writes all, or fails after taking back what it wrote, where it can.
  void write_whole(std::string_view bytes);
  bool take_back();

  std::string path_, kind_;
  int descriptor_ = -1;
  bool regular_ = false;
  bool torn_ = false;    // bytes of a failed write lie behind size_, or went into a pipe
  bool patient_ = true;  // whether a full pipe is waited for: not again while it stays full
  std::int64_t size_ = 0;
};

}  // namespace infoplane::sinks
