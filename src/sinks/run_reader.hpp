#pragma once

#include <cstdint>
#include <infoplane/sinks/run_file.hpp>
#include <map>
#include <string>
#include <string_view>

#include "sinks/run_builder.hpp"

namespace infoplane::sinks {

/// Puts a run together from the lines of its file.
class RunReader {
 public:
  explicit RunReader(std::string path, RunFileOptions options = {});
  RunReader(const RunReader&) = delete;
  RunReader& operator=(const RunReader&) = delete;

  /// @throws IoError with file and line.
  void take(std::string_view line, std::int64_t number);
  bool started() const noexcept { return builder_.started(); }
  const RunFile& run() const noexcept { return run_; }
  /// @throws IoError without a header.
  RunFile finish(bool cut);

 private:
  void decode(std::string_view line);

  std::string path_;
  bool thin_;
  RunFile run_;
  RunBuilder builder_;
  std::map<std::string, std::string, std::less<>> last_lines_;  // of each stream's last point where its layers are not
};

}  // namespace infoplane::sinks
