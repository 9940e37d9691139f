#include "core/whole_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>

namespace infoplane {

int write_whole_file(const std::string& path, std::string_view bytes) {
  const auto beside = path + ".part";
  std::ofstream out(beside, std::ios::binary | std::ios::trunc);
  out << bytes;
  out.close();
  if (out && std::rename(beside.c_str(), path.c_str()) == 0) {
    return 0;
  }
  const int error = errno;
  std::remove(beside.c_str());
  return error;
}

int read_whole_file(const std::string& path, std::string& bytes) {
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
  }
  return std::ferror(file.get()) != 0 ? errno : 0;
}

}  // namespace infoplane
