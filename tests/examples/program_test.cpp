#include "program.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>
#include <infoplane/runs/run_file.hpp>
#include <string>

#include "small_run.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using examples_test::Outcome;
using examples_test::Program;
using examples_test::sentences;
using examples_test::small_run;
using examples_test::TemporaryFolder;

namespace {

Outcome run(const std::vector<std::string>& arguments) { return Program(INFOPLANE_TRAIN_TEXT, arguments).finish(); }

void requires_error(const Outcome& outcome, const std::string& sentence) {
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 2);
  REQUIRE(outcome.out.empty());
  REQUIRE_THAT(outcome.err, ContainsSubstring(sentence) && EndsWith("\n"));
  REQUIRE(outcome.err.find('\n') == outcome.err.size() - 1);
}

}  // namespace

TEST_CASE("train_text --help ends with 0 and writes to the standard output", "[examples][program]") {
  const auto outcome = run({"--help"});
  REQUIRE(outcome.exit_code == 0);
  REQUIRE(outcome.err.empty());
  REQUIRE_THAT(outcome.out, ContainsSubstring("--tokens"));
}

TEST_CASE("train_text answers a mistake with 2 and one sentence", "[examples][program]") {
  const TemporaryFolder folder;
  const auto empty = folder.write("empty.txt", "").string();
  const auto tiny = folder.write("tiny.txt", "too short for a row").string();
  const auto odd = folder.write("odd.bin", "123").string();
  requires_error(run({"--steps", "0"}), "train_text: --steps");
  requires_error(run(small_run(folder.write("a.txt", sentences()).string(), {"--device", "cuda:99"})),
                 "train_text: --device cuda:99: LibTorch finds ");
  requires_error(run({"--text", "/nowhere/a.txt"}), "train_text: /nowhere/a.txt does not exist");
  requires_error(run({"--text", empty}), "empty.txt is empty");
  requires_error(run({"--text", tiny}), "one row of context 64 needs 65");
  requires_error(run({"--tokens", odd}), "odd.bin has 3 bytes");
  requires_error(run({"--text", folder.path().string()}), "is a folder, not a file");
  requires_error(run({"--tokens", "/nowhere/a.bin"}), "train_text: /nowhere/a.bin does not exist");
  requires_error(run({"--tokens", empty}), "empty.txt is empty");
  requires_error(run({"--tokens", folder.path().string()}), "is a folder, not a file");
}

TEST_CASE("train_text answers a run file that cannot be written with 2 before it trains", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  requires_error(run(small_run(text, {"--out", "missing/run.jsonl"})), "missing/run.jsonl");
  requires_error(run(small_run(text, {"--out", folder.path().string()})), folder.path().string());
}

TEST_CASE("train_text writes neither its run nor its page over the text", "[examples][program][files]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.html", sentences()).string();
  const auto link = (folder.path() / "link.jsonl").string();
  std::filesystem::create_symlink(text, link);
  for (const auto& out :
       {text, link, (folder.path() / "." / "a.html").string(), (folder.path() / "a.jsonl").string()}) {
    CAPTURE(out);
    requires_error(run(small_run(text, {"--out", out})), " would be written over " + text + ": give another --out");
    requires_error(run(small_run(text, {"--out", out}, "--tokens")),
                   " would be written over " + text + ": give another --out");
    std::ifstream file(text, std::ios::binary);
    REQUIRE(std::string(std::istreambuf_iterator<char>(file), {}) == sentences());
  }
}

TEST_CASE("train_text trains, measures at both ends and can be quiet", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  const auto outcome = run(small_run(text, {"--steps", "20", "--every", "10"}));
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  for (const char* step : {"step     0", "step    10", "step    20"}) {
    REQUIRE_THAT(outcome.out, ContainsSubstring(step));
  }
  REQUIRE(run(small_run(text, {"--steps", "3", "--quiet"})).out.empty());
}

TEST_CASE("train_text ends its loop on a signal, says so and leaves a whole run file", "[examples][program]") {
  const auto signal = GENERATE(SIGINT, SIGTERM);
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  Program program(INFOPLANE_TRAIN_TEXT, small_run(text, {"--steps", "100000000", "--every", "10"}));
  REQUIRE(program.wait_for("step    10"));
  program.send(signal);
  const auto outcome = program.finish();
  CAPTURE(outcome.out);
  REQUIRE(outcome.exit_code == 128 + signal);
  REQUIRE_THAT(outcome.out, EndsWith("\n"));

  const auto run_file = infoplane::read_run_file(program.file("run.jsonl"));
  REQUIRE_FALSE(run_file.cut);
  REQUIRE(run_file.header.run == "train_text");
  REQUIRE(run_file.resumed.empty());
  const auto train = run_file.split("train");
  const auto heldout = run_file.split("heldout");
  REQUIRE(train.size() >= 2);
  REQUIRE(train.size() == heldout.size());
  for (std::size_t i = 0; i < train.size(); ++i) {
    REQUIRE(train[i].step == static_cast<std::int64_t>(10 * i));
    REQUIRE(heldout[i].step == train[i].step);
  }
  // The sentence is all that stderr holds: no sink complained.
  REQUIRE(outcome.err == "train_text: ended by signal " + std::to_string(signal) +
                             "; run.jsonl is complete up to step " + std::to_string(train.back().step) + "\n");
}

TEST_CASE("a killed train_text leaves the points that it had written", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  Program program(INFOPLANE_TRAIN_TEXT, small_run(text, {"--steps", "100000000", "--every", "10"}));
  REQUIRE(program.wait_for("step    20"));
  program.send(SIGKILL);
  REQUIRE(program.finish().exit_code == -1);
  const auto run_file = infoplane::read_run_file(program.file("run.jsonl"));
  REQUIRE_FALSE(run_file.cut);
  REQUIRE(run_file.header.run == "train_text");
  REQUIRE(run_file.split("train").size() >= 3);
}
