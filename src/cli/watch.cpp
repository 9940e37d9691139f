#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/plane_table.hpp>
#include <infoplane/sinks/report.hpp>
#include <infoplane/sinks/run_follower.hpp>
#include <iostream>
#include <memory>
#include <ostream>
#include <thread>

#include "cli/commands.hpp"
#include "cli/outputs.hpp"
#include "core/text.hpp"
#include "sinks/run_json.hpp"

namespace infoplane::cli {
namespace {

struct Arguments {
  std::string run;
  std::string order = "unigram";
  double interval = 1;
  double seconds = 0;
  std::int64_t rows = 20;
  bool once = false;
  bool json = false;
};

std::atomic<bool> interrupted{false};  // lock-free, as a signal handler needs it

/// The screen of a run: what it is, its way over the plane, its last point.
std::string screen(const Arguments& arguments, const sinks::RunFollower& follower) {
  const auto& run = follower.run();
  if (!follower.started()) {
    return "waiting for " + text::printable(arguments.run) + " …\n";
  }
  std::string out = text::printable(run.header.run + " (" + arguments.run + ")") + "\n";
  if (run.points.empty()) {
    return out + "no point yet\n";
  }
  const auto table = sinks::PlaneTableOptions().order(arguments.order);
  out += sinks::plane_table(run.points, sinks::PlaneTableOptions(table).max_rows(arguments.rows)) + "\n";
  out += sinks::layer_table(run.points.back(), table);
  const auto best = sinks::best_step_line(run, arguments.order);
  return out + (best.empty() ? "" : best + "\n");
}

/// Prints the points that came since the last call.
class Lines {
 public:
  void print(const sinks::RunFollower& follower, std::ostream& out) {
    if (follower.restarts() != restarts_ || follower.run().points.size() < printed_) {
      restarts_ = follower.restarts();
      printed_ = 0;
    }
    for (const auto& points = follower.run().points; printed_ < points.size(); ++printed_) {
      out << text::printable_json(sinks::run_json::encode(points[printed_])) << '\n';
    }
    out.flush();
  }

 private:
  std::size_t printed_ = 0;
  std::int64_t restarts_ = 0;
};

void watch(const Arguments& arguments, Context& context) {
  require_apart(context, {arguments.run});
  const bool terminal = &context.out == &std::cout && ::isatty(STDOUT_FILENO) == 1;
  const auto start = std::chrono::steady_clock::now();
  const auto wait = std::chrono::duration<double>(arguments.interval);
  interrupted = false;
  auto* before = std::signal(SIGINT, [](int) { interrupted = true; });
  sinks::RunFollower follower(arguments.run);
  Lines lines;
  bool first = true;
  while (!interrupted && context.out) {
    const bool changed = follower.poll();
    if (arguments.json) {
      lines.print(follower, context.out);
    } else if (changed || first) {
      context.out << (terminal ? "\x1b[H\x1b[2J" : first ? "" : "\n") << screen(arguments, follower) << std::flush;
    }
    first = false;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    if (arguments.once || (arguments.seconds > 0 && passed.count() >= arguments.seconds)) {
      break;
    }
    std::this_thread::sleep_for(wait);
  }
  std::signal(SIGINT, before);
  INFOPLANE_CHECK(!arguments.once || follower.started(), IoError, "cannot watch ", arguments.run,
                  ": the file is not there, or holds no header yet");
}

}  // namespace

void add_watch(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  auto* command = program.add_subcommand("watch", "Follows a run while it trains; ends with Ctrl-C");
  command->option_defaults()->always_capture_default();
  command->add_option("RUN", arguments->run, "Run file; waits for one that is not there yet")->required();
  command->add_option("--order", arguments->order, "n-grams: unigram, bigram, …");
  command->add_option("--interval", arguments->interval, "Seconds between two looks")->check(CLI::PositiveNumber);
  command->add_option("--seconds", arguments->seconds, "End after so many seconds (0: never)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--rows", arguments->rows, "Steps shown at most")->check(CLI::Range(2, 100000));
  command->add_flag("--once", arguments->once, "Look once and end");
  command->add_flag("--json", arguments->json, "Print each point as a line of JSON as it comes");
  command->footer(
      "Example: infoplane watch run.jsonl\n"
      "         infoplane watch run.jsonl --json | jq .mean");
  command->callback([arguments, &context] { watch(*arguments, context); });
}

}  // namespace infoplane::cli
