#include <catch2/catch_test_macros.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "program.hpp"
#include "small_run.hpp"

using examples_test::Outcome;
using examples_test::Program;
using examples_test::sentences;
using examples_test::TemporaryFolder;

TEST_CASE("masked_encoder: the layers come to know the masked bytes", "[examples][program]") {
  const TemporaryFolder folder;
  std::string long_text;
  for (int i = 0; i < 10; ++i) {
    long_text += sentences();
  }
  const auto text = folder.write("a.txt", long_text).string();
  const Outcome outcome = Program(INFOPLANE_MASKED_ENCODER, {"--text", text, "--steps", "500", "--every", "500",
                                                             "--batch", "16", "--heldout", "128", "--threads", "1"})
                              .finish();
  CAPTURE(outcome.out, outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  std::istringstream lines(outcome.out);
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  struct Row {
    double step, loss, context, expressivity, share, error, distance;
  };
  std::vector<Row> rows;
  while (std::getline(lines, line)) {
    Row row{};
    const auto sign = line.find("±");
    REQUIRE(sign != std::string::npos);
    line.erase(sign, std::string_view("±").size());
    std::istringstream(line) >> row.step >> row.loss >> row.context >> row.expressivity >> row.share >> row.error >>
        row.distance;
    rows.push_back(row);
  }
  REQUIRE(rows.size() == 2);
  const auto &before = rows[0], &after = rows[1];
  CHECK(after.loss < before.loss - 0.3);
  CHECK(after.share > 4 * after.error);
  CHECK(after.expressivity > before.expressivity + 0.01);
  CHECK(after.share <= 1);
  CHECK(after.context > after.expressivity);
  CHECK(after.distance > 0);
}
