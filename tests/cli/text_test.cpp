#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/support.hpp"
#include "core/text.hpp"
#include "report/markup.hpp"

// Names of runs, layers, keys and files reach a terminal as text, never as something that it obeys.

using cli_support::has;
using cli_support::Result;
using cli_support::run;
using cli_support::write_run;

namespace {

const std::string kHostile = "\x1b[2J\x9b\xC2\x9B\x07\x7f\xE2\x80\xAE\xE2\x81\xA6\xFF\nok.jsonl: nothing is wrong\r";

/// Nothing but printable text and the program's own line feeds.
void require_tame(const std::string& printed) {
  CAPTURE(printed);
  std::string_view rest = printed;
  while (!rest.empty()) {
    const auto each = infoplane::text::first_code_point(rest);
    REQUIRE(each.valid);
    REQUIRE((each.value == '\n' || !infoplane::text::is_control(each.value)));
    rest.remove_prefix(each.bytes);
  }
}

void require_tame(const Result& result) {
  require_tame(result.out);
  require_tame(result.err);
}

/// A run in which every name is hostile.
infoplane::report::ReportRun hostile_run() {
  auto made = samples::made_run();
  made.file.header.sites = made.file.header.label_sets = {kHostile};
  made.file.header.calibration = kHostile;
  for (auto& point : made.file.points) {
    point.layers[1].name = kHostile;
    point.mean["I(X;Z)/" + kHostile] = 0.1;
    point.layers[0].metrics["I(X;Z)/" + kHostile] = 5;  // a finding that quotes the key
    if (point.step == 1000) {
      for (const auto* key : {"optimality/unigram", "distance/unigram"}) {
        point.mean[key] = point.layers[1].metrics[key] = std::nan("");
        point.layers[1].reasons[key] = kHostile;
      }
    }
  }
  return made;
}

/// The path of a hostile run under a name that is hostile, too.
std::string write_hostile(const samples::Folder& folder, const std::string& name) {
  const auto plain = write_run(folder, name, hostile_run());
  auto text = samples::read(plain);
  const auto at = text.find("\"run\":\"" + name + "\"");
  text.replace(at, name.size() + 8, "\"run\":\"" + name + "\\u001b[2J\\nok: nothing is wrong\\u202e\"");
  const auto path = folder.file(name + "\x1b[2J\n\xE2\x80\xAE.jsonl");
  samples::write(path, text);
  std::filesystem::remove(plain);
  return path;
}

}  // namespace

TEST_CASE("no command prints what a terminal would obey", "[cli]") {
  const samples::Folder folder;
  const auto a = write_hostile(folder, "a"), b = write_hostile(folder, "b");
  const auto scores = folder.file("scores\x1b[2J.json");
  samples::write(scores, R"({"a\u001b[2J\nok: nothing is wrong\u202e": {"s\u001b\n": 1},)"
                         R"( "b\u001b[2J\nok: nothing is wrong\u202e": {"s\u001b\n": 2}})");
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"watch", a, "--once"},
                                                    {"watch", a, "--once", "--json"},
                                                    {"watch", folder.file("none\x1b[2J\n"), "--once"},
                                                    {"report", "--check", a},
                                                    {"report", "--check", a, "--json"},
                                                    {"compare", a, b},
                                                    {"compare", a, b, "--json"},
                                                    {"compare", a, b, "--metric", "\x1b[2J\n"},
                                                    {"compare", a, b, "--stream", "\x1b[2J\n"},
                                                    {"compare", a, a},
                                                    {"correlate", scores, a, b},
                                                    {"correlate", scores, a, b, "--json"},
                                                    {"correlate", scores, a, b, "--metric", "I(X;Z)/" + kHostile},
                                                    {"report", a, b},
                                                    {"report", a, "--json"},
                                                    {"report", a, "--figure", "plane", "--stream", "\x1b\n"},
                                                    {"bound", folder.file("none\x1b[2J\n")},
                                                    {"\x1b[2J\n"},
                                                    {"watch", "--\x1b[2J"}}) {
    CAPTURE(arguments);
    const auto result = run(arguments);
    REQUIRE((!result.out.empty() || !result.err.empty()));
    require_tame(result);
  }
  // The pages go to files, which may hold line feeds of their own but nothing else of the kind.
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(a).parent_path())) {
    if (entry.path().extension() == ".html" || entry.path().extension() == ".svg") {
      require_tame(samples::read(entry.path().string()));
    }
  }
}

TEST_CASE("a name cannot forge the line that nothing is wrong", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  auto text = samples::read(path);
  const auto layer = text.find("\"blocks.0\",\"tokens\"");
  text.replace(layer, 10, R"("x\n)" + path + R"(: nothing is wrong\n")");  // a name that holds a line of its own
  const auto value = text.find("\"H(Z)\":0.9", layer);
  text.replace(value, 10, "\"H(Z)\":7.0");
  samples::write(path, text);
  const auto result = run({"report", "--check", path});
  REQUIRE(result.code == 1);
  REQUIRE(has(result.out, ":2: error: layer x\\n" + path + ": nothing is wrong\\n has H(Z) = 7"));
  REQUIRE(samples::count(result.out, "\n") == 2);  // this, and that the header has no such site
  REQUIRE(result.out.find("\n" + path + ": nothing is wrong\n") == std::string::npos);
  REQUIRE_FALSE(result.out.starts_with(path + ": nothing is wrong\n"));

  const auto named = folder.file("b.jsonl: nothing is wrong\nc");
  samples::write(named, "broken");
  const auto other = run({"report", "--check", named});
  REQUIRE(other.code == 1);
  REQUIRE(samples::count(other.out, "\n") == 2);
  REQUIRE(samples::count(other.out, "nothing is wrong\\nc:1: ") == 2);
}

TEST_CASE("what a broken file holds is quoted as one short line", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  const auto good = samples::read(path);
  const std::string longest(100000, 'x');
  const std::vector<std::string> lines = {"{\"step\": \"" + longest + "\"}", "\"" + longest + "\xFF\x1b",
                                          "{\"step\": \x1b[2J}",
                                          "{\"step\":1,\"stream\":\"\xD1\x81\xD0\xBB\xD0\xBE\xD0\xB9\xD1\"}"};
  for (const auto& line : lines) {
    samples::write(path, good + line + "\n");
    const auto found = run({"report", "--check", path}), read = run({"compare", path});
    REQUIRE(found.code == 1);
    REQUIRE(read.code == 3);
    for (const auto& printed : {found.out, read.err}) {
      require_tame(printed);
      REQUIRE(samples::count(printed, "\n") == 1);
      REQUIRE(printed.size() < 6000);
    }
  }
}

TEST_CASE("tables are aligned by what is seen of a name", "[cli]") {
  const samples::Folder folder;
  auto one = samples::made_run(cli_support::falling_to(0.2)), other = one;
  for (auto& point : one.file.points) {
    point.layers[1].name = "слой.層.0";
  }
  const auto a = write_run(folder, "прогон", one), b = write_run(folder, "层层", other);
  const auto lines = [](const std::string& text, std::size_t from, std::size_t count) {
    std::vector<std::string> found;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      found.push_back(line);
    }
    return std::vector<std::string>(found.begin() + static_cast<long>(from),
                                    found.begin() + static_cast<long>(from + count));
  };
  const auto compared = lines(run({"compare", a, b}).out, 1, 3);
  const auto end = [](const std::string& line, const std::string& what) {
    return infoplane::text::columns(line.substr(0, line.find(what) + what.size()));
  };
  REQUIRE(end(compared[0], "step") == end(compared[1], "1000"));
  REQUIRE(end(compared[0], "step") == end(compared[2], "1000"));
  const auto watched = run({"watch", a, "--once"}).out;
  REQUIRE(has(watched, "\nслой.層.0         "));  // 9 columns, and the width of "mean over blocks"
}
