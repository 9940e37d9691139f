#include "program.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using examples_test::Outcome;
using examples_test::Program;
using examples_test::TemporaryFolder;

namespace {

Outcome run(const std::vector<std::string>& arguments) { return Program(INFOPLANE_TRAIN_TEXT, arguments).finish(); }

// A small model on a small text, quick to train.
std::vector<std::string> small_run(const std::string& text, std::vector<std::string> more) {
  more.insert(more.end(), {"--text", text, "--width", "16", "--layers", "1", "--batch", "2", "--context", "8"});
  return more;
}

std::string sentences() {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += "the quick brown fox jumps over the lazy dog. ";
  }
  return text;
}

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
  requires_error(run({"--text", "/nowhere/a.txt"}), "train_text: /nowhere/a.txt does not exist");
  requires_error(run({"--text", empty}), "empty.txt is empty");
  requires_error(run({"--text", tiny}), "one row of context 64 needs 65");
  requires_error(run({"--tokens", odd}), "odd.bin has 3 bytes");
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

TEST_CASE("train_text ends its loop on a signal and says so", "[examples][program]") {
  const auto signal = GENERATE(SIGINT, SIGTERM);
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  Program program(INFOPLANE_TRAIN_TEXT, small_run(text, {"--steps", "100000000", "--every", "10"}));
  REQUIRE(program.wait_for("step    10"));
  program.send(signal);
  const auto outcome = program.finish();
  CAPTURE(outcome.out);
  REQUIRE(outcome.exit_code == 128 + signal);
  REQUIRE_THAT(outcome.err, ContainsSubstring("ended by signal " + std::to_string(signal)));
  REQUIRE_THAT(outcome.out, EndsWith("\n"));
}
