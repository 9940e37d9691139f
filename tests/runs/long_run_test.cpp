#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>

#include "report/made_run.hpp"
#include "runs/run_json.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::Message;
using infoplane::JsonLinesSink;
using infoplane::OpenMode;
using infoplane::read_run_file;
using infoplane::RunFileOptions;
using samples::point;
namespace run_json = infoplane::runs::run_json;

TEST_CASE("a long run keeps the layers of a few points, the first and the last among them", "[runs]") {
  const samples::Folder folder;
  for (const int count : {1, 3, 7, 8, 9, 100, 1000}) {
    CAPTURE(count);
    {
      auto sink = opened<JsonLinesSink>(folder.file(), OpenMode::kOverwrite);
      sink.write(samples::header());
      for (int i = 0; i < count; ++i) {
        sink.write(point(i, "train"));
        if (i % 3 == 0) {
          sink.write(point(i, "heldout"));
        }
      }
    }
    const auto all = read_run_file(folder.file()),
               few = read_run_file(folder.file(), RunFileOptions().max_layer_points(8));
    REQUIRE(few.points.size() == all.points.size());
    for (const auto* name : {"train", "heldout"}) {
      const auto whole = all.split(name), thin = few.split(name);
      std::int64_t kept = 0, gap = 0, widest = 0;
      for (std::size_t i = 0; i < whole.size(); ++i) {
        REQUIRE(samples::same(whole[i].mean, thin[i].mean));
        REQUIRE((thin[i].layers.empty() || samples::same(whole[i], thin[i])));
        kept += thin[i].layers.empty() ? 0 : 1;
        gap = thin[i].layers.empty() ? gap + 1 : 0;
        widest = std::max(widest, gap);
      }
      REQUIRE_FALSE(thin.front().layers.empty());
      REQUIRE_FALSE(thin.back().layers.empty());
      REQUIRE(kept <= 8);
      REQUIRE(kept >= std::min<std::int64_t>(4, static_cast<std::int64_t>(whole.size())));
      REQUIRE(widest <= static_cast<std::int64_t>(whole.size()) / 3);
    }
  }
  REQUIRE_THROWS_MATCHES(read_run_file(folder.file(), RunFileOptions().max_layer_points(3)), infoplane::ArgumentError,
                         Message("a run was to be read with the layers of 3 points: give max_layer_points of at least "
                                 "4, or 0 for all"));
}

TEST_CASE("a resumed long run keeps the layers of its own last point", "[runs]") {
  const samples::Folder folder;
  {
    auto sink = opened<JsonLinesSink>(folder.file());
    sink.write(samples::header());
    for (int i = 0; i < 50; ++i) {
      sink.write(point(i));
    }
    sink.write(samples::header());
    for (int i = 20; i < 23; ++i) {
      sink.write(point(i, "train", 0.5));
    }
  }
  const auto run = read_run_file(folder.file(), RunFileOptions().max_layer_points(8));
  REQUIRE(run.points.size() == 23);
  REQUIRE(samples::same(run.points.back(), point(22, "train", 0.5)));
}

TEST_CASE("layers are taken out of a line as text", "[runs]") {
  const auto out = [](const char* line) { return run_json::without_layers(line); };
  REQUIRE(out(R"({"step":1,"layers":[{"a":[1,"]"]},{}],"x":2})") == R"({"step":1,"layers":[],"x":2})");
  REQUIRE(out(R"({"layers" : [1]})") == R"({"layers" : []})");
  REQUIRE(out(R"({"mean":{"layers":[1]},"layers":[2]})") == R"({"mean":{"layers":[1]},"layers":[]})");
  REQUIRE(out(R"({"stream":"\"layers\":[","layers":[]})") == R"({"stream":"\"layers\":[","layers":[]})");
  for (const auto* odd : {"", "{", "]", "{\"layers\":[", "{\"layers\":[\"", "{\"layers\":[\"\\", "\"layers\":[1]",
                          "{\"layers\":7}", "{\"layers\":"}) {
    CAPTURE(odd);
    REQUIRE(out(odd) == odd);
  }
}
