#include <sys/file.h>
#include <torch/nn/modules/linear.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <chrono>
#include <csignal>
#include <infoplane/callbacks/best_checkpoint.hpp>
#include <infoplane/core/error.hpp>
#include <random>
#include <thread>

#include "core/places.hpp"

// Where a checkpoint may be told to go, and what happens to what was there: the table of docs/files.md.
using Catch::Matchers::Message;
using infoplane::BestCheckpoint;
using infoplane::EarlyStopping;
using infoplane::IoError;
namespace fs = std::filesystem;

namespace {

using Names = std::vector<std::string>;

EarlyStopping improved(std::int64_t step) {
  EarlyStopping stopping(infoplane::EarlyStoppingOptions().monitor("loss").min_delta(0));
  stopping.update(step, {{"loss", 2}});
  return stopping;
}

void save(const std::string& path, std::int64_t step = 10) {
  torch::nn::Linear model(4, 3);
  REQUIRE(BestCheckpoint(path, model).update(improved(step)));
}

std::int64_t restored(const std::string& path) {
  torch::nn::Linear model(4, 3);
  return BestCheckpoint(path, model).restore();
}

void refused(const std::string& path, const std::string& reason) {
  torch::nn::Linear model(4, 3);
  BestCheckpoint checkpoint(path, model);
  REQUIRE_THROWS_MATCHES(checkpoint.update(improved(10)), IoError,
                         Message("the checkpoint " + path + " of step 10 cannot be written: " + reason));
}

}  // namespace

TEST_CASE("a checkpoint keeps the mode of the file and touches no other", "[callbacks][files]") {
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  places::write(path + ".part", "mine");
  save(path, 10);
  fs::permissions(path, fs::perms(0640));
  save(path, 20);
  REQUIRE(restored(path) == 20);
  REQUIRE(places::mode(path) == 0640);
  REQUIRE(places::read(path + ".part") == "mine");
  REQUIRE(folder.names() == Names{"best.pt", "best.pt.part"});
}

TEST_CASE("a checkpoint goes through links, which stay", "[callbacks][files]") {
  const places::Folder folder;
  fs::create_directory(folder.file("disk"));
  save(folder.file("disk/a.pt"), 10);
  fs::create_symlink("disk/a.pt", folder.file("best.pt"));
  save(folder.file("best.pt"), 20);
  REQUIRE(fs::is_symlink(folder.file("best.pt")));
  REQUIRE(restored(folder.file("disk/a.pt")) == 20);
  fs::create_symlink("disk/b.pt", folder.file("dangling.pt"));
  save(folder.file("dangling.pt"), 30);
  REQUIRE(restored(folder.file("disk/b.pt")) == 30);
  fs::create_hard_link(folder.file("disk/a.pt"), folder.file("hard.pt"));
  save(folder.file("disk/a.pt"), 40);
  REQUIRE(restored(folder.file("hard.pt")) == 20);
}

TEST_CASE("a checkpoint never takes the place of what is no file", "[callbacks][files]") {
  const places::Folder folder;
  fs::create_directory(folder.file("folder"));
  refused(folder.file("folder"), "it is a folder");
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  refused(folder.file("pipe"), "it is a pipe that nobody reads: start its reader first");
  if (places::make_device(folder.file("null"))) {
    save(folder.file("null"));
    REQUIRE(S_ISCHR(places::status(folder.file("null")).st_mode));
    REQUIRE(places::make_device(folder.file("full"), 7));
    refused(folder.file("full"), "No space left on device");
    REQUIRE(S_ISCHR(places::status(folder.file("full")).st_mode));
  } else {
    WARN("no device can be made here, so none was written to");
  }
}

TEST_CASE("a checkpoint takes the place of no run, and of nothing that a sink writes", "[callbacks][files]") {
  const places::Folder folder;
  const auto run = folder.file("run.jsonl"), table = folder.file("run.csv");
  const std::string header = R"({"schema":"infoplane.run","schema_version":1})";
  places::write(run, header);
  refused(run, "it is a run file, which would be lost: give another path, or remove it");
  REQUIRE(places::read(run) == header);
  places::write(table, "");
  const int sink = ::open(table.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(::flock(sink, LOCK_EX) == 0);
  refused(table, "it is being written by a sink, in this process or in another: give another path");
  ::close(sink);
  REQUIRE(places::read(table).empty());
}

TEST_CASE("a full disk and a read-only folder leave the checkpoint as it was", "[callbacks][files]") {
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  save(path, 10);
  {
    const places::SmallDisk small(3000);
    refused(path, "File too large");
  }
  REQUIRE(restored(path) == 10);
  REQUIRE(folder.names() == Names{"best.pt"});
  fs::permissions(folder.file(""), fs::perms(0555));
  REQUIRE(places::as_plain_user([&] {
            torch::nn::Linear model(4, 3);
            try {
              BestCheckpoint(path, model).update(improved(20));
            } catch (const IoError&) {
              return 7;
            }
            return 0;
          }) == 7);
  fs::permissions(folder.file(""), fs::perms(0755));
  REQUIRE(restored(path) == 10);
  refused("/nowhere/best.pt", "No such file or directory");
}

TEST_CASE("SIGKILL leaves a whole checkpoint", "[callbacks][files]") {
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  save(path, 1);
  std::mt19937 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same moments every time
  for (int kill = 0; kill < 10; ++kill) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      torch::nn::Linear model(4, 3);
      for (std::int64_t step = 2;; ++step) {
        BestCheckpoint(path, model).update(improved(step));
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(2000 + random() % 20000));
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    REQUIRE(restored(path) >= 1);
  }
}
