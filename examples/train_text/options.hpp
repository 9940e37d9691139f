#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace train_text {

/// Tokens of LibTorch's headers that are trained on where the command line gives no limit.
inline constexpr std::int64_t kOwnTokens = 48'000;

/// What the command line says; the defaults are the demo.
struct Options {
  std::string text;                        ///< file of bytes; empty: the headers of LibTorch
  std::string tokens;                      ///< file of uint16 tokens instead
  std::optional<std::int64_t> vocabulary;  ///< of `tokens`; none: the largest token plus one
  /// Tokens to train on; 0: all. By default all of a text of the user's, and of the headers so few that the demo's
  /// model has learnt what it can from them within a minute or two, and stops.
  std::optional<std::int64_t> limit;
  std::string out = "run.jsonl";  ///< run file
  std::uint64_t seed = 1;
  std::int64_t steps = 2400;
  std::int64_t every = 50;   ///< steps between two measurements
  std::int64_t window = 16;  ///< training steps in one measurement
  std::int64_t batch = 16;
  std::int64_t context = 64;
  std::int64_t width = 64;
  std::int64_t layers = 3;
  std::int64_t heads = 4;
  double learning_rate = 4e-3;
  /// Threads of one operator. Two gain little on matrices this small, and lose much where other work shares the cores:
  /// LibTorch's threads wait for one another by spinning.
  int threads = 1;
  std::string device = "cpu";  ///< cpu, cuda, or cuda:N
  bool stop = false;           ///< end when the stopping rule says so
  bool quiet = false;
};

/// Result of reading a command line: options, or a message and the exit code to end with.
struct CommandLine {
  std::optional<Options> options;
  int exit_code = 0;    ///< 0 after --help, 2 after a mistake
  std::string message;  ///< for the standard output when exit_code is 0, else for the standard error
};

CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace train_text
