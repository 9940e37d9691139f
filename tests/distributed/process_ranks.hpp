#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace infoplane::test {

/// How a rank's process ended.
struct RankOutcome {
  int exit_code = -1;  ///< −1 where a signal ended it
  int signal = 0;
  bool hung = false;                         ///< it had not ended at the limit, and was killed
  std::string report;                        ///< what it reported
  std::chrono::milliseconds ended_after{0};  ///< since the call of wait()
};

/// Ranks as forked processes of this one, with the variables of torchrun in their environment. The one that forks must
/// have no threads. LibTorch is loaded once, so a rank costs milliseconds.
class ProcessRanks {
 public:
  /// A rank's whole life: what it is given passes text to the parent, its result is the exit code.
  using Body = std::function<int(int rank, const std::function<void(const std::string&)>& report)>;

  ProcessRanks(int ranks, const Body& body);
  ProcessRanks(const ProcessRanks&) = delete;
  ProcessRanks& operator=(const ProcessRanks&) = delete;
  ~ProcessRanks();  ///< kills what is left

  /// Waits until each rank has reported `text`; false after `limit`.
  bool await_report(const std::string& text, std::chrono::milliseconds limit);
  void kill(int rank, int signal) const;
  /// Waits for all, and kills those that have not ended at the limit.
  std::vector<RankOutcome> wait(std::chrono::milliseconds limit);

 private:
  void read_reports(std::chrono::milliseconds limit);

  std::vector<pid_t> processes_;
  std::vector<int> pipes_;
  std::vector<std::string> reports_;
};

/// A port of this machine that nobody listened on just now.
int free_port();

/// Whether this process has children.
bool has_children();

}  // namespace infoplane::test
