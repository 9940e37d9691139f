#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "temporary_folder.hpp"

namespace examples_test {

/// What a finished process left.
struct Outcome {
  int exit_code = -1;  ///< -1: a signal ended it
  std::string out, err;
};

/// A process with its own empty working folder, its outputs in files there; killed with the object if it still runs.
class Program {
 public:
  /// `environment`: variables beside those of this process, as "NAME=value".
  Program(const std::string& executable, const std::vector<std::string>& arguments,
          const std::vector<std::string>& environment = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Waits until the standard output holds `part`.
  /// @return whether it did before the process ended or 60 s were over
  bool wait_for(const std::string& part);

  void send(int signal) const;

  /// Waits for the end of the process.
  Outcome finish();

  /// A file below the working folder.
  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

 private:
  std::filesystem::path out() const { return folder_.path() / "out"; }
  std::filesystem::path err() const { return folder_.path() / "err"; }
  bool ended(bool wait);

  TemporaryFolder folder_;
  int pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

}  // namespace examples_test
