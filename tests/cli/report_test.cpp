#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/support.hpp"
#include "report/markup.hpp"

using cli_support::has;
using cli_support::run;
using cli_support::write_run;

TEST_CASE("report writes a page beside the run, or where it is told to", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  auto result = run({"report", path});
  REQUIRE(result.code == 0);
  REQUIRE(result.out == folder.file("a.html") + "\n");
  const auto page = samples::read(folder.file("a.html"));
  REQUIRE(samples::markup_error(page).empty());
  REQUIRE(has(page, "While it trained"));
  REQUIRE_FALSE(std::filesystem::exists(folder.file("a.html.part")));

  result = run({"report", path, write_run(folder, "b"), "-o", folder.file("both.html"), "--title", "Two & more"});
  REQUIRE(result.code == 0);
  REQUIRE(has(samples::read(folder.file("both.html")), "<h1>Two &amp; more</h1>"));

  result = run({"report", path, "-o", "-"});
  REQUIRE(result.out.starts_with("<!DOCTYPE html>"));
  REQUIRE(result.out.ends_with("</html>\n"));
}

TEST_CASE("report marks where the stopping rule would have ended the run", "[cli]") {
  const samples::Folder folder;
  samples::Made flat;
  flat.complexity = [](double) { return 0.3; };
  flat.expressivity = [](double) { return 0.1; };
  const auto path = write_run(folder, "flat", flat);
  auto json = nlohmann::json::parse(run({"report", path, "--patience", "3", "--json"}).out);
  REQUIRE(json["output"] == folder.file("flat.html"));
  REQUIRE(json["runs"][0]["stop_step"] == 150);
  REQUIRE(json["runs"][0]["best_step"] == 0);
  REQUIRE(
      has(json["runs"][0]["summary"].dump(), "A stopping rule (patience 3, min_delta 0.001) ends the run at step 150"));
  json = nlohmann::json::parse(run({"report", path, "--patience", "3", "--start-from-step", "500", "--json"}).out);
  REQUIRE(json["runs"][0]["stop_step"] == 650);
  json = nlohmann::json::parse(run({"report", path, "--patience", "50", "--json"}).out);
  REQUIRE(json["runs"][0]["stop_step"].is_null());
}

TEST_CASE("report replays the shipped rule where a run has all that it looks at", "[cli]") {
  const samples::Folder folder;
  auto flat = samples::made_run();
  for (auto& point : flat.file.points) {
    point.loss = 2;
    point.mean["share/output_unigram/corrected"] = 0.5;
  }
  const auto path = write_run(folder, "flat", flat);
  auto json = nlohmann::json::parse(run({"report", path, "--json"}).out);
  REQUIRE(json["runs"][0]["stop_step"] == 800);  // the first mean of five from step 200 on, and eight checks
  REQUIRE(has(json["runs"][0]["summary"].dump(), "EarlyStopping::compression() ends the run at step 800"));
  json = nlohmann::json::parse(run({"report", path, "--start-from-step", "300", "--json"}).out);
  REQUIRE(json["runs"][0]["stop_step"] == 900);
  json = nlohmann::json::parse(run({"report", path, "--min-delta", "0.5", "--json"}).out);
  REQUIRE(has(json["runs"][0]["summary"].dump(), "A stopping rule (patience 5, min_delta 0.5) ends the run at step"));
}

TEST_CASE("report draws the curve of a file, and the gaps to it", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a"), text = folder.file("text"), curve = folder.file("text.curve.json");
  std::string letters;
  for (std::uint32_t i = 0, state = 1; i < 4000; ++i) {
    state = state * 1664525U + 1013904223U;
    letters += static_cast<char>('a' + (i % 2 == 0 ? state >> 24U : state >> 27U) % 8);
  }
  samples::write(text, letters);
  REQUIRE(run({"bound", text, "-o", curve}).code == 0);
  auto result = run({"report", "--curve", curve, path});
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  const auto page = samples::read(folder.file("a.html"));
  REQUIRE(samples::markup_error(page).empty());
  REQUIRE(samples::count(page, ">IB curve</text>") == 2);
  REQUIRE(samples::count(page, ">Gap to the IB curve</text>") == 1);
  REQUIRE(has(page, "Dashed, the IB curve: the most that one token alone can tell about what comes next."));
  REQUIRE(run({"report", path, "--curve", "bigram=" + curve}).code == 0);
  REQUIRE(samples::count(samples::read(folder.file("a.html")), ">IB curve</text>") == 0);  // it has no bigrams
  result = run({"report", path, "--curve", path});
  REQUIRE(result.code == 3);
  REQUIRE(has(result.err, "the IB curve " + path + " cannot be read"));
}

TEST_CASE("report draws single figures as SVG", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  for (const std::string figure : {"plane", "steps", "layers"}) {
    const auto result = run({"report", path, "--figure", figure});
    REQUIRE(result.code == 0);
    REQUIRE(result.out == folder.file("a." + figure + ".svg") + "\n");
    REQUIRE(samples::markup_error(samples::read(folder.file("a." + figure + ".svg"))).empty());
  }
  const auto train =
      run({"report", path, "--figure", "layers", "--stream", "train", "--metric", "complexity", "-o", "-"});
  REQUIRE(has(train.out, "complexity, train"));
  const auto none = run({"report", path, "--figure", "plane", "--order", "trigram"});
  REQUIRE(none.code == 2);
  REQUIRE(none.err == "infoplane: the run has no complexity and expressivity of trigrams; it has unigram\n");
}

TEST_CASE("a page that cannot be written ends with 3 and leaves nothing behind", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  const auto nowhere = folder.file("no-folder/a.html");
  const auto result = run({"report", path, "-o", nowhere});
  REQUIRE(result.code == 3);
  REQUIRE(result.err ==
          "infoplane: cannot write " + nowhere + ": No such file or directory; give another path with --output\n");
  REQUIRE(run({"report", path, "-o", folder.file(".")}).code == 3);
  REQUIRE_FALSE(std::filesystem::exists(folder.file("..part")));
}
