#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <infoplane/core/error.hpp>
#include <infoplane/report/plane_table.hpp>
#include <infoplane/report/report.hpp>
#include <infoplane/runs/run_follower.hpp>
#include <iostream>
#include <ostream>
#include <thread>

#include "cli/commands.hpp"
#include "cli/outputs.hpp"
#include "core/text.hpp"
#include "runs/run_json.hpp"

namespace infoplane::cli {
namespace {

std::atomic<bool> interrupted{false};  // lock-free, as a signal handler needs it

std::string waiting(const WatchArguments& arguments) {
  return "waiting for " + text::printable(arguments.run) + " …\n";
}

/// The screen of a run: what it is, its way over the plane, its last point.
std::string screen(const WatchArguments& arguments, const runs::RunFollower& follower) {
  const auto& run = follower.run();
  if (!follower.started()) {
    return waiting(arguments);
  }
  std::string out = text::printable(run.header.run + " (" + arguments.run + ")") + "\n";
  if (run.points.empty()) {
    return out + "no point yet\n";
  }
  const auto table = report::PlaneTableOptions().order(arguments.order);
  out += report::plane_table(run.points, report::PlaneTableOptions(table).max_rows(arguments.rows)) + "\n";
  out += report::layer_table(run.points.back(), table);
  const auto best = report::best_step_line(run, arguments.order);
  return out + (best.empty() ? "" : best + "\n");
}

/// Takes Ctrl-C for the end of the watch, unless the program was started without it.
class Interrupt {
 public:
  Interrupt() : before_(std::signal(SIGINT, [](int) { interrupted = true; })) {
    interrupted = false;
    if (before_ == SIG_IGN) {
      std::signal(SIGINT, SIG_IGN);
    }
  }
  ~Interrupt() { std::signal(SIGINT, before_); }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

 private:
  void (*before_)(int);
};

/// Waits so long, but hardly longer than until Ctrl-C: sleep_for goes on after a signal.
void wait(std::chrono::duration<double> seconds) {
  constexpr std::chrono::duration<double> kSlice(0.05);
  const auto end = std::chrono::steady_clock::now() + seconds;
  for (auto left = seconds; left.count() > 0 && !interrupted; left = end - std::chrono::steady_clock::now()) {
    std::this_thread::sleep_for(std::min(left, kSlice));
  }
}

/// A run that is followed, and what of it is printed.
class Watch {
 public:
  Watch(const WatchArguments& arguments, Context& context)
      : arguments_(arguments),
        context_(context),
        terminal_(&context.out == &std::cout && ::isatty(STDOUT_FILENO) == 1),
        // The screen shows the layers of the last point alone.
        follower_(arguments.run, RunFileOptions().max_layer_points(4), printer()) {}

  /// Takes in what the file has got; false where more of it is there already.
  bool read() {
    changed_ = follower_.poll() || changed_;
    return !follower_.behind();
  }

  void print() {
    if (!arguments_.json && (changed_ || first_)) {
      context_.out << (terminal_ ? "\x1b[H\x1b[2J" : first_ ? "" : "\n") << screen(arguments_, follower_);
    }
    if (first_ && arguments_.json && !follower_.started()) {
      context_.err << "infoplane: " << waiting(arguments_);
    }
    context_.out.flush();
    first_ = changed_ = false;
  }

  bool started() const { return follower_.started(); }

 private:
  /// Prints points as they come, where that is asked for.
  runs::RunFollower::Each printer() {
    if (!arguments_.json) {
      return {};
    }
    return [this](const plane::Point& point) {
      context_.out << text::printable_json(runs::run_json::encode(point)) << '\n';
    };
  }

  const WatchArguments& arguments_;
  Context& context_;
  bool terminal_;
  runs::RunFollower follower_;
  bool first_ = true, changed_ = false;
};

}  // namespace

void watch(const WatchArguments& arguments, Context& context) {
  require_apart(context, {arguments.run});
  const auto start = std::chrono::steady_clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start); };
  const Interrupt interrupt;
  Watch watched(arguments, context);
  while (!interrupted && context.out) {
    const bool all = watched.read();
    const bool over = arguments.seconds > 0 && passed().count() >= arguments.seconds;
    if (!all && !over) {
      continue;
    }
    watched.print();
    if (arguments.once || over) {
      break;
    }
    wait(std::chrono::duration<double>(arguments.interval));
  }
  INFOPLANE_CHECK(!arguments.once || watched.started(), IoError, "cannot watch ", arguments.run,
                  ": the file is not there, or holds no header yet");
}

}  // namespace infoplane::cli
