#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "simulation.hpp"

namespace infoplane::simulation {

/// A study and what it must show; NaN: nothing.
struct Case {
  std::string name;
  const Truth* truth = nullptr;
  Sampling sampling;
  int runs = 1000;
  std::int64_t max_labels = 0;
  double most_bias = NAN;      // of `corrected`, in % of the truth
  double most_absolute = NAN;  // of the mean of `corrected`, as efficiency
  double least_cover = NAN;    // of 90 % intervals, in %
  double most_cover = NAN;
};

/// The cases that the estimator's constants were chosen on, and those that they were not: other populations, with other
/// directions.
class Cases {
 public:
  /// `quick`: nothing larger than 16384 tokens.
  Cases(bool held_out, bool quick);

  std::vector<Case>& all() noexcept { return all_; }

 private:
  void add_populations(const std::vector<Population>& populations);
  Case& add(const std::string& population, const std::string& rest, const Sampling& sampling, int runs);
  void add_chosen_on(bool quick);
  void add_held_out();

  std::map<std::string, Truth> truths_;  // only the centres; what is true is measured when asked
  std::vector<Case> all_;
};

}  // namespace infoplane::simulation
