#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/compare/comparison.hpp>
#include <infoplane/report/report.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>

#include "report/made_run.hpp"
#include "report/markup.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::ContainsSubstring;
using infoplane::compare::comparison_notes;
using infoplane::runs::RunHeader;

namespace {

RunHeader header_of(const std::vector<std::pair<const char*, const char*>>& kinds) {
  auto header = samples::header();
  header.sites.clear();
  for (const auto& [site, kind] : kinds) {
    header.sites.emplace_back(site);
    header.site_kinds.emplace(site, kind);
  }
  return header;
}

const RunHeader kTrue =
    header_of({{"embedding", "norm input"}, {"blocks.0", "norm input"}, {"blocks.1", "norm input"}});

}  // namespace

TEST_CASE("runs that read different kinds of site are told apart by site and kinds", "[compare]") {
  const auto centred =
      header_of({{"embedding", "norm input"}, {"blocks.0", "centred stream"}, {"blocks.1", "centred stream"}});
  REQUIRE(comparison_notes({kTrue, centred}, {"a.jsonl", "b.jsonl"}) ==
          std::vector<std::string>{"b.jsonl reads blocks.0, blocks.1 as centred stream, a.jsonl as norm input: their "
                                   "values may differ for that alone"});
  const auto mixed = header_of({{"embedding", "tap"}, {"blocks.0", "normalised stream"}, {"blocks.7", "tap"}});
  REQUIRE(comparison_notes({kTrue, kTrue, mixed}, {"a", "b", "c"}) ==
          std::vector<std::string>{
              "c reads blocks.0 as normalised stream, a as norm input: their values may differ for that alone",
              "c reads embedding as tap, a as norm input: their values may differ for that alone",
              "c watches embedding, blocks.0, blocks.7, a embedding, blocks.0, blocks.1: their means are over other "
              "layers"});
  REQUIRE(comparison_notes({kTrue, kTrue}, {"a", "b"}).empty());
  std::vector<std::pair<const char*, const char*>> many, others;
  for (const auto* site : {"b.0", "b.1", "b.2", "b.3", "b.4", "b.5"}) {
    many.emplace_back(site, "tap");
    others.emplace_back(site, "module output");
  }
  REQUIRE(comparison_notes({header_of(many), header_of(others)}, {"a", "b"}).front() ==
          "b reads b.0 … b.5 (6 sites) as module output, a as tap: their values may differ for that alone");
}

TEST_CASE("a header without kinds is told of where others have them", "[compare]") {
  auto old = samples::header();
  old.sites = kTrue.sites;
  REQUIRE(comparison_notes({old, old}, {"a", "b"}).empty());
  REQUIRE(comparison_notes({old, kTrue}, {"a", "b"}) ==
          std::vector<std::string>{
              "a does not tell which tensor its sites read: it was written by an older release, or by hand"});
}

TEST_CASE("a run file keeps the kinds of its sites, and is read without them", "[compare]") {
  const samples::Folder folder;
  for (const auto& header : {kTrue, samples::header()}) {
    opened<infoplane::JsonLinesSink>(folder.file(), infoplane::OpenMode::kOverwrite).write(header);
    REQUIRE(infoplane::read_run_file(folder.file()).header.site_kinds == header.site_kinds);
  }
  REQUIRE_THAT(samples::read(folder.file()), !ContainsSubstring("site_kinds"));
}

TEST_CASE("a report over runs says which of them read other kinds", "[compare]") {
  auto one = samples::made_run(), other = samples::made_run();
  one.source = "one.jsonl";
  other.source = "<other>.jsonl";
  one.file.header.site_kinds = {{"embedding", "norm input"}, {"blocks.0", "norm input"}};
  other.file.header.site_kinds = {{"embedding", "norm input"}, {"blocks.0", "centred stream"}};
  const auto page = infoplane::report::html_report({one, other});
  REQUIRE(samples::markup_error(page).empty());
  REQUIRE_THAT(page,
               ContainsSubstring("&lt;other&gt;.jsonl reads blocks.0 as centred stream, one.jsonl as norm input"));
  REQUIRE_THAT(page, ContainsSubstring("<td>embedding (norm input), blocks.0 (centred stream)</td>"));
}

TEST_CASE("runs over other layers are told of", "[compare]") {
  const auto deep = header_of({{"embedding", "norm input"},
                               {"blocks.0", "norm input"},
                               {"blocks.1", "norm input"},
                               {"blocks.2", "norm input"}});
  REQUIRE(comparison_notes({kTrue, deep}, {"a", "b"}) ==
          std::vector<std::string>{"b watches embedding, blocks.0, blocks.1, blocks.2, a embedding, blocks.0, "
                                   "blocks.1: their means are over other layers"});
}

TEST_CASE("runs whose curves or details name other texts are told of", "[compare]") {
  auto one = kTrue, other = kTrue;
  one.curves["unigram"] = {{0, 0}, {1.25, 0.5}};
  other.curves["unigram"] = {{0, 0}, {1.5, 0.25}};
  one.config["corpus"] = "headers";
  other.config["corpus"] = "python";
  one.config["lr"] = 0.1;
  other.config["lr"] = 0.2;  // what is varied is no obstacle
  REQUIRE(comparison_notes({one, other}, {"a", "b"}) ==
          std::vector<std::string>{
              "b's IB curve of unigrams goes up to 0.25 at 1.5, a's up to 0.5 at 1.25: they are of other texts",
              "b says corpus python, a headers: values of other texts differ for that alone"});
  REQUIRE(comparison_notes({one, kTrue}, {"a", "b"}).empty());  // it does not say
}

TEST_CASE("runs over other numbers of draws are told of", "[compare]") {
  auto drawn = kTrue;
  drawn.draws = 8;
  REQUIRE(
      comparison_notes({kTrue, drawn}, {"a", "b"}) ==
      std::vector<std::string>{"b's held-out points are means over 8 draws of the anchors, a's over 1: of one draw the "
                               "error is not known"});
}

TEST_CASE("held-out points over another text are told of, though the headers agree", "[compare]") {
  const auto run_over = [](double tokens, double labels) {
    auto run = samples::made_run().file;
    for (auto& point : run.points) {
      point.mean["tokens/output_unigram"] = tokens;
      point.mean["labels/output_unigram"] = labels;
    }
    return run;
  };
  const auto one = run_over(16384, 92);
  REQUIRE(comparison_notes({one, run_over(16384, 92)}, {"a", "b"}).empty());
  REQUIRE(comparison_notes({one, run_over(16384, 88)}, {"a", "b"}) ==
          std::vector<std::string>{"b's held-out points have 88 labels in output_unigram, a's 92: they measure another "
                                   "text, whose values differ for that alone"});
  REQUIRE(comparison_notes({one, run_over(8192, 88)}, {"a", "b"}).size() == 1);
  auto broken = run_over(16384, 92);
  broken.points.back().mean["tokens/output_unigram"] = 12;
  broken.points.back().reasons["tokens"] = "not counted: 16372 tokens";
  REQUIRE(comparison_notes({one, broken}, {"a", "b"}).empty());
  auto train_only = run_over(8192, 88);
  std::erase_if(train_only.points, [](const auto& point) { return point.split == "heldout"; });
  REQUIRE(comparison_notes({one, train_only}, {"a", "b"}).empty());  // micro-batches are never the same
}

TEST_CASE("a report tells of points that hold too little", "[compare]") {
  auto run = samples::made_run();
  REQUIRE(infoplane::report::report_notes({run}).empty());
  run.file.points.front().reasons["window"] = "points of the train split have 256 tokens";
  REQUIRE(infoplane::report::report_notes({run}) ==
          std::vector<std::string>{"run.jsonl: points of the train split have 256 tokens"});
}
