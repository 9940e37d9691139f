#include "core/whole_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>

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

}  // namespace infoplane
