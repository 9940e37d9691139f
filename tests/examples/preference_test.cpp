#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/runs/run_file.hpp>
#include <string>

#include "program.hpp"
#include "small_run.hpp"

using Catch::Matchers::ContainsSubstring;
using examples_test::Program;

TEST_CASE("the preference example learns to tell completions apart, and its blocks say so", "[examples][preference]") {
  const examples_test::TemporaryFolder folder;
  const auto text = folder.write("a.txt", examples_test::sentences()).string();
  Program program(INFOPLANE_PREFERENCE, {"--text", text, "--steps", "120", "--every", "60"});
  const auto outcome = program.finish();
  CAPTURE(outcome.out, outcome.err);
  REQUIRE(outcome.exit_code == 0);
  REQUIRE(outcome.err.empty());
  REQUIRE_THAT(outcome.out, ContainsSubstring("told apart") && ContainsSubstring("blocks.1"));

  const auto run = infoplane::read_run_file(program.file("preference.jsonl"));
  REQUIRE(run.points.size() == 3);
  const auto& first = run.points.front().mean;
  const auto& last = run.points.back().mean;
  const std::string key = "I(X;Z)/preference";
  REQUIRE(last.at("labels/preference") == 2);
  REQUIRE(run.points.back().loss < run.points.front().loss);
  REQUIRE(last.at(key + "/corrected") > first.at(key + "/corrected") + 3 * last.at(key + "/standard_error"));
  // The embedding alone cannot tell: the rejected completion has the same bytes in another order.
  REQUIRE(last.at(key + "/corrected") > 3 * run.points.back().layer("embedding")->metrics.at(key + "/corrected"));
}

TEST_CASE("the preference example answers a mistake with one sentence", "[examples][preference]") {
  const examples_test::TemporaryFolder folder;
  const auto tiny = folder.write("tiny.txt", "too short").string();
  const auto outcome = Program(INFOPLANE_PREFERENCE, {"--text", tiny}).finish();
  REQUIRE(outcome.exit_code == 2);
  REQUIRE_THAT(outcome.err, ContainsSubstring("a pair needs 64"));
  const auto over = Program(INFOPLANE_PREFERENCE, {"--text", tiny, "--out", tiny}).finish();
  REQUIRE(over.exit_code == 2);
  REQUIRE(over.err == "preference: the run would be written over the text " + tiny + ": give another --out\n");
}
