#pragma once

#include <cstddef>
#include <infoplane/core/write_file.hpp>
#include <string>
#include <string_view>

#include "core/file_kind.hpp"
#include "core/output_target.hpp"

namespace infoplane {

/// A file that is written piece by piece and replaces another whole or not at all, as write_file says.
///
/// Until it is committed it has no name where the file system can do that (a killed process leaves nothing), else one
/// of its own beside the target. Holds signals back while it writes. All throw IoError with the reason alone.
class WholeFile {
 public:
  /// `kind`: what will be written; another kind of this library's files is not replaced by it.
  WholeFile(const std::string& path, FileKind kind);
  ~WholeFile();
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  void append(std::string_view bytes);

  /// To read back what was written; −1 where it went straight in.
  int readable() const noexcept { return target_.direct() ? -1 : descriptor_; }

  /// Gives the file its name; `durable`: once its bytes are on the disk.
  void commit(bool durable = false);

 private:
  void open_named();
  void open_beside();
  void keep_attributes() const;
  void give_name();
  void copy_from(int descriptor);
  void drop() noexcept;

  OutputTarget target_;
  std::string beside_;  // empty while the file has no name
  int descriptor_ = -1;
};

/// write_file, but that it throws IoError with the reason alone.
void replace_file(const std::string& path, std::string_view bytes);

/// Reads a file, pipe or device to its end. Returns 0, or the errno of what failed, as of a folder; EFBIG where it has
/// more than `most` bytes, of which no more are read.
int read_whole_file(const std::string& path, std::string& bytes, std::size_t most = std::string::npos);

/// Up to `count` first bytes of a regular file; nothing of anything else.
std::string first_bytes(const std::string& path, std::size_t count);

}  // namespace infoplane
