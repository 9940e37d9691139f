#pragma once

#include <cstdint>
#include <functional>
#include <infoplane/runs/run_file.hpp>
#include <memory>
#include <string>

namespace infoplane::runs {

/// Reads a run file while it is being written.
///
/// A file that is cut, replaced or rotated is read anew from its start; one that is away is waited for. A pipe may come
/// before its writer, and writers may follow one another on it.
class RunFollower {
 public:
  /// Is given each point as it is read, with all its layers, whatever the options keep of them.
  using Each = std::function<void(const plane::Point&)>;

  /// @throws ArgumentError as read_run_file.
  explicit RunFollower(std::string path, RunFileOptions options = {}, Each each = {});
  ~RunFollower();
  RunFollower(const RunFollower&) = delete;
  RunFollower& operator=(const RunFollower&) = delete;

  /// Takes in the whole lines that were added, of a large file or a fast pipe some 16 MB of them; true if run() has
  /// changed. Never waits, also not for the writer of a pipe. Holds one line of the file beside the run.
  /// @throws IoError as read_run_file does, but for a file that is away or still empty. The next call reads the file
  /// from its start.
  bool poll();

  /// Whether poll() left lines behind that were there already.
  bool behind() const noexcept;
  /// What was read so far; without points until the file has some.
  const RunFile& run() const noexcept;
  /// Whether the run's header was read.
  bool started() const noexcept;
  /// How often it began anew.
  std::int64_t restarts() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace infoplane::runs
