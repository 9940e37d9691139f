#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <chrono>
#include <fstream>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_check.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/runs/run_follower.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <thread>

#include "runs/peak_memory.hpp"
#include "runs/texts.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::Message;
using infoplane::IoError;
using infoplane::read_run_file;
using infoplane::runs::check_run_file;
using infoplane::runs::RunFollower;
using samples::header_line;
using samples::point_line;

namespace {

std::string fifo(const samples::Folder& folder, const std::string& name = "pipe") {
  const auto path = folder.file(name);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  return path;
}

/// Each way to read a run at once.
void read(const std::string& path, int way) {
  if (way == 0) {
    read_run_file(path);
  } else if (way == 1) {
    check_run_file(path);
  } else {
    RunFollower follower(path);
    do {
      follower.poll();
    } while (follower.behind());
  }
}

}  // namespace

TEST_CASE("a line without an end is refused before it takes the memory", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  for (const bool headed : {false, true}) {
    const auto start = headed ? header_line() + "\n" : std::string();
    samples::write(path, start);
    REQUIRE(::truncate(path.c_str(), off_t{4} << 30U) == 0);  // a hole of NUL bytes
    for (int way = 0; way < 3; ++way) {
      CAPTURE(headed, way);
      const samples::PeakMemory memory;
      REQUIRE_THROWS_MATCHES(read(path, way), IoError,
                             Message(path + (headed ? ":2" : ":1") +
                                     ": the line is longer than 268435456 bytes, which is the most that is "
                                     "read"));
      CHECK(memory.megabytes() < 600 * samples::kSanitizer);
    }
  }
}

TEST_CASE("a follower holds no more than a line of a file that grows", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  std::ofstream file(path, std::ios::binary);
  file << header_line() << '\n' << point_line(0) << '\n' << std::flush;
  RunFollower follower(path);
  REQUIRE(follower.poll());
  const std::string piece(std::size_t{64} << 20U, ' ');
  const samples::PeakMemory memory;
  for (int i = 0; i < 4; ++i) {
    file << piece << std::flush;
    REQUIRE_FALSE(follower.poll());
  }
  file << "{" << std::flush;
  REQUIRE_THROWS_AS(follower.poll(), IoError);
  CHECK(memory.megabytes() < 700 * samples::kSanitizer);
}

TEST_CASE("a large file is taken in pieces, none of its points twice", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  const auto padding = std::string("\"padding\":\"") + std::string(1000000, 'x') + "\",\"loss\"";
  std::string text = header_line() + "\n";
  for (int i = 0; i < 40; ++i) {
    text += samples::with(point_line(i), "\"loss\"", padding) + "\n";
  }
  samples::write(path, text);
  std::vector<std::int64_t> steps;
  RunFollower follower(path, infoplane::RunFileOptions().max_layer_points(4),
                       [&](const infoplane::plane::Point& point) {
                         REQUIRE(point.layers.size() == 2);
                         steps.push_back(point.step);
                       });
  int polls = 0;
  do {
    ++polls;
    REQUIRE(follower.poll());
    REQUIRE_FALSE(follower.run().points.back().layers.empty());
  } while (follower.behind());
  REQUIRE(polls == 3);
  REQUIRE(steps.size() == 40);
  REQUIRE(follower.run().points.size() == 40);
  REQUIRE_FALSE(follower.poll());
}

TEST_CASE("what cannot hold a run is told at once, and not waited for", "[runs]") {
  const samples::Folder folder;
  const auto said = [](const std::string& path, const std::string& what) {
    return Message("cannot read the run file " + path + ": " + what);
  };
  const auto socket = folder.file("socket");
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  for (int way = 0; way < 3; ++way) {
    CAPTURE(way);
    REQUIRE_THROWS_MATCHES(read(folder.file("."), way), IoError, said(folder.file("."), "Is a directory"));
    REQUIRE_THROWS_MATCHES(read(socket, way), IoError, said(socket, "it is a socket"));
    samples::write(folder.file("file"), "");
    REQUIRE_THROWS_MATCHES(read(folder.file("file/run.jsonl"), way), IoError,
                           said(folder.file("file/run.jsonl"), "Not a directory"));
  }
  ::close(descriptor);
  REQUIRE_THROWS_MATCHES(read_run_file("/dev/null"), IoError,
                         Message("/dev/null:1: the file holds no whole line, so it is no run yet"));
  REQUIRE(check_run_file("/dev/null").at(0).text == "the file holds no header, so it is no run");
  RunFollower follower("/dev/null");
  REQUIRE_FALSE(follower.poll());
  REQUIRE_FALSE(follower.started());
  REQUIRE_THROWS_AS(read_run_file("/dev/zero"), IoError);
}

TEST_CASE("a run comes through a pipe", "[runs]") {
  const samples::Folder folder;
  const auto path = fifo(folder);
  const auto text = header_line() + std::string("\n") + point_line(0) + std::string("\n") +
                    point_line(50);  // whole without its line feed
  for (int way = 0; way < 2; ++way) {
    std::thread writer([&] {
      std::ofstream out(path, std::ios::binary);
      for (std::size_t at = 0; at < text.size(); at += 100) {
        out << text.substr(at, 100) << std::flush;
      }
    });
    if (way == 0) {
      REQUIRE(read_run_file(path).points.size() == 2);
    } else {
      REQUIRE(check_run_file(path).empty());
    }
    writer.join();
  }
}

TEST_CASE("a follower waits for the writer of a pipe, and for the next one", "[runs]") {
  const samples::Folder folder;
  const auto path = fifo(folder);
  RunFollower follower(path);
  REQUIRE_FALSE(follower.poll());  // nobody writes
  REQUIRE_FALSE(follower.started());
  {
    std::ofstream out(path, std::ios::binary);
    REQUIRE_FALSE(follower.poll());  // a writer that has written nothing
    out << header_line() << '\n' << point_line(0) << '\n' << point_line(50).substr(0, 30) << std::flush;
    REQUIRE(follower.poll());
    REQUIRE(follower.run().points.size() == 1);
    out << point_line(50).substr(30) << '\n' << point_line(100) << std::flush;
    REQUIRE(follower.poll());
    REQUIRE(follower.run().points.size() == 2);
  }
  REQUIRE(follower.poll());  // the last line had no line feed
  REQUIRE(follower.run().points.size() == 3);
  {
    std::ofstream out(path, std::ios::binary);
    out << "{\"step\":150,\"str";  // dies within a line
  }
  REQUIRE_FALSE(follower.poll());
  {
    auto sink = opened<infoplane::JsonLinesSink>(path);
    sink.write(samples::header());
    sink.write(samples::point(100, "train", 0.5));
    REQUIRE(follower.poll());
    REQUIRE(sink.failures() == 0);
  }
  REQUIRE(follower.run().resumed.size() == 1);
  REQUIRE(follower.run().points.size() == 3);
  REQUIRE(follower.restarts() == 0);
}

TEST_CASE("a follower goes from a pipe to what takes its name", "[runs]") {
  const samples::Folder folder;
  const auto path = fifo(folder);
  RunFollower follower(path);
  {
    std::thread writer([&] {
      std::ofstream(path, std::ios::binary) << header_line() << '\n' << point_line(0) << '\n';
    });
    while (!follower.poll()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    writer.join();
  }
  follower.poll();
  REQUIRE(::unlink(path.c_str()) == 0);
  REQUIRE_FALSE(follower.poll());
  REQUIRE(follower.run().points.size() == 1);  // what was there stays until something else is
  samples::write(path, header_line() + std::string("\n") + point_line(0) + std::string("\n") + point_line(50) + "\n");
  REQUIRE(follower.poll());
  REQUIRE(follower.run().points.size() == 2);
  REQUIRE(follower.restarts() == 1);
}

TEST_CASE("a follower that met a broken line begins anew", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  const auto good = header_line() + std::string("\n") + point_line(0) + "\n";
  samples::write(path, good + "garbage\n");
  RunFollower follower(path);
  REQUIRE_THROWS_AS(follower.poll(), IoError);
  REQUIRE_THROWS_AS(follower.poll(), IoError);
  samples::write(path, good + point_line(50) + "\n");
  REQUIRE(follower.poll());
  REQUIRE(follower.run().points.size() == 2);
}
