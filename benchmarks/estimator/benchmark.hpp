#pragma once

#include <cstdint>
#include <functional>
#include <infoplane/labels/grouping.hpp>
#include <string>

namespace infoplane::benchmark {

/// Milliseconds of the fastest of some runs: what else the machine does only makes runs slower.
double fastest(int runs, const std::function<void()>& run);

/// Label sets of 64, 128, 256, … labels, drawn uniformly, for a batch of n tokens.
labels::Grouping grouping(std::int64_t n, int sets);
/// One set of uniform labels.
labels::Grouping uniform_labels(std::int64_t n, std::int64_t labels);

/// Prints "name: value, at most limit" and whether that is met.
bool at_most(const std::string& name, double value, double limit);
bool at_least(const std::string& name, double value, double limit);

// Each prints a table and verifies before it times; false where a result is wrong or a promised figure is not met.
bool update();          // an update in units of the product z Wᵀ
bool estimate();        // estimate(), for each label
bool reference();       // an update against the Python reference
bool scaling();         // cost by tokens, layers, sets and vocabulary
bool old_estimators();  // binning and k-means beside soft entropy

}  // namespace infoplane::benchmark
