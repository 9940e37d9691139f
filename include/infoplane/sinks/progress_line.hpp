#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <infoplane/core/option.hpp>
#include <infoplane/sinks/output.hpp>
#include <optional>
#include <string>
#include <utility>

namespace infoplane::sinks {

struct ProgressLineOptions {
  /// Borrowed for the life of the line; null: std::cerr.
  INFOPLANE_ARG(Output, output) = nullptr;
  /// Writes nothing at all.
  INFOPLANE_ARG(bool, quiet) = false;
  /// Whether the line is rewritten in place; without a value, whether the output is a terminal.
  INFOPLANE_ARG(std::optional<bool>, terminal) = std::nullopt;
  /// Seconds between two writes on a terminal.
  INFOPLANE_ARG(double, redraw_seconds) = 0.1;
  /// Seconds between two plain lines elsewhere; 0: none.
  INFOPLANE_ARG(double, plain_seconds) = 10;
  /// Seconds since any fixed moment; empty: a steady clock.
  INFOPLANE_ARG(std::function<double()>, clock) = {};
};

/// How far a loop is: "step 800/1600   50 %   22.5 steps/s   0:35 left   loss 2.0431". The rate is that of the last 30
/// seconds. On a terminal one line that rewrites itself; elsewhere a plain line every so often. Not thread-safe.
class ProgressLine {
 public:
  /// @throws ArgumentError unless total is at least 1 and the seconds are not negative.
  explicit ProgressLine(std::int64_t total, ProgressLineOptions options = {});
  /// Erases the line, as finish() does.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// `done` steps of `total` are behind us; `note` stands at the end of the line. Costs a clock read unless it is time
  /// to write.
  void update(std::int64_t done, const std::string& note = "");
  /// Erases the line from a terminal, so that what is printed next has the line to itself.
  void finish() noexcept;

 private:
  std::string text(std::int64_t done, const std::string& note) const;

  std::int64_t total_;
  ProgressLineOptions options_;
  std::ostream* output_;
  bool terminal_;
  bool drawn_ = false;
  double last_write_ = 0;
  std::deque<std::pair<double, std::int64_t>> seen_;  // (seconds, steps done), the oldest first
};

}  // namespace infoplane::sinks

namespace infoplane {
using sinks::ProgressLine;
using sinks::ProgressLineOptions;
}  // namespace infoplane
