#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <filesystem>
#include <infoplane/sinks/run_follower.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/support.hpp"
#include "sinks/markup.hpp"

using cli_support::has;
using cli_support::run;
using cli_support::write_run;

TEST_CASE("watch shows a run's way over the plane and its last point", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  const auto result = run({"watch", path, "--once", "--rows", "5"});
  REQUIRE(result.code == 0);
  REQUIRE(result.out.starts_with("a (" + path + ")\n"));
  REQUIRE(has(result.out, "blocks.0"));
  REQUIRE(has(result.out, "Furthest beyond the bound: step 1000 (by plug-in values)\n"));  // optimality 1.5
  const auto lines = run({"watch", path, "--once", "--json"}).out;
  REQUIRE(samples::count(lines, "\n") == 42);
  REQUIRE(nlohmann::json::parse(lines.substr(0, lines.find('\n')))["step"] == 0);
}

TEST_CASE("watch and compare show the same value", "[cli]") {
  const samples::Folder folder;
  auto made = samples::made_run();
  for (auto& point : made.file.points) {
    const auto t = static_cast<double>(point.step) / 1000;
    point.mean["distance/unigram"] = 0.43 + 0.01 * t;
    point.mean["distance/unigram/corrected"] = 0.9 - 0.1285 * t;
  }
  const auto path = write_run(folder, "small", made);
  const auto watched = run({"watch", path, "--once", "--rows", "2"}).out, compared = run({"compare", path}).out;
  for (const auto& printed : {watched, compared}) {
    REQUIRE(has(printed, "0.7715"));
    REQUIRE_FALSE(has(printed, "0.43"));
    REQUIRE_FALSE(has(printed, "distance (plug-in)"));
  }
  REQUIRE(has(watched, "complexity (plug-in)"));  // of that the file has no other
  REQUIRE(has(watched, "Nearest to the bound: step 1000\n"));
  REQUIRE(has(compared, "complexity (plug-in)"));
  REQUIRE(has(compared, "distance/unigram/corrected on heldout"));
}

TEST_CASE("watch waits for a run that is not there yet", "[cli]") {
  const samples::Folder folder;
  const auto once = run({"watch", folder.file("none"), "--once"});
  REQUIRE(once.code == 3);
  REQUIRE(has(once.err, "the file is not there, or holds no header yet"));
  const auto path = folder.file("late.jsonl");
  std::thread trainer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto text = samples::read(write_run(folder, "b"));
    samples::write(path, text);
  });
  const auto result = run({"watch", path, "--interval", "0.01", "--seconds", "1", "--json"});
  trainer.join();
  REQUIRE(result.code == 0);
  REQUIRE(samples::count(result.out, "\n") == 42);
}
