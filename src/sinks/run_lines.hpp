#pragma once

#include <cerrno>
#include <cstdio>
#include <infoplane/core/error.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "sinks/run_json.hpp"

namespace infoplane::sinks {

/// Calls `take(line, number)` for each whole line of a file that is not empty, and returns whether the last one was
/// cut. Holds little more than the longest line.
/// @throws IoError if the file cannot be read.
template <typename Take>
bool for_each_line(const std::string& path, const Take& take) {
  constexpr std::size_t kChunk = std::size_t{1} << 20U;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  std::vector<char> chunk(kChunk);
  std::string pending;
  std::int64_t number = 0;
  const auto give = [&](std::string_view line) {
    ++number;
    if (!line.empty()) {
      take(line, number);
    }
  };
  for (std::size_t got = 0; file && (got = std::fread(chunk.data(), 1, chunk.size(), file.get())) > 0;) {
    std::string_view rest(chunk.data(), got);
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (pending.empty()) {
        give(rest.substr(0, end));
      } else {
        give(pending.append(rest.substr(0, end)));
        pending.clear();
      }
      rest.remove_prefix(end + 1);
    }
    pending.append(rest);
  }
  INFOPLANE_CHECK(file && std::ferror(file.get()) == 0, IoError, "cannot read the run file ", path, ": ",
                  std::generic_category().message(errno));
  if (pending.empty()) {
    return false;
  }
  if (run_json::is_whole(pending)) {
    give(pending);
    return false;
  }
  return true;
}

}  // namespace infoplane::sinks
