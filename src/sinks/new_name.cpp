#include "sinks/new_name.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <infoplane/core/error.hpp>

#include "core/output_target.hpp"

namespace infoplane::sinks {
namespace {

constexpr int kMostNames = 1000000;

/// Whether the file was not there and is now. The kernel asks and creates in one step.
bool create(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  return descriptor >= 0;
}

/// A pipe, a device, the standard output or a folder: no name beside it would be what the user wants.
bool is_no_file(const std::string& path) {
  const auto target = find_target(path);
  return target.direct() || target.refusal() != nullptr;
}

}  // namespace

std::string numbered_name(const std::string& path, int n) {
  const std::filesystem::path whole(path);
  auto name = whole.stem();
  name += '-' + std::to_string(n);
  name += whole.extension();
  return (whole.parent_path() / name).string();
}

std::string path_to_open(const std::string& path, runs::OpenMode mode) {
  if (mode != runs::OpenMode::kNewName || is_no_file(path)) {
    return path;
  }
  std::string name = path;
  for (int n = 2; !create(name); ++n) {
    if (errno != EEXIST) {
      return name;
    }
    INFOPLANE_CHECK(n <= kMostNames, IoError, "all names from ", path, " to ", name, " are taken: give another path");
    name = numbered_name(path, n);
  }
  return name;
}

}  // namespace infoplane::sinks
