#include "progress_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ostream>

namespace train_text {
namespace {

constexpr double kRateSeconds = 30;
constexpr double kRedrawSeconds = 0.1;
constexpr const char* kEraseLine = "\r\x1b[K";

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::min(std::ceil(seconds), 3.6e8));
  const auto hours = whole / 3600;
  const auto minutes = whole / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60)
                   : fmt::format("{}:{:02}", minutes, whole % 60);
}

}  // namespace

bool on_terminal() { return ::isatty(STDERR_FILENO) == 1; }

ProgressLine::ProgressLine(std::int64_t total, bool shown, std::ostream& output)
    : ProgressLine(total, shown, output, &steady_seconds) {}

ProgressLine::ProgressLine(std::int64_t total, bool shown, std::ostream& output, Clock clock)
    : total_(std::max<std::int64_t>(total, 1)), shown_(shown), output_(output), clock_(std::move(clock)) {
  last_write_ = clock_();
}

ProgressLine::~ProgressLine() { finish(); }

void ProgressLine::update(std::int64_t done) {
  if (!shown_) {
    return;
  }
  const auto now = clock_();
  if (seen_.empty()) {
    seen_.emplace_back(now, done);
  }
  if (now - last_write_ < kRedrawSeconds) {
    return;
  }
  last_write_ = now;
  seen_.emplace_back(now, done);
  while (seen_.size() > 2 && now - seen_.front().first > kRateSeconds) {
    seen_.pop_front();
  }
  output_ << kEraseLine << text(done) << std::flush;
  drawn_ = true;
}

std::string ProgressLine::text(std::int64_t done) const {
  const auto total = fmt::format("{}", total_);
  auto line = fmt::format("step {:>{}}/{}  {:>3} %", done, total.size(), total,
                          static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total_)));
  const auto seconds = seen_.back().first - seen_.front().first;
  const auto steps = static_cast<double>(seen_.back().second - seen_.front().second);
  if (seconds > 0 && steps > 0) {
    const auto rate = steps / seconds;
    line += fmt::format("  {:.{}f} steps/s  {} left", rate, rate < 10 ? 2 : 1,
                        duration(static_cast<double>(std::max<std::int64_t>(total_ - done, 0)) / rate));
  }
  return line;
}

void ProgressLine::finish() noexcept {
  if (drawn_) {
    drawn_ = false;
    try {
      output_ << kEraseLine << std::flush;
    } catch (...) {  // NOLINT(bugprone-empty-catch): a stream that throws is the user's choice, a destructor must not
    }
  }
}

}  // namespace train_text
