#include "core/output_target.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <infoplane/core/write_file.hpp>
#include <memory>
#include <system_error>

namespace infoplane {
namespace {

using Kind = OutputTarget::Kind;

constexpr int kMostLinks = 40;  // as many as Linux follows

/// The number in "/proc/<this process>/fd/<number>", by whatever name; −1 of other paths. What such a link names may
/// have lost its path, and must not be opened anew: position and append mode belong to the descriptor.
int own_descriptor(const std::string& path) {
  const auto name = path.substr(path.rfind('/') + 1);
  int number = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number < 0) {
    return -1;
  }
  const std::unique_ptr<char, void (*)(void*)> folder(::realpath(folder_of(path).c_str(), nullptr), &std::free);
  const auto own = "/proc/" + std::to_string(::getpid());
  const std::string_view found = folder == nullptr ? "" : folder.get();
  const bool ours = found == own + "/fd" || (found.starts_with(own + "/task/") && found.ends_with("/fd"));
  return ours && ::fcntl(number, F_GETFD) >= 0 ? number : -1;
}

Kind kind_of(mode_t mode) {
  switch (mode & static_cast<mode_t>(S_IFMT)) {
    case S_IFREG:
      return Kind::kFile;
    case S_IFDIR:
      return Kind::kFolder;
    case S_IFBLK:
      return Kind::kBlockDevice;
    case S_IFIFO:
      return Kind::kPipe;
    case S_IFSOCK:
      return Kind::kSocket;
    default:
      return Kind::kCharacterDevice;
  }
}

/// Where the link at a path leads; empty if it cannot be read.
std::string read_link(const std::string& path) {
  std::array<char, PATH_MAX> text{};
  const auto size = ::readlink(path.c_str(), text.data(), text.size());
  return {text.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
}

bool same_file(const std::string& one, const std::string& other) {
  struct stat a {};
  struct stat b {};
  const bool one_there = ::stat(one.c_str(), &a) == 0, other_there = ::stat(other.c_str(), &b) == 0;
  if (one_there || other_there) {
    return one_there && other_there && a.st_dev == b.st_dev && a.st_ino == b.st_ino && !S_ISCHR(a.st_mode);
  }
  std::error_code error;
  const auto place = [&](const std::string& path) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(find_target(path).path, error), error);
  };
  const auto first = place(one), second = place(other);
  return !error && first == second;
}

}  // namespace

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

const char* OutputTarget::refusal() const noexcept {
  switch (kind) {
    case Kind::kFolder:
      return "it is a folder";
    case Kind::kBlockDevice:
      return "it is a block device, whose content would be lost";
    case Kind::kSocket:
      return "it is a socket";
    case Kind::kLoop:
      return "its symbolic links lead in a circle";
    default:
      return nullptr;
  }
}

bool OutputTarget::direct() const noexcept {
  return kind == Kind::kCharacterDevice || kind == Kind::kPipe || kind == Kind::kDescriptor;
}

int OutputTarget::open() const noexcept {
  struct stat status {};
  if (kind == Kind::kDescriptor && ::fstat(descriptor, &status) == 0 && !S_ISFIFO(status.st_mode)) {
    return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  }
  return ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

OutputTarget find_target(const std::string& path) {
  OutputTarget target{path};
  for (int links = 0;; ++links) {
    struct stat status {};
    target.descriptor = own_descriptor(target.path);
    if (target.descriptor >= 0) {
      target.kind = Kind::kDescriptor;
      return target;
    }
    if (::lstat(target.path.c_str(), &status) != 0) {
      return target;  // whoever opens it is told why
    }
    if (!S_ISLNK(status.st_mode)) {
      target.kind = kind_of(status.st_mode);
      target.mode = status.st_mode & 07777U;
      target.owner = status.st_uid;
      target.group = status.st_gid;
      return target;
    }
    if (links == kMostLinks) {
      target.kind = Kind::kLoop;
      return target;
    }
    const auto next = read_link(target.path);
    target.path = next.starts_with('/') ? next : folder_of(target.path) + next;
  }
}

std::optional<std::string> written_over(const std::string& output, const std::vector<std::string>& inputs) {
  const auto found =
      std::find_if(inputs.begin(), inputs.end(), [&](const auto& input) { return same_file(output, input); });
  return found == inputs.end() ? std::nullopt : std::optional(*found);
}

}  // namespace infoplane
