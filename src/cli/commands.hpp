#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/check.hpp"
#include "cli/comparable_runs.hpp"
#include "cli/context.hpp"
#include "cli/load.hpp"

// The commands: what each is asked for, and what does it. command_line.cpp fills the arguments in.
namespace infoplane::cli {

struct ReportArguments {
  std::vector<std::string> runs;
  std::string output;
  std::string figure;
  std::string order = "unigram";
  std::string split;
  std::string metric = "optimality";
  std::string title;
  std::int64_t max_steps = 200;
  std::vector<std::string> curves;
  Rule rule;
  bool json = false;
  bool only_check = false;  ///< draws nothing
  bool only_table = false;  ///< prints what the ratio is made of
  CheckOptions check;
};

/// Prints what the ratio of each run is made of.
void bounds_tables(const ReportArguments& arguments, Context& context);

/// Draws runs as one page, or a figure of one, or checks their files.
void report(const ReportArguments& arguments, Context& context);

struct CompareArguments {
  RunChoice choice;
  std::string metric = "distance";
  bool json = false;
};

/// Ranks runs.
void compare(const CompareArguments& arguments, Context& context);

struct CorrelateArguments {
  std::string scores;
  RunChoice choice;
  std::vector<std::string> metrics;
  bool json = false;
};

/// Correlates runs' places on the plane with a table of scores.
void correlate(const CorrelateArguments& arguments, Context& context);

struct WatchArguments {
  std::string run;
  std::string order = "unigram";
  double interval = 1;
  double seconds = 0;
  std::int64_t rows = 20;
  bool once = false;
  bool json = false;
};

/// Follows a run.
void watch(const WatchArguments& arguments, Context& context);

struct BoundArguments {
  std::vector<std::string> texts;
  std::string output;
  std::string tokens = "bytes";
  std::string order = "unigram";
  std::int64_t anchors = 100;
  std::int64_t restarts = 2;
  double tolerance = 2e-3;
  std::uint64_t seed = 0;
  std::int64_t rows = 12;
  bool json = false;
};

/// Solves the Information Bottleneck curve of a text.
void bound(BoundArguments arguments, Context& context);

}  // namespace infoplane::cli
