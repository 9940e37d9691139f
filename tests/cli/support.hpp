#pragma once

#include <infoplane/sinks/json_lines_sink.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cli/program.hpp"
#include "report/made_run.hpp"
#include "sinks/opened.hpp"

namespace cli_support {

struct Result {
  int code = 0;
  std::string out, err;
};

inline Result run(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  Result result;
  result.code = infoplane::cli::run(arguments, out, err);
  result.out = out.str();
  result.err = err.str();
  return result;
}

/// Writes a made run under a name and returns its path.
inline std::string write_run(const samples::Folder& folder, const std::string& name, infoplane::report::ReportRun run) {
  run.file.header.run = name;
  const auto path = folder.file(name + ".jsonl");
  auto sink = opened<infoplane::JsonLinesSink>(path);
  sink.write(run.file.header);
  for (const auto& point : run.file.points) {
    sink.write(point);
  }
  return path;
}

inline std::string write_run(const samples::Folder& folder, const std::string& name, const samples::Made& made = {}) {
  return write_run(folder, name, samples::made_run(made));
}

/// Complexity falls to `last`, expressivity stays, so that runs are told apart by their distance.
inline samples::Made falling_to(double last, double error = 0.01) {
  samples::Made made;
  made.complexity = [=](double t) { return 0.5 + (last - 0.5) * t; };
  made.expressivity = [](double) { return 0.1; };
  made.error = error;
  return made;
}

inline bool has(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

}  // namespace cli_support
