#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <infoplane/bound/ib_curve.hpp>
#include <nlohmann/json.hpp>

#include "cli/support.hpp"
#include "report/markup.hpp"

using Catch::Matchers::WithinAbs;
using cli_support::has;
using cli_support::run;

namespace {

template <typename Token>
std::string binary(const std::vector<int>& tokens) {
  std::string bytes;
  for (const auto token : tokens) {
    const auto value = static_cast<Token>(token);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes;
}

std::string llmc(const std::vector<int>& tokens, std::int32_t magic) {
  std::string header(1024, '\0');
  std::memcpy(header.data(), &magic, sizeof magic);
  return header + binary<std::uint16_t>(tokens);
}

std::string words(const std::vector<int>& tokens) {
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    text += std::to_string(tokens[i]) + (i % 7 == 6 ? "\n" : i % 3 == 0 ? "\t " : " ");
  }
  return text;
}

/// A token out of 90 … 95 that follows from the one before half of the time.
std::vector<int> some_tokens() {
  std::vector<int> tokens;
  std::uint32_t state = 1;
  int last = 0;
  for (int i = 0; i < 3000; ++i) {
    state = state * 1664525U + 1013904223U;
    last = (state >> 16U) % 2 == 0 ? (last + 1) % 6 : static_cast<int>((state >> 20U) % 6);
    tokens.push_back(90 + last);
  }
  return tokens;
}

}  // namespace

TEST_CASE("bound solves the curve of a text and writes it beside it", "[cli]") {
  const samples::Folder folder;
  const auto text = folder.file("abc.txt"), curve = folder.file("abc.curve.json");
  std::string abc;
  for (int i = 0; i < 1000; ++i) {
    abc += "abc";
  }
  samples::write(text, abc);
  const auto result = run({"bound", text, "--rows", "2"});
  CAPTURE(result.out, result.err);
  REQUIRE(result.code == 0);
  REQUIRE(has(result.out, "3000 tokens, 2999 pairs of unigrams: 3 different ones in front, 3 behind, 3 pairs\n"));
  REQUIRE(has(result.out, "H(X) 1.0986, H(Y) 1.0986, I(X;Y) 1.0986 nats\n"));
  // What comes next follows from what was read, so the curve is the diagonal; log 3 / log 100 is 0.2386.
  REQUIRE(has(result.out, "\n  1.0986    1.0986      0.2386        0.2386      1.0000          100.0 %\n"));
  REQUIRE(result.out.ends_with("\n" + curve + "\n"));
  const auto solved = infoplane::bound::IbCurve::load(curve);
  REQUIRE_THAT(solved.information(), WithinAbs(std::log(3), 1e-4));
  REQUIRE_THAT(solved.expressivity_at(0.5), WithinAbs(0.5, 1e-3));
}

TEST_CASE("bound reads tokens in each form alike, and prints JSON", "[cli]") {
  const samples::Folder folder;
  const auto tokens = some_tokens();
  const auto name = folder.file("tokens"), out = folder.file("curve.json");
  nlohmann::json first;
  for (const auto& [kind, text] : {std::pair{"bytes", binary<std::uint8_t>(tokens)},
                                   {"uint16", binary<std::uint16_t>(tokens)},
                                   {"uint16", llmc(tokens, 20240520)},
                                   {"int32", binary<std::int32_t>(tokens)},
                                   {"int64", binary<std::int64_t>(tokens)},
                                   {"text", words(tokens)}}) {
    CAPTURE(kind, text.size());
    samples::write(name, text);
    const auto result = run({"bound", name, "-o", out, "--tokens", kind, "--anchors", "8", "--json"});
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    const auto json = nlohmann::json::parse(result.out);
    if (first.is_null()) {
      first = json;
      REQUIRE(json["tokens"] == 3000);
      REQUIRE(json["pairs"] == 2999);
      REQUIRE(json["rows"] == 6);
      REQUIRE(json["nonzeros"] == 36);
      REQUIRE(json["output"] == out);
      const auto curve = infoplane::bound::IbCurve::load(out);
      REQUIRE(json["points"].size() == curve.points().size());
      REQUIRE(json["points"].back()["expressivity"] == curve.points().back().expressivity);
      REQUIRE(json["information"].get<double>() > 0.2);
    }
    REQUIRE(json == first);
  }
}

TEST_CASE("bound takes n-grams of an order, and several documents", "[cli]") {
  const samples::Folder folder;
  const auto a = folder.file("a"), b = folder.file("b"), out = folder.file("c.json");
  samples::write(a, "abab");
  samples::write(b, "abc");
  const auto pairs = [&](const std::string& order, const std::vector<std::string>& texts) {
    std::vector<std::string> arguments = {"bound", "-o", out, "--order", order, "--json"};
    arguments.insert(arguments.end(), texts.begin(), texts.end());
    const auto result = run(arguments);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    return nlohmann::json::parse(result.out)["pairs"].get<int>();
  };
  REQUIRE(pairs("unigram", {a}) == 3);
  REQUIRE(pairs("bigram", {a}) == 1);
  REQUIRE(pairs("unigram", {a, b}) == 5);  // none across the documents
  samples::write(b, "1 2 3 -1 4 5");
  REQUIRE(nlohmann::json::parse(run({"bound", b, "-o", out, "--tokens", "text", "--json"}).out)["pairs"] == 3);
}

TEST_CASE("bound names the file and the place of what is wrong, and leaves no curve", "[cli]") {
  const samples::Folder folder;
  const auto path = folder.file("tokens"), out = folder.file("curve.json");
  struct Row {
    std::string text;
    const char* kind;
    std::string message;
  };
  const std::vector<Row> rows = {
      {"1 2\n3 x4\n", "text", path + ":2: \"x4\" is no whole number"},
      {"1 2\n\n3.5", "text", path + ":3: \"3.5\" is no whole number"},
      {"9223372036854775808", "text", path + ":1: \"9223372036854775808\" does not fit into 64 bits"},
      {std::string(50, 'x'), "text", path + ":1: \"" + std::string(40, 'x') + "…\" is no whole number"},
      {"1234567", "int32", path + ": offset 4: the last 3 bytes are no whole token of 4 bytes"},
      {"12345678901234567", "int64", path + ": offset 16: the last 1 byte is no whole token of 8 bytes"},
      {llmc({1, 2}, 20240801), "uint16", path + ": offset 0: llm.c's magic 20240801 says that the tokens are of 32"},
      {"", "bytes", path + ": 0 tokens without a pair of unigrams: 2 in a row are needed at least"},
      {"-1 7 -1", "text", path + ": 3 tokens without a pair of unigrams: 2 in a row are needed at least"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    samples::write(path, row.text);
    const auto result = run({"bound", path, "-o", out, "--tokens", row.kind});
    CAPTURE(result.err);
    REQUIRE(result.code == 3);
    REQUIRE(result.out.empty());
    REQUIRE(has(result.err, "infoplane: " + row.message));
    REQUIRE_FALSE(std::filesystem::exists(out));
  }
  REQUIRE(run({"bound", folder.file("none")}).err ==
          "infoplane: cannot read the tokens " + folder.file("none") + ": No such file or directory\n");
  REQUIRE(has(run({"bound", std::filesystem::path(path).parent_path().string()}).err, ": Is a directory\n"));
  samples::write(path, "abcabc");
  const auto over = run({"bound", path, "-o", path});
  REQUIRE(over.code == 2);
  REQUIRE(has(over.err, "the curve would be written over the text " + path + ": give another --output"));
  REQUIRE(samples::read(path) == "abcabc");
  const auto nowhere = run({"bound", path, "-o", folder.file("no/such/folder.json")});
  REQUIRE(nowhere.code == 3);
  REQUIRE(has(nowhere.err, "cannot be written to " + folder.file("no/such/folder.json")));
}
