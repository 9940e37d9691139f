#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/support.hpp"

using Catch::Matchers::WithinAbs;
using cli_support::falling_to;
using cli_support::has;
using cli_support::run;
using cli_support::write_run;

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
  REQUIRE(has(json.out, "optimality/unigram (plug-in)      score"));
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

TEST_CASE("correlate calls few runs few", "[cli]") {
  const samples::Folder folder;
  std::vector<std::string> paths;
  std::string table = "run,score\n";
  for (int i = 0; i < 6; ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    paths.push_back(write_run(folder, name, falling_to(0.2 + 0.03 * i * i)));
    table += name + "," + std::to_string(10 - i) + "\n";
  }
  samples::write(folder.file("s.csv"), table);
  const auto of = [&](std::size_t count, const std::vector<std::string>& more = {}) {
    auto arguments = std::vector<std::string>{"--metric", "complexity"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(command(folder.file("s.csv"), {paths.begin(), paths.begin() + static_cast<long>(count)}, arguments));
  };
  struct Row {
    std::size_t runs;
    const char* spearman;
  };
  for (const auto& [count, spearman] : {Row{2, "undefined: too few runs"}, Row{3, "-1.00 [too few runs] p 0.33"},
                                        Row{4, "-1.00 [-1.00, +0.27] p 0.083"}, Row{5, "-1.00 [-1.00, -0.36] p 0.017"},
                                        Row{6, "-1.00 [-1.00, -0.62] p 0.0028"}}) {
    CAPTURE(count);
    const auto result = of(count);
    CAPTURE(result.out);
    REQUIRE(result.code == 0);
    REQUIRE(has(result.out, spearman));
    for (const auto* never : {"[-1.00, -1.00]", "nan", "p 0\n", "inf"}) {
      REQUIRE_FALSE(has(result.out, never));
    }
  }
  const auto three = nlohmann::json::parse(of(3, {"--json"}).out)[0];
  REQUIRE(three["spearman"]["value"] == -1);
  REQUIRE(three["spearman"]["low"].is_null());
  REQUIRE(three["spearman"]["high"].is_null());
  REQUIRE(three["spearman"]["reason"] == "too few pairs for an interval: it needs 4, there are 3");
  REQUIRE(three["spearman"]["p_exact"] == true);
  REQUIRE_THAT(three["spearman"]["p_value"].get<double>(), WithinAbs(2.0 / 6, 1e-12));
  const auto two = nlohmann::json::parse(of(2, {"--json"}).out)[0];
  REQUIRE(two["pearson"]["value"].is_null());
  REQUIRE(two["pearson"]["p_value"].is_null());
  REQUIRE(two["pearson"]["reason"] == "too few pairs: a correlation needs 3, there are 2");
  const auto four = nlohmann::json::parse(of(4, {"--json"}).out)[0];
  REQUIRE_THAT(four["spearman"]["p_value"].get<double>(), WithinAbs(2.0 / 24, 1e-12));
  REQUIRE_FALSE(four["spearman"].contains("reason"));
}

TEST_CASE("correlate leaves out a run that is not defined at its end, and says so", "[cli]") {
  const samples::Folder folder;
  auto paths = runs(folder);
  auto made = samples::made_run(falling_to(0.3));
  for (auto& point : made.file.points) {
    if (point.step > 0) {
      point.mean["optimality/unigram"] = std::nan("");
    }
  }
  paths[3] = write_run(folder, "lost", made);
  samples::write(folder.file("s.csv"), "run,score\na,1\nb,2\nc,\nlost,4\n");
  const auto result = run(command(folder.file("s.csv"), paths, {"--metric", "optimality"}));
  REQUIRE(has(result.out, "undefined: too few runs"));
  REQUIRE(has(result.out, "left out: lost, optimality/unigram: not defined at step 1000 (the file gives no reason)\n"));
  REQUIRE(has(result.out, "left out: c, score: no score\n"));
  const auto json =
      nlohmann::json::parse(run(command(folder.file("s.csv"), paths, {"--metric", "optimality", "--json"})).out);
  REQUIRE(json[0]["left_out"].size() == 2);
  REQUIRE(json[0]["left_out"][1]["file"] == paths[3]);
}

TEST_CASE("correlate and compare say which runs read other kinds of site", "[cli]") {
  const samples::Folder folder;
  std::vector<std::string> paths;
  for (const auto* name : {"a", "b", "c"}) {
    auto made = samples::made_run(falling_to(0.2));
    made.file.header.site_kinds = {{"embedding", "norm input"},
                                   {"blocks.0", *name == 'b' ? "centred stream" : "norm input"}};
    paths.push_back(write_run(folder, name, made));
  }
  samples::write(folder.file("s.csv"), "run,score\na,1\nb,2\nc,3\n");
  const auto note = paths[1] + " reads blocks.0 as centred stream, " + paths[0] +
                    " as norm input: their values may differ "
                    "for that alone";
  REQUIRE(has(run(command(folder.file("s.csv"), paths)).out, "note: " + note + "\n"));
  REQUIRE(nlohmann::json::parse(run(command(folder.file("s.csv"), paths, {"--json"})).out)[0]["notes"][0] == note);
  REQUIRE(has(run({"compare", paths[0], paths[1], paths[2]}).out, "note: " + note + "\n"));
  const auto json = nlohmann::json::parse(run({"compare", paths[0], paths[1], "--json"}).out);
  REQUIRE(json["notes"] == nlohmann::json::array({note}));
  REQUIRE(nlohmann::json::parse(run({"report", paths[0], paths[1], "--json"}).out)["notes"][0] == note);
  REQUIRE(nlohmann::json::parse(run({"compare", paths[0], paths[2], "--json"}).out)["notes"].empty());
}

TEST_CASE("a run that is given twice is refused, however it is spelled", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a"), link = folder.file("link.jsonl");
  const auto other = folder.file("./../") + std::filesystem::path(path).parent_path().filename().string() + "/a.jsonl";
  std::filesystem::create_symlink(path, link);
  samples::write(folder.file("s.csv"), "run,score\na,1\n");
  for (const auto& again : {path, other, link}) {
    for (const auto& arguments : {std::vector<std::string>{"compare", path, again},
                                  std::vector<std::string>{"correlate", folder.file("s.csv"), path, again}}) {
      const auto result = run(arguments);
      REQUIRE(result.code == 2);
      REQUIRE(result.err == "infoplane: " + path + " and " + again + " are the same file: give each run once\n");
    }
  }
}
