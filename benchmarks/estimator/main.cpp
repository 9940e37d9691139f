// What the estimator costs. Every section verifies its results before it times them, and prints ratios of one run.

#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "benchmark.hpp"

int main(int argc, char** argv) {
  using namespace infoplane::benchmark;
  const std::vector<std::pair<std::string, bool (*)()>> sections = {{"update", update},
                                                                    {"estimate", estimate},
                                                                    {"scaling", scaling},
                                                                    {"old-estimators", old_estimators},
                                                                    {"reference", reference}};
  std::vector<std::string> names;
  for (const auto& [name, run] : sections) {
    names.push_back(name);
  }
  CLI::App app("What the estimator costs");
  std::vector<std::string> chosen = names;
  bool check = false, busy = false;
  app.add_option("sections", chosen, "Which sections; all without one")->check(CLI::IsMember(names));
  app.add_flag("--check", check, "Exit with 1 where a promised figure is not met");
  app.add_flag("--busy", busy, "One thread, and its processor time: on a machine that does other work too");
  CLI11_PARSE(app, argc, argv);
  if (busy) {
    use_processor_time();
  }
  std::printf("%d threads, %s\n", at::get_num_threads(), busy ? "their processor time" : "time that passes");
  bool fine = true;
  for (const auto& [name, run] : sections) {
    if (std::find(chosen.begin(), chosen.end(), name) != chosen.end()) {
      std::printf("\n== %s\n", name.c_str());
      fine = run() && fine;
      std::fflush(stdout);
    }
  }
  return check && !fine ? 1 : 0;
}
