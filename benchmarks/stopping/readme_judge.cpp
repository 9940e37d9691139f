#include "readme_judge.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <infoplane/plane/series.hpp>
#include <infoplane/runs/run_file.hpp>
#include <numeric>
#include <sstream>
#include <stdexcept>

namespace stopping_study {
namespace {

constexpr std::size_t kReach = 2;  // points on either side

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Losses of the parts around a point.
std::vector<double> level(const ReadmeTrace& trace, std::size_t index) {
  const auto first = index - std::min(index, kReach);
  const auto last = std::min(index + kReach, trace.heldout.size() - 1);
  std::vector<double> parts(trace.heldout.front().size(), 0);
  for (std::size_t i = first; i <= last; ++i) {
    for (std::size_t j = 0; j < parts.size(); ++j) {
      parts[j] += trace.heldout[i][j] / static_cast<double>(last - first + 1);
    }
  }
  return parts;
}

/// Standard error of the mean difference, between parts of the same rows.
double paired_error(const std::vector<double>& one, const std::vector<double>& other) {
  std::vector<double> differences(one.size());
  std::transform(one.begin(), one.end(), other.begin(), differences.begin(), std::minus<>());
  const double middle = mean(differences);
  double squares = 0;
  for (const double each : differences) {
    squares += (each - middle) * (each - middle);
  }
  const auto count = static_cast<double>(differences.size());
  return std::sqrt(squares / (count - 1) / count);
}

/// Of the difference of two levels, from how the loss jumps from point to point.
double jitter(const ReadmeTrace& trace) {
  infoplane::plane::Series series;
  for (std::size_t i = 0; i < trace.points.size(); ++i) {
    series.push_back({trace.points[i].step, trace.loss(i), 0});
  }
  return infoplane::plane::step_noise(series) * std::sqrt(2.0 / (2 * kReach + 1));
}

std::size_t index_of(const ReadmeTrace& trace, std::int64_t step) {
  const auto found = std::find_if(trace.points.begin(), trace.points.end(),
                                  [&](const infoplane::plane::Point& point) { return point.step == step; });
  return static_cast<std::size_t>(found - trace.points.begin());
}

}  // namespace

double ReadmeTrace::loss(std::size_t index) const { return mean(heldout[index]); }

ReadmeTrace read_readme_trace(const ReadmeRun& run, const std::string& folder) {
  const auto path = folder + "/" + run.name();
  ReadmeTrace trace{run, infoplane::read_run_file(path + ".jsonl").split("train"), {}};
  std::ifstream in(path + ".judge.csv");
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::int64_t step = -1;
    fields >> step;
    std::vector<double> parts;
    for (double loss = 0; fields.ignore() && fields >> loss;) {
      parts.push_back(loss);
    }
    const auto at = trace.heldout.size();
    if (at >= trace.points.size() || trace.points[at].step != step || parts.empty()) {
      throw std::runtime_error(path + ".judge.csv does not fit " + path + ".jsonl: remove both");
    }
    trace.heldout.push_back(std::move(parts));
  }
  if (trace.heldout.size() != trace.points.size() || trace.points.empty()) {
    throw std::runtime_error(path + ".judge.csv does not fit " + path + ".jsonl: remove both");
  }
  return trace;
}

Verdict judge(const ReadmeRule& rule, const ReadmeTrace& trace) {
  infoplane::EarlyStopping stopping(rule.options);
  Verdict verdict;
  std::size_t end = 0;
  for (std::size_t i = 0; i < trace.points.size() && !stopping.stopped(); ++i) {
    const auto fed =
        rule.fed ? infoplane::plane::Metrics{{"validation_loss", trace.loss(i)}} : infoplane::plane::Metrics();
    stopping.update(trace.points[i], fed);
    verdict.untrained = verdict.untrained || (i > 0 && stopping.best_step() == 0);
    end = i;
  }
  if (stopping.stopped()) {
    verdict.end = stopping.stopped_step();
    verdict.reason = to_string(stopping.reason());
  }
  verdict.best = stopping.best_step();
  const auto now = level(trace, end);
  auto lowest = now;
  for (std::size_t i = end + 1; i < trace.points.size(); ++i) {
    const auto then = level(trace, i);
    lowest = mean(then) < mean(lowest) ? then : lowest;
  }
  verdict.at_end = mean(now);
  verdict.reached = mean(lowest);
  verdict.noise = std::hypot(paired_error(now, lowest), jitter(trace));
  verdict.at_best = verdict.best < 0 ? std::nan("") : mean(level(trace, index_of(trace, verdict.best)));
  return verdict;
}

}  // namespace stopping_study
