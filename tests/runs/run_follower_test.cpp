#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <filesystem>
#include <fstream>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_follower.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>

#include "report/made_run.hpp"
#include "sinks/opened.hpp"

using infoplane::JsonLinesSink;
using infoplane::OpenMode;
using infoplane::runs::RunFollower;
using samples::point;

namespace {

infoplane::runs::RunHeader header_of(const std::string& name) {
  auto header = samples::header();
  header.run = name;
  return header;
}

std::string run_of(const std::string& name, int points) {
  const samples::Folder folder;
  auto sink = opened<JsonLinesSink>(folder.file());
  sink.write(header_of(name));
  for (int i = 0; i < points; ++i) {
    sink.write(point(50L * i));
  }
  return samples::read(folder.file());
}

}  // namespace

TEST_CASE("a follower sees each point as it is written, byte by byte too", "[runs]") {
  const samples::Folder folder;
  RunFollower follower(folder.file());
  REQUIRE_FALSE(follower.poll());
  REQUIRE_FALSE(follower.started());
  const auto text = run_of("a", 3);
  std::ofstream file(folder.file(), std::ios::binary);
  std::size_t changes = 0;
  for (const auto byte : text) {
    file << byte << std::flush;
    changes += follower.poll() ? 1 : 0;
  }
  REQUIRE(changes == 4);
  REQUIRE(follower.run().points.size() == 3);
  REQUIRE(follower.restarts() == 0);
  REQUIRE_FALSE(follower.poll());
}

TEST_CASE("a follower begins anew where the file was cut, replaced or rotated", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  samples::write(path, run_of("a", 3));
  RunFollower follower(path);
  REQUIRE(follower.poll());

  samples::write(path, run_of("b", 1));  // cut and written anew, shorter
  REQUIRE(follower.poll());
  REQUIRE(follower.run().header.run == "b");
  REQUIRE(follower.run().points.size() == 1);

  samples::write(path, run_of("c", 9));  // cut and written anew between two looks, longer
  REQUIRE(follower.poll());
  REQUIRE(follower.run().header.run == "c");
  REQUIRE(follower.run().points.size() == 9);

  std::filesystem::rename(path, folder.file("old"));
  REQUIRE_FALSE(follower.poll());
  REQUIRE(follower.run().points.size() == 9);
  samples::write(path, run_of("d", 2));
  REQUIRE(follower.poll());
  REQUIRE(follower.run().header.run == "d");
  REQUIRE(follower.restarts() == 3);
}

TEST_CASE("a follower goes with a run that is resumed behind a cut line", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  auto text = run_of("a", 3);
  samples::write(path, text.substr(0, text.size() - 20));
  RunFollower follower(path);
  REQUIRE(follower.poll());
  REQUIRE(follower.run().points.size() == 2);
  {
    auto sink = opened<JsonLinesSink>(path, OpenMode::kAppend);
    sink.write(header_of("a"));
    sink.write(point(50));
    sink.write(point(100));
  }
  REQUIRE(follower.poll());
  REQUIRE(follower.run().points.size() == 3);
  REQUIRE(follower.run().resumed.size() == 1);
}

TEST_CASE("a broken line is an error of the follower too", "[runs]") {
  const samples::Folder folder;
  samples::write(folder.file(), run_of("a", 1) + "garbage\n");
  RunFollower follower(folder.file());
  REQUIRE_THROWS_AS(follower.poll(), infoplane::IoError);
}
