#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace infoplane {

/// What stands at a path that is to be written, behind all symbolic links.
struct OutputTarget {
  enum class Kind : std::uint8_t {
    kNothing,
    kFile,
    kFolder,
    kCharacterDevice,
    kBlockDevice,
    kPipe,
    kSocket,
    kLoop,        ///< links that lead to one another
    kDescriptor,  ///< open in this process, such as what /dev/stdout names
  };

  std::string path;  ///< without links
  Kind kind = Kind::kNothing;
  int descriptor = -1;  ///< of kDescriptor
  mode_t mode = 0;      ///< of kFile, like its owner and group
  uid_t owner = 0;
  gid_t group = 0;

  /// Why nothing can be written there, whatever the user may do; null where it can.
  const char* refusal() const noexcept;
  /// Whether bytes go straight in, because it is no file that another can take the place of.
  bool direct() const noexcept;
  /// Opens what is direct for writing, without waiting for the reader of a pipe. Returns −1, and errno, on failure.
  int open() const noexcept;
};

/// A link that leads nowhere gives the path of the file that it would be.
OutputTarget find_target(const std::string& path);

/// "./", or the path up to its last slash.
std::string folder_of(const std::string& path);

}  // namespace infoplane
