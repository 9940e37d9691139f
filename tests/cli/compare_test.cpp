#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "cli/support.hpp"

using cli_support::falling_to;
using cli_support::has;
using cli_support::run;
using cli_support::write_run;

TEST_CASE("compare ranks runs and tells which differences are real", "[cli]") {
  const samples::Folder folder;
  const auto far = write_run(folder, "far", falling_to(0.4)), near = write_run(folder, "near", falling_to(0.2)),
             also = write_run(folder, "also", falling_to(0.202));
  const auto text = run({"compare", far, near, also});
  REQUIRE(text.code == 0);
  REQUIRE(has(text.out, "distance/unigram (plug-in) on heldout, mean over the blocks, ± standard error\n"));
  REQUIRE(text.out.find("   1  near") < text.out.find("   2  also"));
  REQUIRE(text.out.find("   2  also") < text.out.find("   3  far"));
  REQUIRE(has(text.out, "0.5000 ± 0.0100"));

  const auto json = nlohmann::json::parse(run({"compare", far, near, also, "--json"}).out);
  REQUIRE(json["metric"] == "distance/unigram");
  REQUIRE(json["ranking"][0]["run"] == "near");
  REQUIRE(json["ranking"][0]["verdict"] == "best");
  REQUIRE(json["ranking"][0]["file"] == near);
  REQUIRE(json["ranking"][0]["p_value"].is_null());
  REQUIRE(json["ranking"][1]["verdict"] == "tied");
  REQUIRE(json["ranking"][2]["verdict"] == "worse");
  REQUIRE(json["ranking"][2]["step"] == 1000);

  const auto early = nlohmann::json::parse(
      run({"compare", far, near, "--json", "--at", "500", "--metric", "optimality", "--stream", "train"}).out);
  REQUIRE(early["metric"] == "optimality/unigram");
  REQUIRE(early["stream"] == "train");
  REQUIRE(early["ranking"][0]["step"] == 500);
  REQUIRE(run({"compare", far, near, "--at", "best"}).code == 0);
}

TEST_CASE("compare says unknown where the files have no standard errors", "[cli]") {
  const samples::Folder folder;
  const auto text =
      run({"compare", write_run(folder, "a", falling_to(0.4, 0)), write_run(folder, "b", falling_to(0.2, 0))}).out;
  REQUIRE(has(text, "unknown\n"));
  REQUIRE_FALSE(has(text, "0.5000 ±"));
}

TEST_CASE("compare refuses runs that were measured otherwise, and names the fields", "[cli]") {
  const samples::Folder folder;
  const auto one = write_run(folder, "one"), other = write_run(folder, "other");
  auto text = samples::read(other);
  text.replace(text.find("\"m\":100"), 7, "\"m\":50");
  samples::write(other, text);
  const auto result = run({"compare", one, other});
  REQUIRE(result.code == 1);
  REQUIRE(result.out.empty());
  REQUIRE(result.err == "infoplane: the runs were measured with other settings than " + one +
                            ", so they cannot be compared:\n  " + other + ": m (100 and 50)\n");
  const auto missing = run({"compare", one, "--order", "bigram"});
  REQUIRE(missing.code == 2);
  REQUIRE(has(missing.err, "run 1 (one) has no distance/bigram on the stream \"heldout\""));
}

TEST_CASE("compare refuses gaps to different curves", "[cli]") {
  const samples::Folder folder;
  std::vector<std::string> paths;
  for (const auto& [name, top] : {std::pair{"a", 0.2}, {"b", 0.25}}) {
    auto made = samples::made_run(falling_to(0.3));
    made.file.header.curves["unigram"] = {{0, 0}, {0.5, top}};
    for (auto& point : made.file.points) {
      point.mean["curve_gap/unigram"] = 0.1;
    }
    paths.push_back(write_run(folder, name, made));
  }
  const auto result = run({"compare", paths[0], paths[1], "--metric", "curve_gap"});
  REQUIRE(result.code == 1);
  REQUIRE(has(result.err, paths[1] + ": IB curve of unigrams (up to 0.2 at 0.5 and up to 0.25 at 0.5)\n"));
  REQUIRE(run({"compare", paths[0], paths[1]}).code == 0);
}
