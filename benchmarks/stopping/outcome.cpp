#include <algorithm>

#include "rules.hpp"

namespace stopping_study {
namespace {

constexpr double kClose = 0.02;
constexpr double kMargin = 0.015;

}  // namespace

Outcome apply(const Rule& rule, const Trace& trace) {
  infoplane::EarlyStopping stopping(rule.options);
  Outcome outcome;
  outcome.end = trace.points.size() - 1;
  for (std::size_t i = 0; i < trace.points.size(); ++i) {
    if (stopping.update(trace.points[i], trace.derived[i])) {
      outcome.fired = true;
      outcome.end = i;
      break;
    }
  }
  outcome.excess = trace.excess(outcome.end);
  outcome.at_best = outcome.excess;
  for (std::size_t i = 0; i <= outcome.end; ++i) {
    outcome.at_best = trace.points[i].step == stopping.best_step() ? trace.excess(i) : outcome.at_best;
  }
  outcome.saved =
      1 - static_cast<double>(trace.points[outcome.end].step) / static_cast<double>(trace.points.back().step);
  outcome.too_early = outcome.fired && trace.still_falls(outcome.end);
  outcome.missed = outcome.fired && trace.gets_better(outcome.end);
  return outcome;
}

void Summary::add(const Summary& other) {
  const auto all = static_cast<double>(runs + other.runs);
  const auto mix = [&](double& mine, double theirs) {
    mine += (theirs - mine) * static_cast<double>(other.runs) / all;
  };
  mix(mean, other.mean);
  mix(best_mean, other.best_mean);
  mix(saved, other.saved);
  worst = std::max(worst, other.worst);
  best_worst = std::max(best_worst, other.best_worst);
  runs += other.runs;
  within += other.within;
  with_margin += other.with_margin;
  fired += other.fired;
  too_early += other.too_early;
  missed += other.missed;
  best_within += other.best_within;
}

Summary summary_of(const Outcome& outcome) {
  return {1,
          outcome.excess <= kClose ? 1U : 0U,
          outcome.excess <= kMargin ? 1U : 0U,
          outcome.fired ? 1U : 0U,
          outcome.too_early ? 1U : 0U,
          outcome.missed ? 1U : 0U,
          outcome.at_best <= kClose ? 1U : 0U,
          outcome.excess,
          outcome.excess,
          outcome.at_best,
          outcome.at_best,
          outcome.saved};
}

Summary summarise(const Rule& rule, const std::vector<Trace>& traces) {
  Summary summary;
  for (const auto& trace : traces) {
    summary.add(summary_of(apply(rule, trace)));
  }
  return summary;
}

}  // namespace stopping_study
