#include "core/whole_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <infoplane/core/error.hpp>
#include <memory>
#include <system_error>
#include <utility>

#include "core/no_signals.hpp"

namespace infoplane {
namespace {

constexpr const char* kAccessList = "system.posix_acl_access";

[[noreturn]] void fail(int error) { throw IoError(std::generic_category().message(error)); }

void require(bool good) {
  if (!good) {
    fail(errno);
  }
}

/// A name that nobody has, in the folder of the path.
std::string name_beside(const std::string& path) {
  constexpr std::size_t kLongest = 200;  // 255 bytes are allowed
  std::uint64_t number = 0;
  require(::getrandom(&number, sizeof number, 0) == static_cast<ssize_t>(sizeof number));
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(number));
  const auto folder = folder_of(path);
  const auto name = path.substr(path.rfind('/') + 1);
  return folder + "." + (name.size() <= kLongest ? name + "." : "") + digits.data() + ".part";
}

/// Whether a sink holds the file open, as it does from its start to its end.
bool locked(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) {
    return false;
  }
  const bool found = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return found;
}

/// @throws IoError unless what stands at the path may be lost.
void require_replaceable(const std::string& path, FileKind kind) {
  require(::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0);
  INFOPLANE_CHECK(!locked(path), IoError,
                  "it is being written by a sink, in this process or in another: give another path");
  const auto there = kind_of(first_bytes(path, kKindBytes));
  INFOPLANE_CHECK(there == FileKind::kOther || there == kind, IoError, "it is ", name_of(there),
                  ", which would be lost: give another path, or remove it");
}

/// Whether a pipe has room again before its reader is given up.
bool wait_for_room(int descriptor) {
  constexpr int kMilliseconds = 10000;
  pollfd waited{descriptor, POLLOUT, 0};
  return ::poll(&waited, 1, kMilliseconds) == 1;
}

}  // namespace

WholeFile::WholeFile(const std::string& path, FileKind kind) : target_(find_target(path)) {
  const char* const refusal = target_.refusal();
  INFOPLANE_CHECK(refusal == nullptr, IoError, refusal);
  if (target_.direct()) {
    descriptor_ = target_.open();
    INFOPLANE_CHECK(descriptor_ >= 0 || errno != ENXIO || target_.kind != OutputTarget::Kind::kPipe, IoError,
                    "it is a pipe that nobody reads: start its reader first");
    require(descriptor_ >= 0);
    return;
  }
  if (target_.kind == OutputTarget::Kind::kFile) {
    require_replaceable(target_.path, kind);
  }
  open_beside();
}

WholeFile::~WholeFile() { drop(); }

void WholeFile::drop() noexcept {
  if (descriptor_ >= 0) {
    ::close(std::exchange(descriptor_, -1));
  }
  if (!beside_.empty()) {
    ::unlink(beside_.c_str());
    beside_.clear();
  }
}

void WholeFile::open_named() {
  const mode_t mode = target_.kind == OutputTarget::Kind::kFile ? 0600 : 0666;
  while (descriptor_ < 0) {
    auto name = name_beside(target_.path);
    descriptor_ = ::open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode);
    if (descriptor_ >= 0) {
      beside_ = std::move(name);
    } else if (errno != EEXIST) {
      fail(errno);
    }
  }
}

void WholeFile::open_beside() {
  // Without a name only where it can be given one later.
  if (::access("/proc/self/fd", X_OK) == 0) {
    descriptor_ = ::open(folder_of(target_.path).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  }
  if (descriptor_ < 0) {
    open_named();
  }
}

void WholeFile::append(std::string_view bytes) {
  const NoSignals errors_only;
  while (!bytes.empty()) {
    const auto count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      INFOPLANE_CHECK(wait_for_room(descriptor_), IoError, "its reader does not keep up");
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
}

void WholeFile::commit(bool durable) {
  if (target_.direct()) {
    require(::close(std::exchange(descriptor_, -1)) == 0);
    return;
  }
  keep_attributes();
  require(!durable || ::fsync(descriptor_) == 0);
  if (beside_.empty()) {
    give_name();
    require(!durable || ::fsync(descriptor_) == 0);  // where it had to be copied
  }
  require(::rename(beside_.c_str(), target_.path.c_str()) == 0);
  beside_.clear();
  require(::close(std::exchange(descriptor_, -1)) == 0);
}

/// Owner, group, mode and access list of the file that is replaced. Where the group cannot be kept, the one that it has
/// now gets no more than everybody.
void WholeFile::keep_attributes() const {
  if (target_.kind != OutputTarget::Kind::kFile) {
    return;
  }
  constexpr mode_t kGroup = 0070, kAsOther = 06000;
  mode_t mode = target_.mode;
  struct stat own {};
  require(::fstat(descriptor_, &own) == 0);
  const bool owner = own.st_uid == target_.owner || ::fchown(descriptor_, target_.owner, static_cast<gid_t>(-1)) == 0;
  const bool group = own.st_gid == target_.group || ::fchown(descriptor_, static_cast<uid_t>(-1), target_.group) == 0;
  if (!owner || !group) {
    mode &= ~kAsOther;  // runs as another user or group
  }
  if (!group) {
    mode &= ~kGroup | (mode & 0007U) << 3U;
  }
  require(::fchmod(descriptor_, mode) == 0);
  std::array<char, 4096> list{};
  const auto size = group ? ::getxattr(target_.path.c_str(), kAccessList, list.data(), list.size()) : -1;
  if (size > 0) {
    require(::fsetxattr(descriptor_, kAccessList, list.data(), static_cast<std::size_t>(size), 0) == 0);
  }
}

void WholeFile::give_name() {
  const auto own = "/proc/self/fd/" + std::to_string(descriptor_);
  do {
    auto name = name_beside(target_.path);
    if (::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      beside_ = std::move(name);
      return;
    }
  } while (errno == EEXIST);
  // Some sandboxes and network file systems give no name to a file that had none.
  const int unnamed = std::exchange(descriptor_, -1);
  try {
    open_named();
    copy_from(unnamed);
    keep_attributes();
  } catch (...) {
    ::close(unnamed);
    throw;
  }
  ::close(unnamed);
}

void WholeFile::copy_from(int descriptor) {
  std::array<char, 1U << 16U> chunk{};
  off_t offset = 0;
  for (ssize_t got = 0; (got = ::pread(descriptor, chunk.data(), chunk.size(), offset)) != 0; offset += got) {
    require(got > 0);
    append({chunk.data(), static_cast<std::size_t>(got)});
  }
}

void replace_file(const std::string& path, std::string_view bytes) {
  WholeFile file(path, kind_of(bytes.substr(0, kKindBytes)));
  file.append(bytes);
  file.commit();
}

void write_file(const std::string& path, std::string_view bytes) {
  try {
    replace_file(path, bytes);
  } catch (const IoError& error) {
    INFOPLANE_THROW(IoError, "cannot write ", path, ": ", error.what());
  }
}

int read_whole_file(const std::string& path, std::string& bytes, std::size_t most) {
  constexpr std::size_t kChunk = std::size_t{1} << 16U;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) {
    return errno;
  }
  bytes.clear();
  for (std::size_t got = 1; got > 0;) {
    const auto size = bytes.size();
    bytes.resize(size + kChunk);
    got = std::fread(bytes.data() + size, 1, kChunk, file.get());
    bytes.resize(size + got);
    if (bytes.size() > most) {
      return EFBIG;
    }
  }
  return std::ferror(file.get()) != 0 ? errno : 0;
}

std::string first_bytes(const std::string& path, std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t got = 0;
  struct stat status {};
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor >= 0 && ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
    ssize_t read = 0;
    while (got < count && (read = ::pread(descriptor, bytes.data() + got, count - got, static_cast<off_t>(got))) > 0) {
      got += static_cast<std::size_t>(read);
    }
  }
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  bytes.resize(got);
  return bytes;
}

}  // namespace infoplane
