#pragma once

#include <cstdint>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <vector>

#include "estimator/label_sums/label_set.hpp"
#include "estimator/statistics/label_totals.hpp"
#include "estimator/statistics/replicate_sums.hpp"

// What follows from the sums of a label set; of sums on a device, once what they are asked for has come.
namespace infoplane::estimator {

LabelCounts counts_of(const LabelSet& set, std::size_t slot) noexcept;

/// Adds the sums of all tokens to `all`, where they are on the host.
LabelEntropies entropies_of(const LabelSet& set, std::size_t slot, const LabelCounts& counts, ReplicateSums& scratch,
                            double* all);

/// Over all labels. `all`: becomes the sum of all tokens with a label.
LabelTotals totals_of(const LabelSet& set, LabelWeights weights, const TokenBias& bias, std::vector<double>& all);

/// Of all tokens with a label, [m].
std::vector<double> sum_of_all(const LabelSet& set);

/// H(Z|x) of every label, in order of slots.
std::vector<ConditionalEntropy> conditional_entropies(const LabelSet& set);

}  // namespace infoplane::estimator
