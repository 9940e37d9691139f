#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/console_sink.hpp>
#include <infoplane/sinks/csv_sink.hpp>
#include <infoplane/sinks/html_sink.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <infoplane/sinks/tensor_board_sink.hpp>
#include <memory>
#include <random>
#include <thread>

#include "needs.hpp"
#include "report/markup.hpp"
#include "runs/samples.hpp"
#include "sinks/capture.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::CsvSink;
using infoplane::IoError;
using infoplane::JsonLinesSink;
using infoplane::OpenMode;
using infoplane::TensorBoardSink;
using infoplane::sinks::Sink;
using samples::point;

namespace {

/// Told once, and all failures counted.
void require_told_once(const CaptureErrors& errors, const Sink& sink, std::int64_t failures, const char* why) {
  CAPTURE(errors.text());
  REQUIRE(samples::count(errors.text(), "\n") == 1);
  REQUIRE_THAT(errors.text(), ContainsSubstring(why));
  REQUIRE(sink.failures() == failures);
}

/// Runs `work` where files may not grow beyond a size, which is what a full disk looks like to a program.
void with_small_disk(rlim_t bytes, const std::function<void()>& work) {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit small{bytes, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  work();
  ::setrlimit(RLIMIT_FSIZE, &before);
}

}  // namespace

TEST_CASE("a full device is told once and counted", "[sinks][needs:full_device]") {
  infoplane::test::needs("full_device", std::filesystem::exists("/dev/full"), "this system has no /dev/full");
  const auto run = [](Sink& sink) {
    sink.write(samples::header());
    for (int i = 0; i < 5; ++i) {
      sink.write(point(i));
    }
  };
  {
    const CaptureErrors errors;
    auto sink = opened<JsonLinesSink>("/dev/full", OpenMode::kOverwrite);
    run(sink);
    require_told_once(errors, sink, 6, "No space left on device; free some space");
  }
  const CaptureErrors errors;
  auto sink = opened<CsvSink>("/dev/full", OpenMode::kOverwrite);
  run(sink);
  require_told_once(errors, sink, 5, "No space left on device; free some space");
}

TEST_CASE("a disk that fills and is freed again costs the points between, and no half line", "[sinks]") {
  const samples::Folder folder;
  auto json = opened<JsonLinesSink>(folder.file());
  auto csv = opened<CsvSink>(folder.file("run.csv"));
  auto events = opened<TensorBoardSink>(folder.file("tb"));
  const std::vector<Sink*> sinks = {&json, &csv, &events};
  const CaptureErrors errors;
  const auto write = [&](std::int64_t from, std::int64_t to) {
    for (auto step = from; step < to; ++step) {
      for (auto* sink : sinks) {
        sink->write(point(step));
      }
    }
  };
  for (auto* sink : sinks) {
    sink->write(samples::header());
  }
  write(0, 5);
  auto smallest =
      std::min(std::filesystem::file_size(folder.file()), std::filesystem::file_size(folder.file("run.csv")));
  for (const auto& each : std::filesystem::directory_iterator(folder.file("tb/train"))) {
    smallest = std::min(smallest, each.file_size());
  }
  with_small_disk(smallest + 10, [&] { write(5, 20); });
  write(20, 25);
  for (const auto* sink : sinks) {
    CAPTURE(sink->name());
    REQUIRE(sink->failures() == 15);
  }
  const auto run = infoplane::read_run_file(folder.file());
  REQUIRE(run.points.size() == 10);
  REQUIRE(run.points[5].step == 20);
  REQUIRE(samples::count(samples::read(folder.file("run.csv")), "\n") == 1 + 10 * 15);
  REQUIRE(samples::count(errors.text(), "\n") == 3);  // one for each sink
}

TEST_CASE("a full disk leaves the page as it was", "[sinks]") {
  const samples::Folder folder;
  const auto path = folder.file("run.html");
  auto sink = opened<infoplane::HtmlSink>(path);
  sink.write(samples::header());
  const auto before = samples::read(path);
  const CaptureErrors errors;
  with_small_disk(4096, [&] {
    for (int i = 0; i < 3; ++i) {
      sink.write(point(i));
      sink.flush();
    }
  });
  require_told_once(errors, sink, 3, "cannot be written: File too large; it is tried again with a later point");
  REQUIRE(samples::read(path) == before);
  REQUIRE_FALSE(std::filesystem::exists(path + ".part"));
  sink.flush();
  REQUIRE(samples::count(samples::read(path), "data-kind=\"plane\"") == 1);
}

TEST_CASE("a closed pipe is a failure, not a signal", "[sinks]") {
  const samples::Folder folder;
  REQUIRE(::mkfifo(folder.file().c_str(), 0600) == 0);
  const auto reader = ::open(folder.file().c_str(), O_RDONLY | O_NONBLOCK);
  const CaptureErrors errors;
  auto sink = opened<JsonLinesSink>(folder.file());
  sink.write(samples::header());
  sink.write(point(0));
  REQUIRE(sink.failures() == 0);
  ::close(reader);
  for (int i = 1; i < 4; ++i) {
    sink.write(point(i));
  }
  require_told_once(errors, sink, 3, "Broken pipe");
}

TEST_CASE("standard output and error that are closed pipes end nothing", "[sinks]") {
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  ::close(pipe[0]);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // as of `trainer 2>&1 | head`
    ::dup2(pipe[1], STDOUT_FILENO);
    ::dup2(pipe[1], STDERR_FILENO);
    infoplane::ConsoleSink sink;
    sink.write(samples::header());
    for (int i = 0; i < 3; ++i) {
      sink.write(point(i));
    }
    ::_exit(sink.failures() == 4 ? 7 : 1);
  }
  ::close(pipe[1]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 7);
}

TEST_CASE("signals that others sent, and their handlers, are left alone", "[sinks]") {
  static volatile std::sig_atomic_t taken = 0;
  taken = 0;
  auto* handler = std::signal(SIGPIPE, [](int) { taken = taken + 1; });
  sigset_t pipe, before;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  REQUIRE(std::raise(SIGPIPE) == 0);  // waits
  const samples::Folder folder;
  auto sink = opened<JsonLinesSink>(folder.file());
  sink.write(samples::header());
  sigset_t pending, now;
  sigpending(&pending);
  REQUIRE(sigismember(&pending, SIGPIPE) == 1);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  REQUIRE(taken == 1);
  sink.write(point(0));
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  REQUIRE(sigismember(&now, SIGPIPE) == 0);
  REQUIRE(std::raise(SIGPIPE) == 0);
  REQUIRE(taken == 2);
  std::signal(SIGPIPE, handler);
}

TEST_CASE("a pipe whose reader does not keep up costs lines, not time", "[sinks]") {
  const samples::Folder folder;
  const auto path = folder.file();
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  REQUIRE_THROWS_MATCHES(opened<JsonLinesSink>(path), IoError,
                         MessageMatches(ContainsSubstring("No such device or address; start the pipe's reader first")));
  const auto reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  const CaptureErrors errors;
  auto sink = opened<JsonLinesSink>(path);
  sink.write(samples::header());
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) {
    sink.write(point(i));
  }
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  REQUIRE(passed.count() < 5);
  REQUIRE(sink.failures() > 500);
  require_told_once(errors, sink, sink.failures(), "the pipe is full, because its reader does not keep up");

  std::string text(std::size_t{1} << 20U, ' ');
  const auto got = ::read(reader, text.data(), text.size());
  REQUIRE(got > 0);
  text.resize(static_cast<std::size_t>(got));
  const auto failures = sink.failures();
  sink.write(point(5000));
  REQUIRE(sink.failures() == failures);  // there is room again
  std::string rest(std::size_t{1} << 20U, ' ');
  rest.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(reader, rest.data(), rest.size()))));
  const auto last = rest.substr(rest.rfind('\n', rest.size() - 2) + 1);
  REQUIRE(last.starts_with("{\"step\":5000,"));  // a line of its own behind the torn one
  ::close(reader);
}

TEST_CASE("a folder that may not be written is an error before training starts", "[sinks]") {
  const samples::Folder folder;
  std::filesystem::create_directory(folder.file("locked"));
  std::filesystem::permissions(folder.file("locked"),
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  if (::geteuid() == 0) {
    // Root may write everywhere but in kernel file systems.
    REQUIRE_THROWS_AS(opened<JsonLinesSink>("/proc/self/run.jsonl"), IoError);
    REQUIRE_THROWS_AS(opened<CsvSink>("/proc/self/run.csv"), IoError);
    REQUIRE_THROWS_AS(opened<infoplane::HtmlSink>("/proc/self/run.html"), IoError);
    REQUIRE_THROWS_MATCHES(opened<TensorBoardSink>("/proc/self/tb"), IoError,
                           MessageMatches(ContainsSubstring("cannot make the folder /proc/self/tb")));
    return;
  }
  REQUIRE_THROWS_MATCHES(
      opened<JsonLinesSink>(folder.file("locked/run.jsonl")), IoError,
      MessageMatches(ContainsSubstring("Permission denied; choose a path that this user may write")));
  REQUIRE_THROWS_AS(opened<CsvSink>(folder.file("locked/run.csv")), IoError);
  REQUIRE_THROWS_AS(opened<infoplane::HtmlSink>(folder.file("locked/run.html")), IoError);
  REQUIRE_THROWS_AS(opened<TensorBoardSink>(folder.file("locked/tb")), IoError);
}

TEST_CASE("a folder that goes away while training costs points, and nothing else", "[sinks]") {
  const samples::Folder folder;
  auto sink = opened<TensorBoardSink>(folder.file("tb"));
  sink.write(samples::header());
  std::filesystem::remove_all(folder.file("tb"));
  samples::write(folder.file("tb"), "in the way");
  const CaptureErrors errors;
  sink.write(point(0));
  sink.write(point(1));
  require_told_once(errors, sink, 2, "cannot make the folder");
}

TEST_CASE("SIGKILL at 100 random moments loses the point in flight at most", "[sinks]") {
  const samples::Folder folder;
  std::mt19937 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same moments every time
  std::int64_t next = 0, resumed = 0, points = 0;
  for (int kill = 0; kill < 100; ++kill) {
    if (kill % 10 == 0) {  // a file for ten lives, so that reading it all stays quick
      std::filesystem::remove(folder.file());
      next = 0;
    }
    int progress[2];
    REQUIRE(::pipe(progress) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto sink = opened<JsonLinesSink>(folder.file(), OpenMode::kAppend);
      sink.write(samples::header());
      for (auto step = next;; ++step) {
        sink.write(point(step));
        if (::write(progress[1], &step, sizeof step) != sizeof step) {
          ::_exit(1);
        }
      }
    }
    ::close(progress[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 8000));
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    std::int64_t confirmed = next - 1, step = 0;
    while (::read(progress[0], &step, sizeof step) == sizeof step) {
      confirmed = step;
    }
    ::close(progress[0]);
    if (!std::filesystem::exists(folder.file()) || samples::count(samples::read(folder.file()), "\n") == 0) {
      continue;  // killed before its header
    }
    const auto run = infoplane::read_run_file(folder.file());
    CAPTURE(kill, confirmed, run.points.size());
    const auto last = run.points.empty() ? -1 : run.points.back().step;
    REQUIRE(last >= confirmed);      // what was confirmed is there
    REQUIRE(last <= confirmed + 1);  // and at most the one in flight besides
    REQUIRE(static_cast<std::int64_t>(run.points.size()) == last + 1);
    points += last + 1 - next;
    next = last + 1;
    resumed += run.resumed.empty() ? 0 : 1;
  }
  REQUIRE(points > 50);
  REQUIRE(resumed > 20);
}
