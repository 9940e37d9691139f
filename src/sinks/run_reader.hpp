#pragma once

#include <cstdint>
#include <infoplane/sinks/run_file.hpp>
#include <map>
#include <string>
#include <string_view>

namespace infoplane::sinks {

/// Puts a run together from the lines of its file.
class RunReader {
 public:
  explicit RunReader(std::string path, RunFileOptions options = {});

  /// @throws IoError with file and line.
  void take(std::string_view line, std::int64_t number);
  bool started() const noexcept { return has_header_; }
  const RunFile& run() const noexcept { return run_; }
  /// @throws IoError without a header.
  RunFile finish(bool cut);

 private:
  struct Stream {
    std::int64_t last_step = 0;
    std::int64_t seen = 0;    // points
    std::int64_t stride = 1;  // of those that keep their layers
    std::int64_t kept = 0;
    std::string last_line;  // of a last point without its layers
  };

  void decode(std::string_view line);
  void add(RunHeader&& header);
  Stream& add(plane::Point&& point);
  void drop_every_other(Stream& stream, const std::string& name);

  std::string path_;
  RunFileOptions options_;
  RunFile run_;
  std::map<std::string, Stream, std::less<>> streams_;
  bool has_header_ = false;
};

}  // namespace infoplane::sinks
