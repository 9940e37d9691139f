#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <regex>
#include <string>

#include "program.hpp"
#include "small_run.hpp"

using examples_test::Outcome;
using examples_test::Program;
using examples_test::sentences;
using examples_test::TemporaryFolder;

namespace {

/// The number behind `name` in the last part of the output.
double change(const std::string& out, const std::string& name) {
  const auto part = out.substr(out.find("Change by the pressure"));
  std::smatch found;
  REQUIRE(std::regex_search(part, found, std::regex(name + " +([-+][0-9.]+)")));
  return std::stod(found[1]);
}

}  // namespace

TEST_CASE("compression_pressure lowers the complexity of the blocks", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  const Outcome outcome = Program(INFOPLANE_COMPRESSION_PRESSURE, {"--text", text, "--steps", "40", "--beta", "1",
                                                                   "--batch", "8", "--context", "32", "--threads", "1"})
                              .finish();
  CAPTURE(outcome.out, outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  CHECK(change(outcome.out, "complexity") < -0.01);
  CHECK(std::isfinite(change(outcome.out, "held-out loss")));
}

TEST_CASE("compression_pressure without pressure trains the same model twice", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  const Outcome outcome = Program(INFOPLANE_COMPRESSION_PRESSURE, {"--text", text, "--steps", "4", "--beta", "0",
                                                                   "--batch", "4", "--context", "32", "--threads", "1"})
                              .finish();
  CAPTURE(outcome.out, outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(change(outcome.out, "complexity") == 0);
  CHECK(change(outcome.out, "held-out loss") == 0);
}

TEST_CASE("compression_pressure answers a missing text with 1 and one sentence", "[examples][program]") {
  const Outcome outcome = Program(INFOPLANE_COMPRESSION_PRESSURE, {"--text", "/nowhere/a.txt"}).finish();
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err == "compression_pressure: /nowhere/a.txt does not exist\n");
}
