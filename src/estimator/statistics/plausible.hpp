#pragma once

#include <infoplane/estimator/estimate.hpp>

namespace infoplane::estimator {

/// Corrected informations that cannot be, or that say nothing, become NaN with the reason: those that lie outside of
/// [0, headroom] by more than two of their standard errors, where the headroom is the corrected I(context;Z) over their
/// positions, and those whose error exceeds half of the plug-in value. Both only where it is more than 0.01 of log m:
/// that a label says nothing, to within less, is worth knowing.
void reject_implausible(Estimate& estimate);

}  // namespace infoplane::estimator
