#include <catch2/catch_test_macros.hpp>

#include "cli/support.hpp"
#include "core/odd_locale.hpp"

using cli_support::run;
using cli_support::write_run;

TEST_CASE("the program prints and reads the same under every locale", "[cli][locale]") {
  const samples::Folder folder;
  const auto a = write_run(folder, "a", cli_support::falling_to(0.2)),
             b = write_run(folder, "b", cli_support::falling_to(0.3)),
             c = write_run(folder, "c", cli_support::falling_to(0.4)),
             d = write_run(folder, "d", cli_support::falling_to(0.45));
  const auto scores = folder.file("scores.csv"), text = folder.file("text"), curve = folder.file("curve.json");
  samples::write(scores, "run,mmlu\na,1234.5\nb,0.25\nc,0.5\nd,2.5\n");
  samples::write(folder.file("broken.jsonl"), samples::read(a) + std::string(1500, '\n') + "nonsense\n");
  std::string letters;
  for (std::uint32_t i = 0, state = 1; i < 3000; ++i) {
    state = state * 1664525U + 1013904223U;
    letters += static_cast<char>('a' + (state >> 24U) % 8);
  }
  samples::write(text, letters);
  const std::vector<std::vector<std::string>> lines = {
      {"bound", text, "-o", curve, "--tolerance", "0.01", "--anchors", "1000"},
      {"bound", text, "-o", curve, "--json"},
      {"report", a, "-o", "-", "--curve", curve},
      {"report", a, "--json", "--min-delta", "0.5", "--start-from-step", "300"},
      {"report", a, "--figure", "plane", "-o", "-"},
      {"compare", a, b, "--at", "1000"},
      {"compare", a, b, "--json"},
      {"correlate", scores, a, b, c, d},
      {"correlate", scores, a, b, c, d, "--json"},
      {"report", "--check", folder.file("broken.jsonl")},
      {"report", "--check", folder.file("broken.jsonl"), "--json"},
      {"watch", a, "--once"},
      {"watch", a, "--once", "--json"}};
  for (const auto& line : lines) {
    CAPTURE(line);
    const auto plain = run(line);
    const OddLocale odd;
    const auto here = run(line);
    REQUIRE(here.code == plain.code);
    REQUIRE(here.out == plain.out);
    REQUIRE(here.err == plain.err);
  }
}
