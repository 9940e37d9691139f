#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/progress_line.hpp>
#include <iostream>
#include <utility>

#include "core/no_signals.hpp"
#include "core/text.hpp"
#include "sinks/terminal.hpp"

namespace infoplane::sinks {
namespace {

constexpr double kRateSeconds = 30;
constexpr std::size_t kWidth = 79;  // a line that wraps can no longer be erased

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

ProgressLine::ProgressLine(std::int64_t total, ProgressLineOptions options)
    : total_(total),
      options_(std::move(options)),
      output_(options_.output() != nullptr ? options_.output() : &std::cerr),
      terminal_(options_.terminal().value_or(is_terminal(*output_))) {
  INFOPLANE_CHECK(total >= 1, ArgumentError, "a progress line needs a total of at least 1 step, got ", total);
  INFOPLANE_CHECK(options_.redraw_seconds() >= 0 && options_.plain_seconds() >= 0, ArgumentError,
                  "a progress line cannot wait for ", options_.redraw_seconds(), " or ", options_.plain_seconds(),
                  " seconds: neither may be negative");
  if (!options_.clock()) {
    options_.clock(&steady_seconds);
  }
  last_write_ = options_.clock()();
}

ProgressLine::~ProgressLine() { finish(); }

void ProgressLine::update(std::int64_t done, const std::string& note) {
  if (options_.quiet() || (!terminal_ && options_.plain_seconds() == 0)) {
    return;
  }
  const auto now = options_.clock()();
  if (seen_.empty()) {
    seen_.emplace_back(now, done);
  }
  if (now - last_write_ < (terminal_ ? options_.redraw_seconds() : options_.plain_seconds())) {
    return;
  }
  last_write_ = now;
  seen_.emplace_back(now, done);
  while (seen_.size() > 2 && now - seen_.front().first > kRateSeconds) {
    seen_.pop_front();
  }
  const NoSignals errors_only;
  *output_ << (terminal_ ? kEraseLine : "") << text(done, note) << (terminal_ ? "" : "\n") << std::flush;
  drawn_ = terminal_;
}

std::string ProgressLine::text(std::int64_t done, const std::string& note) const {
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
  if (!note.empty()) {
    line += "  " + text::printable(note);
  }
  return terminal_ ? std::string(text::fitted(line, kWidth)) : line;
}

void ProgressLine::finish() noexcept {
  if (drawn_) {
    drawn_ = false;
    try {
      const NoSignals errors_only;
      *output_ << kEraseLine << std::flush;
    } catch (...) {  // NOLINT(bugprone-empty-catch): a stream that throws is the user's choice, a destructor must not
    }
  }
}

}  // namespace infoplane::sinks
