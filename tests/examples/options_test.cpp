#include "options.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <utility>
#include <vector>

using Catch::Matchers::ContainsSubstring;

namespace {

train_text::CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "train_text");
  return train_text::parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

}  // namespace

TEST_CASE("without arguments the options are those of the demo", "[examples][options]") {
  const auto options = parse({}).options.value();
  REQUIRE(options.text.empty());
  REQUIRE(options.tokens.empty());
  REQUIRE_FALSE(options.vocabulary);
  REQUIRE_FALSE(options.limit);
  REQUIRE(options.out == "run.jsonl");
  REQUIRE(options.steps == 2400);
  REQUIRE(options.every == 50);
  REQUIRE(options.window == 16);
  REQUIRE(options.learning_rate == 4e-3);
  REQUIRE_FALSE(options.stop);
  REQUIRE_FALSE(options.quiet);
}

TEST_CASE("every option reaches its field", "[examples][options]") {
  const auto options =
      parse({"--tokens",  "t.bin", "--vocabulary", "300", "--out",    "o.jsonl", "--seed",  "18446744073709551615",
             "--steps",   "7",     "--every",      "2",   "--window", "3",       "--batch", "4",
             "--context", "5",     "--width",      "12",  "--layers", "6",       "--heads", "3",
             "--threads", "2",     "--lr",         "0.5", "--device", "cuda:1",  "--stop",  "--quiet",
             "--limit",   "999"})
          .options.value();
  REQUIRE(options.tokens == "t.bin");
  REQUIRE(options.vocabulary == 300);
  REQUIRE(options.limit == 999);
  REQUIRE(options.out == "o.jsonl");
  REQUIRE(options.seed == 18446744073709551615U);
  REQUIRE(options.steps == 7);
  REQUIRE(options.every == 2);
  REQUIRE(options.window == 3);
  REQUIRE(options.batch == 4);
  REQUIRE(options.context == 5);
  REQUIRE(options.width == 12);
  REQUIRE(options.layers == 6);
  REQUIRE(options.heads == 3);
  REQUIRE(options.threads == 2);
  REQUIRE(options.learning_rate == 0.5);
  REQUIRE(options.device == "cuda:1");
  REQUIRE(options.stop);
  REQUIRE(options.quiet);
  REQUIRE(parse({"--text", "a.txt"}).options.value().text == "a.txt");
}

TEST_CASE("a number means what it says", "[examples][options]") {
  REQUIRE(parse({"--steps", "010"}).options.value().steps == 10);  // no octal number
  REQUIRE(parse({"--lr", "1e-3"}).options.value().learning_rate == 1e-3);
  REQUIRE(parse({"--limit", "0"}).options.value().limit == 0);
}

TEST_CASE("help lists every option with its default and ends with 0", "[examples][options]") {
  const auto help = parse({"--help"});
  REQUIRE_FALSE(help.options);
  REQUIRE(help.exit_code == 0);
  for (const char* part :
       {"--text",  "--tokens",  "--vocabulary", "--out",     "run.jsonl", "--seed",   "--steps", "2400",
        "--every", "--window",  "--batch",      "--context", "--width",   "--layers", "--heads", "--lr",
        "0.004",   "--threads", "--device",     "--stop",    "--quiet",   "--limit"}) {
    REQUIRE_THAT(help.message, ContainsSubstring(part));
  }
}

TEST_CASE("a mistake ends with 2 and names the option", "[examples][options]") {
  const auto [arguments, part] = GENERATE(table<std::vector<const char*>, const char*>({
      {{"--steps", "0"}, "--steps"},
      {{"--steps", "many"}, "--steps"},
      {{"--steps", "50.7"}, "--steps: \"50.7\" is not a whole number of at least 1, written in plain digits"},
      {{"--steps", "0x64"}, "--steps: \"0x64\" is not a whole number"},
      {{"--steps", "nan"}, "--steps: \"nan\" is not a whole number"},
      {{"--steps", "99999999999999999999"}, "--steps: \"99999999999999999999\" is not a whole number"},
      {{"--threads", "4294967297"}, "--threads: \"4294967297\" is not a whole number from 1 to 1024"},
      {{"--limit", "-1"}, "--limit: \"-1\" is not a whole number of at least 0"},
      {{"--lr", "nan"}, "--lr: \"nan\" is not a number above 0"},
      {{"--lr", "inf"}, "--lr: \"inf\" is not a number above 0"},
      {{"--lr", "1e999"}, "--lr: \"1e999\" is not a number above 0"},
      {{"--lr", "0.1x"}, "--lr: \"0.1x\" is not a number above 0"},
      {{"--seed", "-1"}, "--seed: \"-1\" is not a whole number of at least 0"},
      {{"--every", "-5"}, "--every"},
      {{"--lr", "0"}, "--lr: \"0\" is not a number above 0"},
      {{"--threads", "0"}, "--threads"},
      {{"--device", "gpu"}, "--device: gpu is not cpu, cuda or cuda:N"},
      {{"--device", "cuda:x"}, "--device"},
      {{"--stepz", "3"}, "--stepz"},
      {{"stray"}, "stray"},
      {{"--text"}, "--text"},
      {{"--text", "a", "--tokens", "b"}, "--text"},
      {{"--vocabulary", "300"}, "--tokens"},
      {{"--tokens", "b", "--vocabulary", "70000"}, "--vocabulary"},
      {{"--width", "10", "--heads", "4"}, "--width: 10 does not divide into 4 heads"},
  }));
  const auto result = parse(arguments);
  CAPTURE(result.message);
  REQUIRE_FALSE(result.options);
  REQUIRE(result.exit_code == 2);
  REQUIRE_THAT(result.message, ContainsSubstring(part) && ContainsSubstring("(see --help)"));
  REQUIRE_THAT(result.message, !ContainsSubstring("\n"));
}
