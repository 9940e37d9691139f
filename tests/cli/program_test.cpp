#include <catch2/catch_test_macros.hpp>

#include "cli/support.hpp"

using cli_support::has;
using cli_support::run;

TEST_CASE("each command has a help with an example", "[cli]") {
  const auto all = run({"--help"});
  REQUIRE(all.code == 0);
  REQUIRE(has(all.out, "Exit codes: 0 success; 1 a finding"));
  for (const std::string command : {"report", "compare", "correlate", "watch", "bound"}) {
    CAPTURE(command);
    REQUIRE(has(all.out, command));
    const auto help = run({command, "--help"});
    REQUIRE(help.code == 0);
    REQUIRE(help.err.empty());
    REQUIRE(has(help.out, "Example: infoplane " + command + " "));
  }
}

TEST_CASE("a mistake on the command line ends with 2 and says what to do", "[cli]") {
  struct Row {
    std::vector<std::string> arguments;
    const char* message;
  };
  const std::vector<Row> rows = {
      {{}, "A command is required"},
      {{"draw"}, "draw"},
      {{"report"}, "RUN is required"},
      {{"report", "a", "--figure", "pie"}, "--figure"},
      {{"report", "a", "b", "--figure", "plane"}, "draws one run, not 2"},
      {{"report", "a", "-o", "-", "--json"}, "would mix on the standard output"},
      {{"compare", "a", "--at", "soon"}, "--at"},
      {{"correlate", "a"}, "RUN is required"},
      {{"watch", "a", "--interval", "0"}, "--interval"},
      {{"bound"}, "TEXT is required"},
      {{"bound", "a", "--tokens", "float"}, "--tokens"},
      {{"bound", "a", "--order", "9"}, "--order"},
      {{"bound", "a", "--anchors", "1"}, "--anchors"},
      {{"report", "--check", "a", "--most", "x"}, "--most"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    const auto result = run(row.arguments);
    CAPTURE(result.err);
    REQUIRE(result.code == 2);
    REQUIRE(result.out.empty());
    REQUIRE(has(result.err, "infoplane: "));
    REQUIRE(has(result.err, row.message));
    REQUIRE(has(result.err, "(see --help)"));
  }
}

TEST_CASE("a file that cannot be read ends with 3, named with its line", "[cli]") {
  const samples::Folder folder;
  const auto missing = folder.file("none.jsonl"), broken = folder.file("broken.jsonl");
  samples::write(broken, "{\"schema\":\"infoplane.run\"}\n{}\n");
  for (const std::string command : {"report", "compare"}) {
    auto result = run({command, missing});
    REQUIRE(result.code == 3);
    REQUIRE(result.err == "infoplane: cannot read the run file " + missing + ": No such file or directory\n");
    result = run({command, broken});
    REQUIRE(result.code == 3);
    REQUIRE(has(result.err, broken + ":1: the header has no field \"schema_version\""));
  }
  REQUIRE(run({"report", "--check", missing}).code == 3);
}

TEST_CASE("an output that cannot be written ends with 3", "[cli]") {
  std::ostringstream out, err;
  out.setstate(std::ios::badbit);  // as of a closed pipe
  REQUIRE(infoplane::cli::run({"--version"}, out, err) == 3);
  REQUIRE(err.str() == "infoplane: the output could not be written\n");
}
