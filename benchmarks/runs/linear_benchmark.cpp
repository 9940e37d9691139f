// Whether reading is linear: the time of a size and of four times that size, for each thing that a run file can have
// many of. Linear is a ratio of about 4, quadratic one of 16; with --check, a ratio of 8 or more is a failure.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <infoplane/report/report.hpp>
#include <infoplane/runs/run_check.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/runs/run_follower.hpp>
#include <string>
#include <vector>

namespace {

constexpr double kMost = 8;

std::string numbered(std::int64_t count, const std::string& before, const std::string& behind) {
  std::string out;
  for (std::int64_t i = 0; i < count; ++i) {
    out += i == 0 ? "" : ",";
    out += before + std::to_string(i) + behind;
  }
  return out;
}

std::string header(const std::string& label_sets, const std::string& sites, const std::string& config) {
  return R"({"schema":"infoplane.run","schema_version":1,"run":"r","started":"","seed":0,"m":100,"d":64,)"
         R"("temperature":0.04,"calibration":"","anchor_hash":"","label_sets":[)" +
         label_sets + R"(],"sites":[)" + sites +
         R"(],"dtype":"","world_size":1,"every":1,"window":1,"library_version":"","torch_version":"","config":{)" +
         config + "}}\n";
}

std::string point(std::int64_t step, const std::string& split, const std::string& mean, const std::string& layers) {
  return "{\"step\":" + std::to_string(step) + R"(,"stream":")" + split + R"(","tokens":1,"time":0,"loss":1,"mean":{)" +
         mean + R"(},"layers":[)" + layers + "]}\n";
}

constexpr const char* kMetrics =
    R"x("H(Z)":0.9,"I(X;Z)/input_unigram":0.4,"I(Y;Z)/output_unigram":0.1,"distance/unigram":0.75,)x"
    R"x("optimality/unigram":0.25)x";

struct Case {
  const char* name;
  std::int64_t size;
  std::function<std::string(std::int64_t)> text;
};

const std::vector<Case> kCases = {
    {"label sets", 50000, [](auto n) { return header(numbered(n, "\"s", "\""), "", ""); }},
    {"sites and layers", 20000,
     [](auto n) {
       const auto layer = std::string(R"(","tokens":1,"rejected":0,"metrics":{)") + kMetrics + "}}";
       return header("", numbered(n, "\"b", "\""), "") +
              point(0, "train", kMetrics, numbered(n, "{\"name\":\"b", layer));
     }},
    {"configuration", 50000, [](auto n) { return header("", "", numbered(n, "\"c", "\":1")); }},
    {"metrics", 50000, [](auto n) { return header("", "", "") + point(0, "train", numbered(n, "\"k", "\":0.5"), ""); }},
    {"length of a line", 10000000,
     [](auto n) { return header("", "", "\"c\":\"" + std::string(static_cast<std::size_t>(n), 'x') + '"'); }},
    {"points", 10000,
     [](auto n) {
       auto text = header("", "", "");
       for (std::int64_t i = 0; i < n; ++i) {
         text += point(i, "train", kMetrics, "");
       }
       return text;
     }},
    {"points measured again", 5000,
     [](auto n) {
       auto text = header("", "", "");
       for (std::int64_t i = 0; i < n; ++i) {
         text += point(i, "train", "", "");
       }
       text += header("", "", "");
       for (std::int64_t i = n; i > 0; --i) {
         text += point(i, "heldout", "", "");
       }
       return text;
     }},
};

struct Way {
  const char* name;
  std::function<void(const std::string&)> read;
};

const std::vector<Way> kWays = {
    {"read", [](const auto& path) { infoplane::runs::read_run_file(path); }},
    {"read few layers",
     [](const auto& path) {
       infoplane::runs::read_run_file(path, infoplane::runs::RunFileOptions().max_layer_points(4));
     }},
    {"check", [](const auto& path) { infoplane::runs::check_run_file(path); }},
    {"follow",
     [](const auto& path) {
       infoplane::runs::RunFollower follower(path);
       do {
         follower.poll();
       } while (follower.behind());
     }},
};

/// The quickest of some runs: a busy machine only ever adds.
double seconds(const std::function<void()>& work) {
  double least = 1e9;
  for (int i = 0; i < 4; ++i) {
    const auto start = std::clock();
    work();
    least = std::min(least, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return least;
}

}  // namespace

int main(int argc, char** argv) {
  bool check = false;
  std::string folder = std::filesystem::temp_directory_path().string();
  CLI::App app("Times a size of a run file and four times that size.");
  app.add_flag("--check", check, "Exit with 1 where four times the size takes 8 times as long");
  app.add_option("--folder", folder, "For the run files, which are removed");
  CLI11_PARSE(app, argc, argv);
  const auto path = (std::filesystem::path(folder) / "infoplane-linear.jsonl").string();
  bool linear = true;
  std::printf("%-24s%-18s%12s%12s%12s%8s\n", "many", "way", "size", "seconds", "of 4 times", "ratio");
  for (const auto& each : kCases) {
    for (const auto& way : kWays) {
      double times[2] = {};
      for (int i = 0; i < 2; ++i) {
        std::ofstream(path, std::ios::binary) << each.text(i == 0 ? each.size : 4 * each.size);
        times[i] = seconds([&] { way.read(path); });
      }
      const auto ratio = times[1] / times[0];
      linear = linear && ratio < kMost;
      std::printf("%-24s%-18s%12lld%12.4f%12.4f%8.1f%s\n", each.name, way.name, static_cast<long long>(each.size),
                  times[0], times[1], ratio, ratio < kMost ? "" : "  NOT linear");
    }
  }
  std::filesystem::remove(path);
  return check && !linear ? 1 : 0;
}
