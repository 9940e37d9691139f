#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/csv_sink.hpp>
#include <limits>

#include "report/command.hpp"
#include "report/markup.hpp"
#include "runs/samples.hpp"
#include "sinks/capture.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::CsvSink;
using infoplane::IoError;
using infoplane::OpenMode;
using samples::point;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr const char* kNames = "run,stream,step,tokens,time,loss,layer,metric,value\n";

/// Reads a table as pandas or R would, with Python's own csv module, and prints its cells.
constexpr const char* kReader = R"(
import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8")))
assert all(len(row) == 9 for row in rows)
for row in rows[1:]:
    print("|".join(row[:2] + row[6:8] + [repr(float(row[5])), repr(float(row[8]))]).replace("\n", "\\n"))
)";

/// Rows as RFC 4180 has them, without what ends them.
std::vector<std::string> rows_of(const std::string& text) {
  std::vector<std::string> rows(1);
  bool quoted = false;
  for (const auto c : text) {
    quoted = quoted != (c == '"');
    if (c == '\n' && !quoted) {
      rows.emplace_back();
    } else {
      rows.back() += c;
    }
  }
  REQUIRE_FALSE(quoted);
  REQUIRE(rows.back().empty());
  rows.pop_back();
  return rows;
}

}  // namespace

TEST_CASE("CSV has a row for each value of each layer and of the mean", "[sinks]") {
  const samples::Folder folder;
  {
    auto sink = opened<CsvSink>(folder.file());
    sink.write(samples::header());
    sink.write(point(0));
    sink.write(point(50, "heldout"));
    REQUIRE(sink.failures() == 0);
  }
  const auto text = samples::read(folder.file());
  REQUIRE(text.starts_with(std::string(kNames) +
                           "tiny-gpt,train,0,16384,0,2.0431,embedding,H(Z),0.9\n"
                           "tiny-gpt,train,0,16384,0,2.0431,embedding,I(X;Z)/input_unigram,0.25\n"));
  REQUIRE(samples::count(text, "\n") == 1 + 2 * 3 * 5);
  REQUIRE_THAT(text, ContainsSubstring("tiny-gpt,heldout,50,16384,5,2.0431,mean,distance/unigram,0.6\n"));
}

TEST_CASE("numbers and texts of CSV come back as they were", "[sinks]") {
  const samples::Folder folder;
  auto header = samples::header();
  header.run = "a \"run\", of\ntwo lines";
  auto odd = point(0);
  odd.loss = std::numeric_limits<double>::quiet_NaN();
  odd.layers.clear();
  odd.mean = {{"a,b", 0.1 + 0.2}, {"inf", kInfinity}, {"minus", -kInfinity}, {"small", 5e-324}};
  {
    auto sink = opened<CsvSink>(folder.file());
    sink.write(header);
    sink.write(odd);
  }
  samples::write(folder.file("read.py"), kReader);
  const auto cells = command::output("python3 " + folder.file("read.py") + " " + folder.file());
  const std::string start = "a \"run\", of\\ntwo lines|train|mean|";
  REQUIRE(cells == start + "a,b|nan|0.30000000000000004\n" + start + "inf|nan|inf\n" + start + "minus|nan|-inf\n" +
                       start + "small|nan|5e-324\n");
}

TEST_CASE("no cell of CSV is a formula, and numbers stay numbers", "[sinks]") {
  struct Row {
    std::string text, cell;
  };
  const std::vector<Row> rows = {
      {"=HYPERLINK(A1)", "'=HYPERLINK(A1)"},
      {"+1", "'+1"},
      {"-2+3", "'-2+3"},
      {"@SUM(A1)", "'@SUM(A1)"},
      {"\t=1", "\"'\t=1\""},
      {"\r=1", "\"'\r=1\""},
      {"\n=1", "\"'\n=1\""},
      {"＝1", "'＝1"},  // full width
      {"'=1", "''=1"},  // so that an apostrophe taken off gives the text back
      {"=1,2", "\"'=1,2\""},
      {"=\"a\"", "\"'=\"\"a\"\"\""},
      {"I(X;Z)/input_unigram", "I(X;Z)/input_unigram"},
      {"it's", "it's"},
      {"'quoted'", "'quoted'"},
      {"a=b", "a=b"},
      {"слой.0", "слой.0"},
      {"", ""},
  };
  for (const auto& [text, cell] : rows) {
    CAPTURE(text);
    const samples::Folder folder;
    auto header = samples::header();
    header.run = text;
    auto made = point(0, text);
    made.layers = {{text, 1, 0, {{text, -0.5}}}};
    made.mean = {{"minus", -kInfinity}};
    auto sink = opened<CsvSink>(folder.file());
    sink.write(header);
    sink.write(made);
    REQUIRE(sink.failures() == 0);
    const auto start = cell + "," + cell + ",0,16384,0,2.0431,";
    REQUIRE(samples::read(folder.file()) ==
            kNames + start + cell + "," + cell + ",-0.5\n" + start + "mean,minus,-Inf\n");
  }
}

TEST_CASE("CSV goes on behind a row that a crash cut off", "[sinks]") {
  const samples::Folder folder;
  {
    auto sink = opened<CsvSink>(folder.file());
    sink.write(samples::header());
    sink.write(point(0));
  }
  const auto whole = samples::read(folder.file());
  samples::write(folder.file(), whole.substr(0, whole.size() - 7));
  {
    auto sink = opened<CsvSink>(folder.file(), OpenMode::kAppend);
    sink.write(samples::header());
    sink.write(point(0));
  }
  const auto text = samples::read(folder.file());
  REQUIRE(samples::count(text, kNames) == 1);
  REQUIRE(samples::count(text, "\n") == 1 + 14 + 15);
  {
    auto sink = opened<CsvSink>(folder.file(), OpenMode::kOverwrite);
    sink.write(samples::header());
    sink.write(point(0));
  }
  REQUIRE(samples::read(folder.file()) == whole);
}

TEST_CASE("CSV goes on behind a row that was cut at any byte, within quotes too", "[sinks]") {
  const samples::Folder folder;
  const auto path = folder.file();
  auto header = samples::header();
  header.run = "a \"run\",\nof \n\"\" lines";
  auto odd = point(0);
  odd.layers.clear();
  odd.mean = {{"a\n\"b\", c\n", 0.5}, {"z\n\n", -1}, {"zz\"", 2}};
  {
    auto sink = opened<CsvSink>(path);
    sink.write(header);
    sink.write(odd);
  }
  const auto whole = samples::read(path);
  const auto first = rows_of(whole);
  REQUIRE(first.size() == 4);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(size);
    samples::write(path, whole.substr(0, size));
    {
      auto sink = opened<CsvSink>(path, OpenMode::kAppend);
      sink.write(samples::header());
      sink.write(point(50));
      REQUIRE(sink.failures() == 0);
    }
    const auto rows = rows_of(samples::read(path));
    REQUIRE(rows.size() > 15);
    const auto kept = rows.size() - 15;  // the names among them
    REQUIRE(kept <= 4);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < kept; ++i) {
      REQUIRE(rows[i] == first[i]);
      bytes += first[i].size() + 1;
    }
    REQUIRE((kept == 4 || (size < bytes + first[kept].size() + 1 && (bytes <= size || kept == 1))));
    for (std::size_t i = kept; i < rows.size(); ++i) {
      REQUIRE(rows[i].starts_with("tiny-gpt,train,50,"));
    }
  }
}

TEST_CASE("CSV cuts no rows off behind a quote in the middle that is never closed", "[sinks]") {
  const samples::Folder folder;
  const auto path = folder.file();
  const std::string row = "tiny-gpt,train,0,16384,0,2.0431,embedding,H(Z),0.9\n";
  for (const std::string cut : {"\"a", "tiny-gpt,train,0,16384,0,2.0431,\"embed", "\"a \"\"b\nc"}) {
    const auto damaged = kNames + row + cut + "\n" + row + row;
    samples::write(path, damaged);
    REQUIRE_THROWS_MATCHES(opened<CsvSink>(path, OpenMode::kAppend), IoError,
                           Message(path + ":3: a quote is never closed, and rows stand behind it: repair the table, or "
                                          "give another path"));
    REQUIRE(samples::read(path) == damaged);
  }
}

TEST_CASE("CSV leaves files alone that are not its own", "[sinks]") {
  const samples::Folder folder;
  samples::write(folder.file(), "precious\n");
  REQUIRE_THROWS_MATCHES(opened<CsvSink>(folder.file()), IoError,
                         Message("the CSV file " + folder.file() +
                                 " is not empty (9 bytes): give the sink infoplane::OpenMode::kAppend to go on with "
                                 "it, infoplane::OpenMode::kOverwrite to replace it, infoplane::OpenMode::kNewName to "
                                 "write beside it (" +
                                 folder.file("run-2.jsonl") + ", …), or another path"));
  REQUIRE_THROWS_MATCHES(opened<CsvSink>(folder.file(), OpenMode::kAppend), IoError,
                         MessageMatches(ContainsSubstring(":1: not a table of this sink, which begins with \"run,")));
  REQUIRE(samples::read(folder.file()) == "precious\n");
  REQUIRE_THROWS_MATCHES(opened<CsvSink>(folder.file("no/x.csv")), IoError,
                         Message("cannot open the CSV file " + folder.file("no/x.csv") +
                                 ": No such file or directory; create its folder first"));
}
