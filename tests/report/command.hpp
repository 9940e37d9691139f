#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace command {

/// Standard output of a shell command. @throws std::runtime_error if it fails.
inline std::string output(const std::string& line) {
  std::FILE* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr) {
    throw std::runtime_error("cannot run " + line);
  }
  std::string out;
  std::array<char, 4096> chunk{};
  for (std::size_t got = 0; (got = std::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) {
    out.append(chunk.data(), got);
  }
  if (::pclose(pipe) != 0) {
    throw std::runtime_error("failed: " + line + "\n" + out);
  }
  return out;
}

}  // namespace command
