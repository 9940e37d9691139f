#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "cli/support.hpp"

using cli_support::has;
using cli_support::run;
using cli_support::write_run;

namespace {

struct Option {
  std::vector<std::string> command;  // to which the option and its value are added
  std::string name;
  bool whole;
  std::string allowed;  // behind "is not a whole number" or "is not a number"
  std::string below;    // a number that is too small; empty: none is
};

const std::vector<Option> kOptions = {
    {{"watch", "none", "--once"}, "--interval", false, " above 0", "0"},
    {{"watch", "none", "--once"}, "--seconds", false, " of at least 0", "-1"},
    {{"watch", "none", "--once"}, "--rows", true, " from 2 to 100000", "1"},
    {{"report", "--check", "none"}, "--most", true, " of at least 1", "0"},
    {{"report", "none"}, "--max-steps", true, " of at least 2", "1"},
    {{"report", "none"}, "--patience", true, " of at least 1", "0"},
    {{"report", "none"}, "--min-delta", false, " of at least 0", "-0.5"},
    {{"report", "none"}, "--start-from-step", true, " of at least 0", "-1"},
    {{"compare", "none"}, "--at", true, " of at least 0", "-1"},
    {{"correlate", "none", "none"}, "--at", true, " of at least 0", "-1"},
    {{"bound", "none"}, "--anchors", true, " from 2 to 1000000", "1"},
    {{"bound", "none"}, "--restarts", true, " of at least 1", "0"},
    {{"bound", "none"}, "--tolerance", false, " above 0", "0"},
    {{"bound", "none"}, "--seed", true, " of at least 0", "-1"},
    {{"bound", "none"}, "--rows", true, " from 1 to 100000", "0"},
};

cli_support::Result with(const Option& option, const std::string& value) {
  auto arguments = option.command;
  arguments.push_back(option.name + "=" + value);
  return run(arguments);
}

}  // namespace

TEST_CASE("what is no number is refused by every option, with its name, the value and what is allowed", "[cli]") {
  for (const auto& option : kOptions) {
    CAPTURE(option.command.front(), option.name);
    std::vector<std::string> wrong = {"0x64", "nan",   "inf", "+5",   " 5", "5 ",
                                      "5x",   "1_000", "1,5", "five", "-",  "99 99"};
    if (option.whole) {
      wrong.insert(wrong.end(), {"50.7", "1e3", "5."});
    }
    for (const auto& value : wrong) {
      CAPTURE(value);
      const auto result = with(option, value);
      CAPTURE(result.err);
      REQUIRE(result.code == 2);
      REQUIRE(result.out.empty());
      REQUIRE(has(result.err, option.name));
      REQUIRE(has(result.err, "\"" + value + "\" is not a " + (option.whole ? "whole number" : "number") +
                                  option.allowed + ", written in plain digits (see --help)\n"));
    }
    for (const auto& value : {std::string("99999999999999999999999"), option.below}) {
      CAPTURE(value);
      if (value.size() > 5 && !option.whole) {
        continue;
      }
      const auto result = with(option, value);
      CAPTURE(result.err);
      REQUIRE(result.code == 2);
      REQUIRE(
          has(result.err, "\"" + value + "\" is not a " + (option.whole ? "whole number" : "number") + option.allowed));
    }
    const auto empty = run([&] {
      auto arguments = option.command;
      arguments.insert(arguments.end(), {option.name, ""});
      return arguments;
    }());
    REQUIRE(empty.code == 2);
    REQUIRE(has(empty.err, option.name));
    for (const auto* value : {"5", "007", "100"}) {  // read, after which the file is missing
      CAPTURE(value);
      REQUIRE(with(option, value).code == 3);
    }
  }
}

TEST_CASE("a number means what it says", "[cli]") {
  const samples::Folder folder;
  const auto a = write_run(folder, "a"), b = write_run(folder, "b");
  const auto step = [&](const std::string& at) {
    return nlohmann::json::parse(run({"compare", a, b, "--at", at, "--json"}).out)["ranking"][0]["step"];
  };
  REQUIRE(step("50") == 50);
  REQUIRE(step("0050") == 50);  // no octal number
  REQUIRE(step("0100") == 100);
  REQUIRE(step("last") == 1000);
  REQUIRE(
      has(run({"compare", a, b, "--at", "50.7"}).err,
          "--at takes last, best or a step: \"50.7\" is not a whole number of at least 0, written in plain digits"));
  REQUIRE(has(run({"compare", a, b, "--at", "Last"}).err, "--at takes last, best or a step: \"Last\""));
}

TEST_CASE("a flag takes no value", "[cli]") {
  const samples::Folder folder;
  const auto path = write_run(folder, "a");
  const std::vector<std::vector<std::string>> flags = {{"report", "--check", path, "--json"},
                                                       {"report", "--check", path, "--strict"},
                                                       {"watch", path, "--once", "--json"},
                                                       {"compare", path, path, "--json"},
                                                       {"report", path, "--json"},
                                                       {"bound", path, "--json"},
                                                       {"watch", path, "--once"},
                                                       {"correlate", path, path, "--json"}};
  for (auto arguments : flags) {
    const auto flag = arguments.back();
    for (const auto* value : {"nan", "5", "99999999999999999999", "0", "maybe"}) {
      arguments.back() = flag + "=" + value;
      CAPTURE(arguments);
      const auto result = run(arguments);
      CAPTURE(result.err);
      REQUIRE(result.code == 2);
      REQUIRE(has(result.err, flag + ": takes no value, got " + value));
      REQUIRE_FALSE(has(result.err, "sto"));
    }
  }
}
