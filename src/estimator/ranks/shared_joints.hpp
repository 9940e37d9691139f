#pragma once

#include <infoplane/distributed/byte_collectives.hpp>
#include <string>
#include <vector>

#include "core/state.hpp"
#include "estimator/ranks/joint_exchange.hpp"
#include "estimator/statistics/through_estimator.hpp"

namespace infoplane::estimator {

/// What each rank wrote for each other comes to it, by rank. Collective.
std::vector<std::string> exchange(std::vector<state::Writer>& parcels, distributed::ByteCollectives& ranks);

/// A pair of label sets of a layer, on this rank. Borrowed.
struct SharedJoint {
  ThroughEstimator* estimator;
  JointExchange* exchange;
};

/// All steps of these estimators but the last, for all pairs at once, which are the same on all ranks. Collective:
/// ten operations, one where nothing is known of any pair, none without pairs.
void estimate_joints(std::vector<SharedJoint> pairs, distributed::ByteCollectives& ranks);

}  // namespace infoplane::estimator
