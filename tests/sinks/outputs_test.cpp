#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/csv_sink.hpp>
#include <infoplane/sinks/html_sink.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <infoplane/sinks/tensor_board_sink.hpp>
#include <memory>
#include <thread>

#include "core/places.hpp"
#include "needs.hpp"
#include "runs/samples.hpp"
#include "sinks/capture.hpp"
#include "sinks/opened.hpp"

// Where sinks may be told to write, and what happens to what was there: the table of docs/files.md.
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::CsvSink;
using infoplane::HtmlSink;
using infoplane::IoError;
using infoplane::JsonLinesSink;
using infoplane::OpenMode;
using infoplane::TensorBoardSink;
using infoplane::sinks::Sink;
namespace fs = std::filesystem;

namespace {

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Sink>(const std::string&)> make;
  bool grows = false;  // by appending; a page is replaced
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"run file", [](const std::string& path) { return std::make_unique<JsonLinesSink>(opened<JsonLinesSink>(path)); },
       true},
      {"CSV file", [](const std::string& path) { return std::make_unique<CsvSink>(opened<CsvSink>(path)); }, true},
      {"page", [](const std::string& path) { return std::make_unique<HtmlSink>(opened<HtmlSink>(path)); }, false},
  };
  return all;
}

/// Writes a whole run, which must not fail.
void write_run(const Kind& kind, const std::string& path) {
  const auto sink = kind.make(path);
  sink->write(samples::header());
  sink->write(samples::point(0));
  sink->close();
  REQUIRE(sink->first_error().empty());
}

bool holds_run(const std::string& path) {
  const auto text = places::read(path);
  return text.find("tiny-gpt") != std::string::npos;
}

}  // namespace

TEST_CASE("sinks write through links, which stay", "[sinks][files]") {
  for (const auto& kind : kinds()) {
    CAPTURE(kind.name);
    const places::Folder folder;
    fs::create_directory(folder.file("disk"));
    places::write(folder.file("disk/there"), "");
    fs::create_symlink("disk/there", folder.file("link"));
    write_run(kind, folder.file("link"));
    fs::create_symlink("disk/later", folder.file("dangling"));
    write_run(kind, folder.file("dangling"));
    for (const auto* link : {"link", "dangling"}) {
      REQUIRE(fs::is_symlink(folder.file(link)));
    }
    REQUIRE(holds_run(folder.file("disk/there")));
    REQUIRE(holds_run(folder.file("disk/later")));
    fs::create_symlink("round", folder.file("about"));
    fs::create_symlink("about", folder.file("round"));
    REQUIRE_THROWS_MATCHES(
        kind.make(folder.file("round")), IoError,
        MessageMatches(ContainsSubstring(folder.file("round")) && ContainsSubstring("symbolic links")));
    REQUIRE(folder.names() == std::vector<std::string>{"about", "dangling", "disk", "link", "round"});
  }
}

TEST_CASE("sinks write into devices, which stay", "[sinks][files][needs:device_nodes]") {
  const places::Folder folder;
  infoplane::test::needs("device_nodes",
                         places::make_device(folder.file("null")) && places::make_device(folder.file("full"), 7),
                         "no device can be made here: that needs root and a file system that takes them");
  REQUIRE(::mknod(folder.file("block").c_str(), S_IFBLK | 0600, makedev(7, 250)) == 0);
  for (const auto& kind : kinds()) {
    CAPTURE(kind.name);
    write_run(kind, folder.file("null"));
    REQUIRE(S_ISCHR(places::status(folder.file("null")).st_mode));
    REQUIRE_THROWS_MATCHES(kind.make(folder.file("block")), IoError,
                           MessageMatches(ContainsSubstring("it is a block device, whose content would be lost")));
    REQUIRE(S_ISBLK(places::status(folder.file("block")).st_mode));
    const CaptureErrors errors;
    if (kind.grows) {
      const auto sink = kind.make(folder.file("full"));
      sink->write(samples::header());
      sink->write(samples::point(0));
      REQUIRE_THAT(sink->first_error(), ContainsSubstring("No space left on device"));
    } else {
      REQUIRE_THROWS_MATCHES(kind.make(folder.file("full")), IoError,
                             MessageMatches(ContainsSubstring("No space left on device")));
    }
    REQUIRE(S_ISCHR(places::status(folder.file("full")).st_mode));
  }
}

TEST_CASE("sinks never wait for a pipe", "[sinks][files]") {
  for (const auto& kind : kinds()) {
    CAPTURE(kind.name);
    const places::Folder folder;
    const auto path = folder.file("pipe");
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const auto start = std::chrono::steady_clock::now();
    if (kind.grows) {
      REQUIRE_THROWS_MATCHES(kind.make(path), IoError,
                             MessageMatches(ContainsSubstring("start the pipe's reader first")));
      const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
      write_run(kind, path);
      std::string text(100000, ' ');
      const auto got = ::read(reader, text.data(), text.size());
      REQUIRE(got > 0);
      REQUIRE(text.find("tiny-gpt") != std::string::npos);
      ::close(reader);
    } else {
      REQUIRE_THROWS_MATCHES(kind.make(path), IoError,
                             Message(path + " is a pipe, in which no page can take the place of the one before: give "
                                            "the path of a file"));
    }
    REQUIRE(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
    REQUIRE(S_ISFIFO(places::status(path).st_mode));
    REQUIRE(folder.names() == std::vector<std::string>{"pipe"});
  }
}

TEST_CASE("sinks refuse folders and sockets", "[sinks][files]") {
  for (const auto& kind : kinds()) {
    CAPTURE(kind.name);
    const places::Folder folder;
    fs::create_directory(folder.file("folder"));
    REQUIRE(places::make_socket(folder.file("socket")));
    REQUIRE_THROWS_AS(kind.make(folder.file("folder")), IoError);
    REQUIRE_THROWS_MATCHES(
        kind.make(folder.file("socket")), IoError,
        MessageMatches(ContainsSubstring(folder.file("socket")) && ContainsSubstring("it is a socket")));
    REQUIRE(folder.names() == std::vector<std::string>{"folder", "socket"});
  }
}

TEST_CASE("the standard output takes a run where it stands", "[sinks][files]") {
  for (const auto& kind : kinds()) {
    CAPTURE(kind.name);
    const places::Folder folder;
    const auto path = folder.file("log");
    places::write(path, "before\n");
    REQUIRE(places::in_child([&] {
              ::dup2(::open(path.c_str(), O_WRONLY | O_APPEND), STDOUT_FILENO);
              const auto sink = kind.make("/dev/stdout");
              sink->write(samples::header());
              sink->write(samples::point(0));
              sink->close();
              return sink->failures() == 0 && ::write(STDOUT_FILENO, "after\n", 6) == 6 ? 0 : 1;
            }) == 0);
    const auto text = places::read(path);
    REQUIRE(text.starts_with("before\n"));
    REQUIRE(text.ends_with("after\n"));
    REQUIRE(holds_run(path));
  }
}

TEST_CASE("a new name is asked for beside files alone", "[sinks][files]") {
  const places::Folder folder;
  places::write(folder.file("log"), "before\n");
  fs::create_symlink("/dev/stdout", folder.file("out"));
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  REQUIRE(places::in_child([&] {
            ::dup2(::open(folder.file("log").c_str(), O_WRONLY | O_APPEND), STDOUT_FILENO);
            auto sink = opened<JsonLinesSink>(folder.file("out"), OpenMode::kNewName);
            sink.write(samples::header());
            return sink.failures() == 0 && sink.path() == folder.file("out") ? 0 : 1;
          }) == 0);
  REQUIRE(holds_run(folder.file("log")));
  REQUIRE_THROWS_AS(opened<JsonLinesSink>(folder.file("pipe"), OpenMode::kNewName), IoError);
  REQUIRE(folder.names() == std::vector<std::string>{"log", "out", "pipe"});
}

TEST_CASE("sinks leave alone what this user may not write", "[sinks][files]") {
  for (const auto& kind : kinds()) {
    CAPTURE(kind.name);
    const places::Folder folder;
    places::write(folder.file("there"), "");
    fs::permissions(folder.file("there"), fs::perms(0444));
    fs::permissions(folder.file(""), fs::perms(0777));
    const auto denied = [&](const std::string& path) {
      return places::as_plain_user([&] {
        try {
          kind.make(path);
        } catch (const IoError& error) {
          return std::string(error.what()).find("Permission denied") != std::string::npos ? 7 : 8;
        }
        return 0;
      });
    };
    REQUIRE(denied(folder.file("there")) == 7);
    fs::permissions(folder.file(""), fs::perms(0555));
    REQUIRE(denied(folder.file("new")) == 7);
    fs::permissions(folder.file(""), fs::perms(0755));
    REQUIRE(places::status(folder.file("there")).st_size == 0);
    REQUIRE(places::mode(folder.file("there")) == 0444);
    REQUIRE(folder.names() == std::vector<std::string>{"there"});
  }
}

TEST_CASE("a page and a run of one path do not take it from one another", "[sinks][files]") {
  const places::Folder folder;
  const auto path = folder.file("run");
  const CaptureErrors errors;
  for (const auto mode : {OpenMode::kRefuse, OpenMode::kOverwrite, OpenMode::kAppend}) {
    auto lines = opened<JsonLinesSink>(path, mode);
    REQUIRE_THROWS_MATCHES(opened<HtmlSink>(path), IoError,
                           MessageMatches(ContainsSubstring("is there and is no page") ||
                                          ContainsSubstring("it is being written by a sink")));
    lines.write(samples::header());
    lines.write(samples::point(0));
    lines.close();
    REQUIRE(infoplane::read_run_file(path).points.size() == 1);
    if (mode == OpenMode::kOverwrite) {
      fs::remove(path);
    }
  }
  fs::remove(path);
  auto page = opened<HtmlSink>(path);
  REQUIRE_THROWS_AS(opened<JsonLinesSink>(path), IoError);
  REQUIRE_THROWS_AS(opened<JsonLinesSink>(path, OpenMode::kAppend), IoError);
  auto lines = opened<JsonLinesSink>(path, OpenMode::kOverwrite);  // as it says
  lines.write(samples::header());
  page.write(samples::header());
  page.close();
  REQUIRE_THAT(page.first_error(), ContainsSubstring("it is being written by a sink"));
  lines.write(samples::point(0));
  lines.close();
  REQUIRE(infoplane::read_run_file(path).points.size() == 1);
}

TEST_CASE("a page keeps the mode of its file and touches no other", "[sinks][files]") {
  const places::Folder folder;
  const auto path = folder.file("run.html");
  places::write(path + ".part", "mine");
  { const auto first = opened<HtmlSink>(path); }
  fs::permissions(path, fs::perms(0604));
  write_run(kinds().back(), path);
  REQUIRE(holds_run(path));
  REQUIRE(places::mode(path) == 0604);
  REQUIRE(places::read(path + ".part") == "mine");
  REQUIRE(folder.names() == std::vector<std::string>{"run.html", "run.html.part"});
}

TEST_CASE("SIGKILL leaves a whole page", "[sinks][files]") {
  const places::Folder folder;
  const auto path = folder.file("run.html");
  for (int kill = 0; kill < 20; ++kill) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto sink = opened<HtmlSink>(path, infoplane::HtmlSinkOptions().seconds(0));
      sink.write(samples::header());
      for (std::int64_t step = 0;; ++step) {
        sink.write(samples::point(step));
        sink.flush();
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + kill));
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    const auto text = places::read(path);
    REQUIRE(text.starts_with("<!DOCTYPE html>"));
    REQUIRE(text.ends_with("</html>\n"));
  }
}

TEST_CASE("SIGKILL leaves whole records of events, and one that is cut at most", "[sinks][files]") {
  for (int kill = 0; kill < 10; ++kill) {
    const places::Folder folder;
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto sink = opened<TensorBoardSink>(folder.file(""));
      sink.write(samples::header());
      for (std::int64_t step = 0;; ++step) {
        sink.write(samples::point(step));
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + kill));
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    for (const auto& each : fs::recursive_directory_iterator(folder.file(""))) {
      if (!each.is_regular_file()) {
        continue;
      }
      const auto bytes = places::read(each.path().string());
      std::size_t at = 0, records = 0;
      for (std::uint64_t size = 0; at + 12 <= bytes.size(); at += 16 + size, ++records) {  // length, sum, event, sum
        std::memcpy(&size, bytes.data() + at, sizeof size);
        REQUIRE(size < 10000);
      }
      REQUIRE(records > 1);
    }
  }
}

TEST_CASE("event files go into a folder, through a link too, and into nothing else", "[sinks][files]") {
  const places::Folder folder;
  fs::create_directory(folder.file("disk"));
  fs::create_symlink("disk", folder.file("link"));
  for (int start = 0; start < 2; ++start) {  // each start has files of its own
    auto sink = opened<TensorBoardSink>(folder.file("link"));
    sink.write(samples::header());
    sink.write(samples::point(0));
    REQUIRE(sink.failures() == 0);
  }
  const fs::directory_iterator files(folder.file("disk/train"));
  REQUIRE(std::distance(begin(files), end(files)) == 2);
  places::write(folder.file("file"), "mine");
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  REQUIRE(places::make_socket(folder.file("socket")));
  fs::create_symlink("none/at/all", folder.file("dangling"));
  for (const auto* name : {"file", "pipe", "socket", "dangling", "file/below"}) {
    CAPTURE(name);
    REQUIRE_THROWS_MATCHES(opened<TensorBoardSink>(folder.file(name)), IoError,
                           MessageMatches(ContainsSubstring("cannot make the folder " + folder.file(name))));
  }
  if (places::make_device(folder.file("null"))) {
    REQUIRE_THROWS_AS(opened<TensorBoardSink>(folder.file("null")), IoError);
    REQUIRE(S_ISCHR(places::status(folder.file("null")).st_mode));
  }
  REQUIRE(places::read(folder.file("file")) == "mine");
  REQUIRE(S_ISFIFO(places::status(folder.file("pipe")).st_mode));
}
