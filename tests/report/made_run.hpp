#pragma once

#include <functional>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/report/report.hpp>
#include <string>

#include "runs/samples.hpp"

namespace samples {

/// A run whose blocks follow two given curves over steps 0, 50, …; the embedding stays where it is.
struct Made {
  int points = 21;
  std::function<double(double)> complexity = [](double t) { return 0.1 + 1.2 * t * (1 - t); };
  std::function<double(double)> expressivity = [](double t) { return 0.05 + 0.1 * t; };
  double error = 0;  ///< standard error of all; 0: none in the file
  bool heldout = true;
};

inline infoplane::plane::Metrics metrics_at(double complexity, double expressivity, double error,
                                            const std::string& order) {
  namespace plane = infoplane::plane;
  infoplane::plane::Metrics metrics = {{"H(Z)", 0.9},
                                       {plane::complexity_key(order), complexity},
                                       {plane::expressivity_key(order), expressivity},
                                       {plane::optimality_key(order), expressivity / complexity},
                                       {plane::distance_key(order), 1 - expressivity / complexity}};
  if (error > 0) {
    for (const auto& key : {plane::complexity_key(order), plane::expressivity_key(order), plane::optimality_key(order),
                            plane::distance_key(order)}) {
      metrics[key + "/standard_error"] = error;
    }
  }
  return metrics;
}

inline infoplane::report::ReportRun made_run(const Made& made = {}) {
  infoplane::report::ReportRun run;
  run.file.header = header();
  run.source = "run.jsonl";
  for (int i = 0; i < made.points; ++i) {
    const auto t = made.points > 1 ? i / (made.points - 1.0) : 0.0;
    for (const auto* split : {"train", "heldout"}) {
      if (!made.heldout && split[0] == 'h') {
        continue;
      }
      auto at = point(50L * i, split);
      at.loss = 5 - 3 * t;
      at.mean = metrics_at(made.complexity(t), made.expressivity(t), made.error, "unigram");
      at.layers = {{"embedding", 16384, 0, metrics_at(0.4, 0.1, made.error, "unigram")},
                   {"blocks.0", 16384, 0, at.mean}};
      run.file.points.push_back(at);
    }
  }
  return run;
}

}  // namespace samples
