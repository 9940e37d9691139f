#pragma once

#include <cstdint>
#include <functional>
#include <infoplane/runs/run_file.hpp>
#include <map>
#include <string>
#include <string_view>

#include "runs/run_builder.hpp"

namespace infoplane::runs {

/// Puts a run together from the lines of its file.
class RunReader {
 public:
  /// Is given each point whole, before the layers are thinned.
  using Each = std::function<void(const plane::Point&)>;

  explicit RunReader(std::string path, RunFileOptions options = {}, Each each = {});
  RunReader(const RunReader&) = delete;
  RunReader& operator=(const RunReader&) = delete;

  /// @throws IoError with file and line.
  void take(std::string_view line, std::int64_t number);
  bool started() const noexcept { return builder_.started(); }
  /// Makes run() whole: without the points that were measured again, and with the layers of each split's last point.
  void settle();
  const RunFile& run() const noexcept { return run_; }
  /// @throws IoError without a header.
  RunFile finish(bool cut);

 private:
  struct Line {
    std::string text;
    std::int64_t number = 0;
  };

  void decode(std::string_view line, std::int64_t number);
  /// Names file and line in what `work` throws.
  template <typename Work>
  void at_line(std::int64_t number, const Work& work);

  std::string path_;
  bool thin_;
  Each each_;
  RunFile run_;
  RunBuilder builder_;
  std::map<std::string, Line, std::less<>> last_lines_;  // of each split's last point where its layers are not
};

}  // namespace infoplane::runs
