#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <iosfwd>
#include <string>
#include <utility>

namespace train_text {

/// Whether standard error is a terminal.
bool on_terminal();

/// How far the loop is, as a line of a terminal that rewrites itself: "step 800/1600   50 %  22.5 steps/s  0:35 left".
/// The rate is that of the last 30 seconds.
class ProgressLine {
 public:
  /// Seconds since any fixed moment.
  using Clock = std::function<double()>;

  /// Writes to the stream, which it borrows, where it is `shown`.
  ProgressLine(std::int64_t total, bool shown, std::ostream& output);
  ProgressLine(std::int64_t total, bool shown, std::ostream& output, Clock clock);
  /// Erases the line, as finish() does.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// `done` steps of the total are behind us. Costs a clock read unless the last write is 0.1 seconds ago.
  void update(std::int64_t done);
  /// Erases the line, so that what is printed next has it to itself.
  void finish() noexcept;

 private:
  std::string text(std::int64_t done) const;

  std::int64_t total_;
  bool shown_, drawn_ = false;
  std::ostream& output_;
  Clock clock_;
  double last_write_ = 0;
  std::deque<std::pair<double, std::int64_t>> seen_;  // (seconds, steps done), the oldest first
};

}  // namespace train_text
