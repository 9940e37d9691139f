#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <infoplane/runs/run_file.hpp>
#include <string>
#include <vector>

#include "program.hpp"
#include "small_run.hpp"

using Catch::Matchers::ContainsSubstring;
using examples_test::Program;

TEST_CASE("the TorchScript example makes, trains and keeps a module, and trains it again from its file",
          "[examples][torchscript]") {
  const examples_test::TemporaryFolder folder;
  const auto text = folder.write("a.txt", examples_test::sentences()).string();
  const auto model = (folder.path() / "model.pt").string();
  const std::vector<std::string> arguments = {"--text", text, "--model", model, "--steps", "30", "--every", "10"};
  Program program(INFOPLANE_TORCHSCRIPT, arguments);
  const auto outcome = program.finish();
  CAPTURE(outcome.out, outcome.err);
  REQUIRE(outcome.exit_code == 0);
  REQUIRE(outcome.err.empty());
  REQUIRE_THAT(outcome.out, ContainsSubstring("made " + model) && ContainsSubstring("blocks.1.ln1.weight"));

  const auto run = infoplane::read_run_file(program.file("torchscript.jsonl"));
  REQUIRE(run.points.size() == 4);
  REQUIRE(run.points.back().layers.size() == 4);
  REQUIRE(run.points.back().layer("blocks.2") != nullptr);
  REQUIRE(run.points.back().loss < run.points.front().loss);
  REQUIRE(std::filesystem::exists(program.file("best.pt")));

  Program again(INFOPLANE_TORCHSCRIPT, arguments);
  const auto second = again.finish();
  CAPTURE(second.out, second.err);
  REQUIRE(second.exit_code == 0);
  REQUIRE_THAT(second.out, !ContainsSubstring("made"));
  const auto resumed = infoplane::read_run_file(again.file("torchscript.jsonl"));
  REQUIRE(resumed.points.front().loss < run.points.front().loss);
}

TEST_CASE("the TorchScript example answers a mistake with one sentence", "[examples][torchscript]") {
  const examples_test::TemporaryFolder folder;
  const auto tiny = folder.write("tiny.txt", "too short").string();
  const auto outcome = Program(INFOPLANE_TORCHSCRIPT, {"--text", tiny}).finish();
  REQUIRE(outcome.exit_code == 2);
  REQUIRE_THAT(outcome.err, ContainsSubstring("torchscript: "));
}
