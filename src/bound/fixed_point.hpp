#pragma once

#include <cstdint>
#include <infoplane/bound/ib_curve.hpp>

#include "bound/clusters.hpp"
#include "bound/self_consistent.hpp"

namespace infoplane::bound {

/// kPlain iterates and does nothing else. It is there to compare with.
enum class Method { kAccelerated, kPlain };

/// When the solution at one β is good enough.
struct Stop {
  double resolution = 0;            ///< nats of I(T;Y) − I(T;X) / β that two iterations gain
  std::int64_t max_iterations = 0;  ///< at least 1
};

/// Iterates the self-consistent equations at β from `clusters`, which become the solution. Returns its channel.
/// I(T;Y) − I(T;X) / β is never less after an iteration more.
IbPoint solve_at(SelfConsistent& equations, double beta, const Stop& stop, Method method, Clusters& clusters);

/// Where `last` comes to when the way from `first` to it goes on straight for `factor` of its length.
Clusters extrapolated(const Clusters& first, const Clusters& last, double factor);

}  // namespace infoplane::bound
