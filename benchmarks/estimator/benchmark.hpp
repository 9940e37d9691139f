#pragma once

#include <cstdint>
#include <functional>
#include <infoplane/labels/grouping.hpp>
#include <string>
#include <utility>
#include <vector>

namespace infoplane::benchmark {

/// From now on `fastest` takes the processor time of this thread, where it would take the time that passes: for
/// machines that do other work too. LibTorch gets one thread.
void use_processor_time();
bool uses_processor_time() noexcept;

/// Milliseconds of the fastest of some runs: what else the machine does only makes runs slower.
double fastest(int runs, const std::function<void()>& run);

/// The fastest of either; they take turns, so that both meet the same machine.
std::pair<double, double> fastest_of_two(int runs, const std::function<void()>& first,
                                         const std::function<void()>& second);

/// Label sets of 64, 128, 256, … labels, drawn uniformly, for a batch of n tokens.
labels::Grouping grouping(std::int64_t n, int sets);
/// Sets of the same number of labels, drawn uniformly.
labels::Grouping uniform_labels(std::int64_t n, int sets, std::int64_t labels);
/// Dense labels of n tokens with probabilities 1, 1/2, 1/3, … to 1/50000: of the n-gram of `order` tokens that ends at
/// each (input), or that starts behind it (output).
std::vector<std::int64_t> ngrams(std::int64_t n, int order, bool output);
/// Sets of them: input and output of order 1, then of order 2, …; `sets` is even.
labels::Grouping ngram_grouping(std::int64_t n, int sets);

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
