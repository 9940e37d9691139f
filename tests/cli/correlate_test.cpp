#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <nlohmann/json.hpp>

#include "cli/score_table.hpp"
#include "cli/support.hpp"

using Catch::Matchers::WithinAbs;
using cli_support::falling_to;
using cli_support::has;
using cli_support::run;
using cli_support::write_run;
using infoplane::cli::read_scores;

namespace {

std::vector<std::string> runs(const samples::Folder& folder) {
  std::vector<std::string> paths;
  for (const auto& [name, last] : {std::pair{"a", 0.2}, {"b", 0.25}, {"c", 0.4}, {"d", 0.3}}) {
    paths.push_back(write_run(folder, name, falling_to(last)));
  }
  return paths;
}

std::vector<std::string> command(const std::string& scores, const std::vector<std::string>& paths,
                                 const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"correlate", scores};
  arguments.insert(arguments.end(), paths.begin(), paths.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("correlate finds the scores of runs by name or file, in CSV and in JSON", "[cli]") {
  const samples::Folder folder;
  const auto paths = runs(folder);
  samples::write(folder.file("scores.csv"),
                 "run,\"the, score\",other\r\na,0.5,1\r\nb.jsonl,0.4,\r\nc,0.25,2\nd,0.3333333333333333,7\n");
  const auto csv = run(command(folder.file("scores.csv"), paths, {"--json"}));
  REQUIRE(csv.code == 0);
  const auto lines = nlohmann::json::parse(csv.out);
  REQUIRE(lines.size() == 8);  // four metrics, two scores
  const auto& optimality = lines[4];
  REQUIRE(optimality["metric"] == "optimality/unigram");
  REQUIRE(optimality["score"] == "the, score");
  REQUIRE(optimality["runs"] == 4);
  REQUIRE_THAT(optimality["pearson"]["value"].get<double>(), WithinAbs(1, 1e-12));  // the score is optimality itself
  REQUIRE(optimality["spearman"]["value"] == 1);
  REQUIRE(lines[6]["spearman"]["value"] == -1);     // distance
  REQUIRE(lines[5]["runs"] == 3);                   // one score is missing
  REQUIRE(lines[2]["pearson"]["value"].is_null());  // expressivity is the same in all

  samples::write(folder.file("scores.json"), R"({"a": 0.5, "b": 0.4, "c": 0.25, "d": null})");
  const auto json = run(command(folder.file("scores.json"), paths));
  REQUIRE(json.code == 0);
  REQUIRE(has(json.out, "optimality/unigram                score"));
  REQUIRE(has(json.out, "undefined"));
  REQUIRE(has(json.out, "p of each line by itself; 4 lines were looked at"));
}

TEST_CASE("correlate takes the gap to the curve and keys of the points", "[cli]") {
  const samples::Folder folder;
  std::vector<std::string> paths;
  double preference = 1;
  for (const auto& [name, last] : {std::pair{"a", 0.2}, {"b", 0.25}, {"c", 0.4}, {"d", 0.3}}) {
    auto made = samples::made_run(falling_to(last));
    made.file.header.curves["unigram"] = {{0, 0}, {0.5, 0.2}};
    for (auto& point : made.file.points) {
      point.mean["curve_gap/unigram"] = last;
      point.mean["I(X;Z)/preference"] = preference;
    }
    preference *= 2;
    paths.push_back(write_run(folder, name, made));
  }
  samples::write(folder.file("s.csv"), "run,score\na,1\nb,2\nc,4\nd,8\n");
  const auto all = nlohmann::json::parse(run(command(folder.file("s.csv"), paths, {"--json"})).out);
  REQUIRE(all.size() == 5);
  REQUIRE(all[4]["metric"] == "curve_gap/unigram");
  const auto chosen = run(command(folder.file("s.csv"), paths, {"--json", "--metric", "I(X;Z)/preference"}));
  CAPTURE(chosen.err);
  const auto lines = nlohmann::json::parse(chosen.out);
  REQUIRE(lines.size() == 1);
  REQUIRE(lines[0]["metric"] == "I(X;Z)/preference");
  REQUIRE_THAT(lines[0]["pearson"]["value"].get<double>(), WithinAbs(1, 1e-12));
  const auto unknown = run(command(folder.file("s.csv"), paths, {"--metric", "taste"}));
  REQUIRE(unknown.code == 2);
  REQUIRE(has(unknown.err, "there is no metric \"taste\""));
}

TEST_CASE("correlate refuses runs without scores, and runs that were measured otherwise", "[cli]") {
  const samples::Folder folder;
  const auto paths = runs(folder);
  samples::write(folder.file("s.json"), R"([{"run": "a", "x": 1}, {"run": "b", "x": 2}])");
  auto result = run(command(folder.file("s.json"), paths));
  REQUIRE(result.code == 3);
  REQUIRE(has(result.err, " has no scores of " + paths[2] + " (run \"c\"); it has those of a, b\n"));
  auto text = samples::read(paths[1]);
  text.replace(text.find("\"d\":64"), 6, "\"d\":32");
  samples::write(paths[1], text);
  result = run(command(folder.file("s.json"), {paths[0], paths[1]}));
  REQUIRE(result.code == 1);
  REQUIRE(has(result.err, paths[1] + ": d (64 and 32)"));
}

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
      {"run,x\na,high\n", ":2: \"high\" in the column x is no number"},
      {"run,x\n\"a\nb\",1\nc,\"2\n", ":4: a quote is never closed"},
      {"run,x\n\"a\"b,1\n", ":2: text behind a closing quote"},
      {"{\"a\": ", ": [json.exception"},
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
