#pragma once

#include <infoplane/callbacks/early_stopping.hpp>
#include <string>
#include <vector>

#include "trace.hpp"

namespace stopping_study {

/// Families of the rules that the library ships.
inline constexpr const char* kShipped = "EarlyStopping::compression()";
inline constexpr const char* kDefault = "EarlyStopping, default options";

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
  std::size_t end = 0;     ///< index of the point at which training ends; the last where the rule did not fire
  double excess = 0;       ///< of the loss there, above the best of the run
  double at_best = 0;      ///< the same at the step that the rule calls best, for a trainer who restores that
  double saved = 0;        ///< share of the steps
  bool too_early = false;  ///< it ended the run while the loss still fell
  bool missed = false;     ///< and the loss fell below what it had been
};

Outcome apply(const Rule& rule, const Trace& trace);

/// Over several runs.
struct Summary {
  std::size_t runs = 0;
  std::size_t within = 0;       ///< ended within 2 %
  std::size_t with_margin = 0;  ///< ended within 1.5 %
  std::size_t fired = 0;
  std::size_t too_early = 0;
  std::size_t missed = 0;
  std::size_t best_within = 0;  ///< the step that the rule calls best is within 2 %
  double mean = 0, worst = 0;   ///< excess at the end
  double best_mean = 0, best_worst = 0;
  double saved = 0;

  void add(const Summary& other);
};

Summary summary_of(const Outcome& outcome);

Summary summarise(const Rule& rule, const std::vector<Trace>& traces);

}  // namespace stopping_study
