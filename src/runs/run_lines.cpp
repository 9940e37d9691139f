#include "runs/run_lines.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <infoplane/core/error.hpp>
#include <memory>
#include <system_error>
#include <vector>

#include "core/json.hpp"

namespace infoplane::runs {

bool for_each_line(const std::string& path, const Lines::Take& take) {
  constexpr std::size_t kChunk = std::size_t{1} << 20U;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) {
    fail_to_read(path, errno);
  }
  std::vector<char> chunk(kChunk);
  Lines lines(path);
  while (const auto got = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    lines.push({chunk.data(), got}, take);
  }
  if (std::ferror(file.get()) != 0) {
    fail_to_read(path, errno);
  }
  const bool cut = lines.rest().find_first_not_of(" \t\r") != std::string_view::npos && !json::is_whole(lines.rest());
  if (!cut) {
    lines.end_rest(take);
  }
  return cut;
}

void fail_to_read(const std::string& path, int error) {
  struct stat status {};
  const bool socket = error == ENXIO && ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
  INFOPLANE_THROW(IoError, "cannot read the run file ", path, ": ",
                  socket ? "it is a socket" : std::generic_category().message(error));
}

}  // namespace infoplane::runs
