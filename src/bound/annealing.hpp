#pragma once

#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/bound/joint.hpp>
#include <vector>

#include "bound/fixed_point.hpp"

namespace infoplane::bound {

/// All channels that the sweeps over β find, in the order in which they do. Of a joint that merge_alike() made, with at
/// least two rows, and for at least two clusters.
std::vector<IbPoint> anneal(const Joint& joint, const IbCurveOptions& options, Method method = Method::kAccelerated);

}  // namespace infoplane::bound
