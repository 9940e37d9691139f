#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <infoplane/runs/run_follower.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/support.hpp"
#include "report/markup.hpp"

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

TEST_CASE("watch waits for the writer of a pipe, and says so", "[cli]") {
  const samples::Folder folder;
  const auto path = folder.file("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  auto result = run({"watch", path, "--seconds", "0.05", "--interval", "0.01"});  // nobody writes
  REQUIRE(result.code == 0);
  REQUIRE(result.out == "waiting for " + path + " …\n");
  result = run({"watch", path, "--seconds", "0.05", "--interval", "0.01", "--json"});
  REQUIRE(result.out.empty());
  REQUIRE(result.err == "infoplane: waiting for " + path + " …\n");
  result = run({"watch", path, "--once"});
  REQUIRE(result.code == 3);
  const auto text = samples::read(write_run(folder, "a"));
  std::thread trainer([&] { samples::write(path, text); });
  result = run({"watch", path, "--interval", "0.01", "--seconds", "1", "--json"});
  trainer.join();
  REQUIRE(result.code == 0);
  REQUIRE(samples::count(result.out, "\n") == 42);
}

TEST_CASE("Ctrl-C ends a watch within its interval", "[cli]") {
  const samples::Folder folder;
  const auto path = folder.file("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const auto handler = [] {
    struct sigaction action {};
    ::sigaction(SIGINT, nullptr, &action);
    return action.sa_handler;
  };
  const auto before = handler();
  for (const auto& run_file : {path, write_run(folder, "a"), folder.file("none")}) {
    CAPTURE(run_file);
    const auto start = std::chrono::steady_clock::now();
    std::thread user([] {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      ::kill(::getpid(), SIGINT);
    });
    const auto result = run({"watch", run_file, "--interval", "3600"});
    user.join();
    REQUIRE(result.code == 0);
    REQUIRE(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
  }
  REQUIRE(handler() == before);
}

TEST_CASE("watch tells at once what cannot hold a run", "[cli]") {
  const samples::Folder folder;
  const auto result = run({"watch", folder.file("."), "--seconds", "60"});
  REQUIRE(result.code == 3);
  REQUIRE(result.err == "infoplane: cannot read the run file " + folder.file(".") + ": Is a directory\n");
}

TEST_CASE("watch prints a point once, also where a resumed run measures it again", "[cli]") {
  const samples::Folder folder;
  const auto text = samples::read(write_run(folder, "a"));
  samples::write(folder.file("resumed"), text + text);
  const auto result = run({"watch", folder.file("resumed"), "--once", "--json"});
  REQUIRE(samples::count(result.out, "\n") == 84);
  REQUIRE(samples::count(result.out, "\"layers\":[]") == 0);
}
