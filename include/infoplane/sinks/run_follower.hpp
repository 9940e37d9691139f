#pragma once

#include <cstdint>
#include <infoplane/sinks/run_file.hpp>
#include <memory>
#include <string>

namespace infoplane::sinks {

/// Reads a run file while it is being written.
///
/// A file that is cut, replaced or rotated is read anew from its start; one that is away is waited for.
class RunFollower {
 public:
  explicit RunFollower(std::string path);
  ~RunFollower();
  RunFollower(const RunFollower&) = delete;
  RunFollower& operator=(const RunFollower&) = delete;

  /// Takes in the whole lines that were added; true if run() has changed.
  /// @throws IoError as read_run_file does, but for a file that is away or still empty.
  bool poll();

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

}  // namespace infoplane::sinks
