#include "cli/score_table.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <sstream>

#include "cli/support.hpp"

using Catch::Matchers::EndsWith;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using cli_support::has;
using cli_support::run;
using infoplane::IoError;
using infoplane::cli::read_scores;
using infoplane::cli::rows_of;
using infoplane::cli::ScoreTable;

namespace {

ScoreTable table_of(const std::string& text) {
  const samples::Folder folder;
  samples::write(folder.file("s"), text);
  return read_scores(folder.file("s"));
}

}  // namespace

TEST_CASE("a broken table of scores is an error with file and line", "[cli]") {
  const samples::Folder folder;
  const auto path = folder.file("s");
  struct Row {
    const char* text;
    const char* message;
  };
  const std::vector<Row> rows = {
      {"", ":1: a table of scores starts with a line of names: run,score,…"},
      {"run\na\n", ":1: a table of scores starts with a line of names"},
      {"run,x\na,1\nb\n", ":3: 1 cells, but 2 names in the first line"},
      {"run,x\na,high\n", ":2: \"high\" in the column x is no finite number"},
      {"run,x\n\"a\nb\",1\nc,\"2\n", ":4: a quote is never closed"},
      {"run,x\n\"a\"b,1\n", ":2: text behind a closing quote"},
      {"{\"a\": ", ": not JSON: column 7: "},
      {"{\"a\": \"high\"}", ": the score of \"a\" is string instead of a number"},
      {"{\"a\": {\"x\": []}}", ": \"x\" of \"a\" is array instead of a number"},
      {"[1]", ": an entry of the array is no object with a text \"run\""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    samples::write(path, row.text);
    const auto result = run({"correlate", path, path});
    CAPTURE(result.err);
    REQUIRE(result.code == 3);
    REQUIRE(has(result.err, path + row.message));
  }
  REQUIRE(has(run({"correlate", folder.file("none"), path}).err, "No such file or directory"));
}

TEST_CASE("a table of scores is read in linear time and to a limit", "[cli]") {
  constexpr int kMany = 100'000;
  std::ostringstream names, values, json, runs;
  names << "run";
  values << "a";
  json << "{\"a\": {";
  runs << "run,x\n";
  for (int i = 0; i < kMany; ++i) {
    names << ",s" << i;
    values << ",1";
    json << (i > 0 ? ", \"s" : "\"s") << i << "\": 1";
    runs << 'r' << i << ",1\n";
  }
  REQUIRE(table_of(names.str() + '\n' + values.str() + '\n').scores.size() == kMany);
  REQUIRE(table_of(json.str() + "}}").scores.size() == kMany);
  const auto table = table_of(runs.str());
  REQUIRE_THROWS_MATCHES(rows_of(table, {"z.jsonl"}, {"z"}), IoError, MessageMatches(EndsWith(" and 99936 more")));
  REQUIRE_THROWS_MATCHES(read_scores("/dev/zero"), IoError,
                         Message("the scores /dev/zero have more than 67108864 bytes, more than is read"));
}

TEST_CASE("a run or a score that a table names twice is an error with both lines", "[cli]") {
  const samples::Folder folder;
  const auto path = folder.file("s");
  struct Row {
    const char* text;
    const char* message;
  };
  const std::vector<Row> rows = {
      {"run,x\na,1\nb,2\na,3\n", ":4: the run \"a\" is there a second time, after line 2: give each run one line"},
      {"run,x\r\n\"a\",1\r\na,1\r\n", ":3: the run \"a\" is there a second time, after line 2"},
      {"run,x\n a ,1\na,1\n", ":3: the run \"a\" is there a second time, after line 2"},
      {"{\"a\": 1,\n \"b\": 2,\n \"a\": 3}",
       ":3: the run \"a\" is there a second time, after line 1: give each run once"},
      {"{\"a\": {\"x\": 1},\n\n\"a\": {\"y\": 1}}", ":3: the run \"a\" is there a second time, after line 1"},
      {"[{\"run\": \"a\", \"x\": 1},\n{\"x\": 2, \"run\":\n\"a\"}]",
       ":3: the run \"a\" is there a second time, after line 1"},
      {"{\"a\": {\"x\": 1,\n\"x\": 2\n}}", ":2: the score \"x\" of \"a\" is there twice"},
      {"[{\"run\": \"a\", \"run\": \"b\"}]", ":1: an entry names its run twice"},
      {"run,x,y,x\na,1,2,3\n", ":1: the column \"x\" is there twice"},
      {"run,x\n,1\n", ":2: scores without the name of a run"},
      {"run,x\na,inf\n", ":2: \"inf\" in the column x is no finite number"},
      {"run,x\na,1e999\n", ":2: \"1e999\" in the column x is no finite number"},
      {"run,x\na,+-5\n", ":2: \"+-5\" in the column x is no finite number"},
      {"run,x\na,0x64\n", ":2: \"0x64\" in the column x is no finite number"},
      {"run,x\na,\"1,5\"\n", ":2: \"1,5\" in the column x is no finite number"},
      {"{\"a\": true}", ": the score of \"a\" is boolean instead of a number (line 1)"},
      {"{\"a\":\n{\"x\": {}}}", ": \"x\" of \"a\" is object instead of a number (line 2)"},
      {"[[[[[]]]]]", ": an entry of the array is no object with a text \"run\""},
      {"[{\"run\": 1}]", ": an entry of the array is no object with a text \"run\" (line 1)"},
      {"[{\"x\": 1}]", ": an entry of the array is no object with a text \"run\" (line 1)"},
      {"\xFF\xFEr\0u\0", ":1: the table is written in UTF-16: save it as UTF-8"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    samples::write(path, row.text);
    const auto result = run({"correlate", path, path});
    CAPTURE(result.err);
    REQUIRE(result.code == 3);
    REQUIRE(has(result.err, path + row.message));
  }
  samples::write(path, "{\"a\": " + std::string(100000, '[') + "1" + std::string(100000, ']') + "}");
  REQUIRE(has(run({"correlate", path, path}).err, ": the score of \"a\" is array instead of a number"));
}

TEST_CASE("tables of scores read as spreadsheets and programs write them", "[cli]") {
  const std::string mark = "\xEF\xBB\xBF";
  const std::vector<std::string> same = {
      "run,mmlu,\"a \"\"score\"\"\"\na,0.5,1\nb,,2\n",
      mark + "run,mmlu,\"a \"\"score\"\"\"\r\na,0.5,1\r\nb,NaN,2\r\n",
      mark + "\"run\",\"mmlu\",\"a \"\"score\"\"\"\r\n\"a\",\"0.5\",\"1\"\r\n\"b\",\"\",\"2\"\r\n,,\r\n",
      "run, mmlu ,\"a \"\"score\"\"\"\na , +0.5,\t1\n\nb,NA,2e0",
      R"({"a": {"mmlu": 0.5, "a \"score\"": 1}, "b": {"mmlu": null, "a \"score\"": 2}})",
      mark + "\r\n" + R"([{"run": "a", "mmlu": 0.5, "a \"score\"": 1}, {"mmlu": null, "a \"score\"": 2, "run": "b"}])",
  };
  for (const auto& text : same) {
    CAPTURE(text);
    const auto table = table_of(text);
    REQUIRE(table.scores == std::vector<std::string>{"mmlu", "a \"score\""});
    REQUIRE(table.runs.size() == 2);
    REQUIRE(table.runs.at("a").scores.at("mmlu") == 0.5);
    REQUIRE(table.runs.at("a").scores.at("a \"score\"") == 1);
    REQUIRE(std::isnan(table.runs.at("b").scores.at("mmlu")));
    REQUIRE(table.runs.at("b").scores.at("a \"score\"") == 2);
  }
  const auto one = table_of(mark + R"({"a": -0.5, "b": null})");
  REQUIRE(one.scores == std::vector<std::string>{"score"});
  REQUIRE(one.runs.at("a").scores.at("score") == -0.5);
  REQUIRE(std::isnan(one.runs.at("b").scores.at("score")));
}

TEST_CASE("each run has one row of the table, and each row one run", "[cli]") {
  auto table = table_of("run,x\na,1\nb.jsonl,2\nd/c.jsonl,3\nmy run,4\n");
  table.path = "s.csv";
  const auto rows =
      rows_of(table, {"x/a.jsonl", "b.jsonl", "d/c.jsonl", "e.jsonl"}, {"tiny", "tiny", "tiny", "my run"});
  REQUIRE(rows.size() == 4);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    REQUIRE(rows[i]->scores.at("x") == static_cast<double>(i + 1));
  }
  // The name of one run may be that of another's file.
  REQUIRE(rows_of(table, {"a.jsonl", "b.jsonl"}, {"b.jsonl", "a"})[1]->scores.at("x") == 2);
  REQUIRE_THROWS_MATCHES(
      rows_of(table, {"a.jsonl"}, {"my run"}), IoError,
      Message("s.csv:5: a.jsonl is named twice, as \"a\" in line 2 and as \"my run\" in line 5: give "
              "each run one line"));
  REQUIRE_THROWS_MATCHES(rows_of(table, {"x.jsonl", "y.jsonl"}, {"my run", "my run"}), IoError,
                         Message("s.csv:5: \"my run\" is the name of both x.jsonl and y.jsonl: name runs by their path "
                                 "where names repeat"));
  REQUIRE_THROWS_MATCHES(rows_of(table, {"x/a.jsonl", "y/a.jsonl"}, {"", ""}), IoError,
                         Message("s.csv:2: \"a\" is the name of both x/a.jsonl and y/a.jsonl: name runs by their path "
                                 "where names repeat"));
  REQUIRE_THROWS_MATCHES(
      rows_of(table, {"z.jsonl"}, {"z"}), IoError,
      Message("s.csv has no scores of z.jsonl (run \"z\"); it has those of a, b.jsonl, d/c.jsonl, my "
              "run"));
}
