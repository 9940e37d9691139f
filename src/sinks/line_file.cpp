#include "sinks/line_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <infoplane/core/error.hpp>
#include <system_error>
#include <utility>

#include "core/output_target.hpp"

namespace infoplane::sinks {
namespace {

const char* advice(int error) {
  switch (error) {
    case ENOENT:
      return "; create its folder first";
    case EACCES:
    case EROFS:
    case EISDIR:
      return "; choose a path that this user may write";
    case ENOSPC:
    case EDQUOT:
      return "; free some space";
    case ENXIO:
      return "; start the pipe's reader first";
    case EAGAIN:
      return "; the pipe is full, because its reader does not keep up";
    default:
      return "";
  }
}

}  // namespace

LineFile::LineFile(std::string path, std::string kind) : path_(std::move(path)), kind_(std::move(kind)) {
  const auto target = find_target(path_);
  using Kind = OutputTarget::Kind;
  INFOPLANE_CHECK(target.kind != Kind::kBlockDevice && target.kind != Kind::kSocket, IoError, "cannot open the ", kind_,
                  " ", path_, ": ", target.refusal(), "; give the path of a file");
  const bool readable = ::access(path_.c_str(), R_OK) == 0 || errno == ENOENT;
  // A pipe that is open for reading too would never be seen closed, and a blocking one would stop the training.
  descriptor_ =
      target.direct()
          ? target.open()
          : ::open(path_.c_str(), (readable ? O_RDWR : O_WRONLY) | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
  if (descriptor_ < 0) {
    fail("open");
  }
  struct stat status {};
  if (!target.direct() && ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) {
    regular_ = true;
    // Some network file systems know no locks: only a lock that somebody holds is a reason to stop.
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(descriptor_);
      INFOPLANE_THROW(IoError, "the ", kind_, " ", path_,
                      " is being written by another sink, in this process or in another: give each run its own file, "
                      "and write it from one rank");
    }
    ::fstat(descriptor_, &status);  // the holder of the lock may have written in between
    size_ = status.st_size;
  }
}

LineFile::~LineFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

void LineFile::fail(const char* doing) const {
  const auto error = errno;
  INFOPLANE_THROW(IoError, "cannot ", doing, " the ", kind_, " ", path_, ": ", std::generic_category().message(error),
                  advice(error));
}

std::string LineFile::read(std::int64_t from, std::int64_t most) const {
  std::string text(static_cast<std::size_t>(std::min(most, std::max<std::int64_t>(0, size_ - from))), '\0');
  std::size_t got = 0;
  while (got < text.size()) {
    const auto at = from + static_cast<std::int64_t>(got);
    const auto count = ::pread(descriptor_, text.data() + got, text.size() - got, static_cast<off_t>(at));
    if (count < 0 && errno != EINTR) {
      fail("read");
    }
    if (count == 0) {
      break;
    }
    got += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  text.resize(got);
  return text;
}

void LineFile::truncate(std::int64_t size) {
  if (regular_ && ::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
    fail("cut");
  }
  size_ = regular_ ? size : 0;
}

void LineFile::append(std::string line) {
  line += '\n';
  append_bytes(line);
}

void LineFile::append_bytes(std::string_view bytes) {
  INFOPLANE_CHECK(descriptor_ >= 0, IoError, "the ", kind_, " ", path_, " is closed");
  if (torn_ && regular_) {
    truncate(size_);
    torn_ = false;
  }
  if (torn_) {
    write_whole('\n' + std::string(bytes));  // ends what a reader of the pipe has of the line before
  } else {
    write_whole(bytes);
  }
  torn_ = false;
  patient_ = true;
  size_ += regular_ ? static_cast<std::int64_t>(bytes.size()) : 0;
}

void LineFile::write_whole(std::string_view bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const auto count = ::write(descriptor_, bytes.data() + written, bytes.size() - written);
    if (count < 0 && errno != EINTR && !(errno == EAGAIN && wait_for_room())) {
      const auto error = errno;
      torn_ = torn_ || (written > 0 && !take_back());
      errno = error;
      fail("write");
    }
    written += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
}

bool LineFile::take_back() { return regular_ && ::ftruncate(descriptor_, static_cast<off_t>(size_)) == 0; }

bool LineFile::wait_for_room() {
  constexpr int kMilliseconds = 50;
  pollfd waited{descriptor_, POLLOUT, 0};
  patient_ = patient_ && ::poll(&waited, 1, kMilliseconds) == 1;
  errno = EAGAIN;
  return patient_;
}

void LineFile::close() {
  const auto descriptor = std::exchange(descriptor_, -1);
  if (descriptor >= 0 && ::close(descriptor) != 0) {
    fail("close");
  }
}

}  // namespace infoplane::sinks
