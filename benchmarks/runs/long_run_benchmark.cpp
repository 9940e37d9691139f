// A long run of a deep model: writes a run file, reads it with the layers of few points, draws its report; prints size,
// seconds and peak memory, and fails beyond 20 s or 1 GB (for the default size).
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/report/report.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <iostream>
#include <string>

namespace {

namespace plane = infoplane::plane;
using Clock = std::chrono::steady_clock;

/// Seconds on the clock, and those that the processor worked for it: on a busy machine the former say little.
struct Time {
  double wall = 0, cpu = 0;
};

class Timer {
 public:
  Time passed() const {
    return {std::chrono::duration<double>(Clock::now() - start_).count(),
            static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC};
  }

 private:
  Clock::time_point start_ = Clock::now();
  std::clock_t cpu_ = std::clock();
};

plane::Metrics metrics_at(double t, double depth) {
  const auto complexity = 0.1 + t * (1 - t) + 0.1 * depth, expressivity = 0.05 + 0.1 * t;
  return {{"H(Z)", 0.9},
          {plane::complexity_key("unigram"), complexity},
          {plane::expressivity_key("unigram"), expressivity},
          {plane::optimality_key("unigram"), expressivity / complexity},
          {plane::distance_key("unigram"), 1 - expressivity / complexity}};
}

plane::Point point_at(std::int64_t step, double t, std::int64_t layers) {
  plane::Point point;
  point.step = step;
  point.tokens = 16384;
  point.loss = 5 - 3 * t;
  for (std::int64_t i = 0; i < layers; ++i) {
    const auto depth = static_cast<double>(i) / static_cast<double>(layers);
    point.layers.push_back({"blocks." + std::to_string(i), 16384, 0, metrics_at(t, depth)});
  }
  point.mean = metrics_at(t, 0.5);
  return point;
}

/// Through the sink once for each of 1000 moments; the points between repeat that line with their own step.
void write_run(const std::string& path, std::int64_t points, std::int64_t layers) {
  infoplane::runs::RunHeader header;
  header.run = "long";
  header.anchors = 100;
  header.width = 1024;
  header.temperature = 0.03;
  std::string line, start;
  {
    infoplane::sinks::JsonLinesSink sink(path, infoplane::OpenMode::kOverwrite);
    sink.write(header);
  }
  std::ofstream out(path, std::ios::binary | std::ios::app);
  for (std::int64_t i = 0; i < points; ++i) {
    if (i % std::max<std::int64_t>(1, points / 1000) == 0) {
      const auto scratch = path + ".line";
      {
        infoplane::sinks::JsonLinesSink sink(scratch, infoplane::OpenMode::kOverwrite);
        sink.write(header);
        sink.write(point_at(i, static_cast<double>(i) / static_cast<double>(points), layers));
      }
      std::ifstream in(scratch, std::ios::binary);
      std::getline(in, line);
      std::getline(in, line);
      line.erase(0, line.find(','));
      std::filesystem::remove(scratch);
    }
    out << "{\"step\":" << i << line << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::int64_t points = 100000, layers = 96;
  std::string folder = std::filesystem::temp_directory_path().string();
  CLI::App app("Reads and draws a run of many points and layers.");
  app.add_option("--points", points)->check(CLI::Range(2, 100000000));
  app.add_option("--layers", layers)->check(CLI::Range(1, 100000));
  app.add_option("--folder", folder, "For the run file, 3 GB at the default size; it is removed at the end");
  CLI11_PARSE(app, argc, argv);

  const auto path = (std::filesystem::path(folder) / "infoplane-long-run.jsonl").string();
  write_run(path, points, layers);
  const auto megabytes = static_cast<double>(std::filesystem::file_size(path)) / 1e6;
  const Timer reading_timer;
  infoplane::report::ReportRun run;
  run.file = infoplane::runs::read_run_file(path, infoplane::runs::RunFileOptions().max_layer_points(400));
  const auto reading = reading_timer.passed();
  const Timer drawing_timer;
  const auto page = infoplane::report::html_report({run});
  const auto drawing = drawing_timer.passed();
  std::filesystem::remove(path);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto peak = static_cast<double>(usage.ru_maxrss) / 1e3;
  std::printf("%lld points x %lld layers, %.0f MB\n", static_cast<long long>(points), static_cast<long long>(layers),
              megabytes);
  std::printf("read    %6.2f s (%.2f s of processor, %.0f MB/s)\n", reading.wall, reading.cpu, megabytes / reading.cpu);
  std::printf("drawn   %6.2f s (%.2f s of processor), page %.1f MB\npeak    %6.0f MB\n", drawing.wall, drawing.cpu,
              static_cast<double>(page.size()) / 1e6, peak);
  const bool read_all = static_cast<std::int64_t>(run.file.points.size()) == points;
  const bool fine = read_all && reading.wall + drawing.wall < 20 && peak < 1000;
  std::puts(fine ? "within 20 s and 1 GB" : read_all ? "NOT within 20 s and 1 GB" : "NOT all points were read");
  return fine ? 0 : 1;
}
