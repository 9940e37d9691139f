#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/support.hpp"

using cli_support::has;
using cli_support::run;
using cli_support::write_run;

TEST_CASE("report --check finds nothing in a run that was written by the sink", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  const auto result = run({"report", "--check", path});
  REQUIRE(result.code == 0);
  REQUIRE(result.out == path + ": nothing is wrong\n");
  REQUIRE(run({"report", "--check", path, "--json"}).out == "[]\n");
}

TEST_CASE("report --check lists what is wrong with its line", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  const auto good = samples::read(path);
  const auto replaced = [&](const std::string& old, const std::string& by) {
    auto text = good;
    text.replace(text.find(old), old.size(), by);
    return text;
  };
  const auto header = good.substr(0, good.find('\n') + 1);
  struct Row {
    std::string text;
    int code;
    const char* message;
  };
  const std::vector<Row> rows = {
      {"", 1, ":1: error: the file holds no header, so it is no run"},
      {good.substr(header.size()), 1, ":1: error: a point stands before the header"},
      {replaced("\"m\":100", "\"m\":1"), 1, ":1: error: the header has 1 anchors (m)"},
      {replaced("\"temperature\":0.037", "\"temperature\":-0.037"), 1,
       ":1: error: the header has the temperature -0.037"},
      {replaced("\"step\":50", "\"step\":0"), 1, ":4: error: step 0 of the stream \"train\" comes after its step 0"},
      {replaced("\"step\":0", "\"step\":-3"), 1, ":2: error: the step -3 is negative"},
      {replaced("\"H(Z)\":0.9", "\"H(Z)\":1.9"), 1,
       ":2: error: the mean has H(Z) = 1.9, but an efficiency lies between"},
      {replaced("\"optimality/unigram\":0.25}", "\"optimality/unigram\":0.35}"), 1,
       ":2: error: layer embedding has optimality/unigram = 0.35, but expressivity / complexity is 0.25"},
      {replaced("\"name\":\"blocks.0\"", "\"name\":\"other\""), 0,
       ":2: warning: layer other is not among the header's sites: embedding, blocks.0"},
      {replaced("\"tokens\":16384,\"rejected\"", "\"tokens\":0,\"rejected\""), 0,
       ":2: warning: layer embedding was measured on 0 tokens"},
      {replaced("\"loss\":5.0", "\"loss\":[]"), 1, ":2: error: the point has [] in its field \"loss\""},
      {good.substr(0, good.size() - 5), 0, ":43: warning: the last line was cut off"},
      {good + replaced("\"m\":100", "\"m\":50").substr(0, header.size() - 1) + "\n", 1,
       ":44: error: the run was resumed with other settings: m (100 and 50)"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    samples::write(path, row.text);
    const auto result = run({"report", "--check", path});
    CAPTURE(result.out);
    REQUIRE(result.code == row.code);
    REQUIRE(has(result.out, path + row.message));
    REQUIRE(run({"report", "--check", path, "--strict"}).code == 1);
  }
}

TEST_CASE("report --check goes on behind a broken line, and shows so many findings as it is asked for", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  const auto good = samples::read(path);
  const auto end = good.find('\n') + 1;
  samples::write(path, good.substr(0, end) + "x\ny\nz\n" + good.substr(end));
  const auto few = run({"report", "--check", path, "--most", "1"});
  REQUIRE(has(few.out, path + ":2: error: not JSON"));
  REQUIRE(has(few.out, path + ": and 2 findings more (--most shows them)\n"));
  const auto json = nlohmann::json::parse(run({"report", "--check", path, "--json"}).out);
  REQUIRE(json.size() == 3);
  REQUIRE(json[2]["line"] == 4);
  REQUIRE(json[2]["severity"] == "error");
}

TEST_CASE("report --check accepts a resumed run that goes back to its checkpoint", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  const auto good = samples::read(path);
  samples::write(path, good + good);
  REQUIRE(run({"report", "--check", path}).out == path + ": nothing is wrong\n");
}

TEST_CASE("report --check draws nothing, and its options are of no use without it", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  REQUIRE(run({"report", path, "--check"}).code == 0);
  REQUIRE_FALSE(std::filesystem::exists(folder.file("a.html")));
  for (const std::vector<std::string>& mistake :
       std::vector<std::vector<std::string>>{{"report", path, "--strict"},
                                             {"report", path, "--most", "5"},
                                             {"report", path, "--check", "-o", folder.file("page.html")},
                                             {"report", path, "--check", "--figure", "plane"}}) {
    const auto result = run(mistake);
    CAPTURE(mistake.back(), result.err);
    REQUIRE(result.code == 2);
    REQUIRE(has(result.err, "--check"));
    REQUIRE(result.out.empty());
  }
  REQUIRE(run({"check", path}).code == 2);
}
