#pragma once

#include <infoplane/callbacks/early_stopping.hpp>
#include <string>
#include <vector>

#include "trace.hpp"

namespace stopping_study {

/// Family of the rule that the library ships.
inline constexpr const char* kShipped = "EarlyStopping::compression()";

struct Rule {
  std::string family;
  std::string description;
  infoplane::EarlyStoppingOptions options;
};

/// Every rule that the study compares.
std::vector<Rule> all_rules();

/// What a rule does with one run.
struct Outcome {
  bool fired = false;
  std::size_t end = 0;  ///< index of the point at which training ends; the last where the rule did not fire
  double excess = 0;    ///< of the loss there, above the best of the run
  double at_best = 0;   ///< the same at the step that the rule calls best, for a trainer who restores that
  double seen = 0;      ///< the same of the lowest loss until the end, for a trainer who kept that checkpoint
  double saved = 0;     ///< share of the steps
};

Outcome apply(const Rule& rule, const Trace& trace);

/// Over several runs.
struct Summary {
  std::size_t runs = 0;
  std::size_t within = 0;       ///< ended within 2 %
  std::size_t with_margin = 0;  ///< ended within 1.5 %
  std::size_t fired = 0;
  std::size_t best_within = 0;  ///< the step that the rule calls best is within 2 %
  double mean = 0, worst = 0;   ///< excess at the end
  double best_mean = 0, best_worst = 0;
  double seen_mean = 0, seen_worst = 0;
  double saved = 0;

  void add(const Summary& other);
};

Summary summarise(const Rule& rule, const std::vector<Trace>& traces);

}  // namespace stopping_study
