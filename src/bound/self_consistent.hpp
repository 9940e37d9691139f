#pragma once

#include <cstdint>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/bound/joint.hpp>
#include <vector>

#include "bound/clusters.hpp"

namespace infoplane::bound {

/// The self-consistent equations of the Information Bottleneck on one joint.
class SelfConsistent {
 public:
  /// Borrows the joint.
  explicit SelfConsistent(const Joint& joint);

  /// One iteration at β: the channel p(t|x) ∝ p(t) exp(−β KL(p(y|x) ‖ p(y|t))) of `from`, and the clusters that follow
  /// from it, `to`. Returns where that channel is. I(T;Y) − I(T;X) / β never falls from one iteration to the next.
  IbPoint iterate(double beta, const Clusters& from, Clusters& to);

  const Joint& joint() const noexcept { return *joint_; }

 private:
  void take_logarithms(const Clusters& clusters);
  void score(std::int64_t x, double scale);
  double soft_max();
  void add(std::int64_t x, Clusters& to) const;
  double expressivity(const Clusters& clusters) const;

  const Joint* joint_;
  std::vector<double> log_column_mass_;
  std::vector<double> log_conditional_;  // [y][stride] log p(y|t)
  std::vector<double> log_mass_;         // [stride] log p(t)
  std::vector<double> scores_;           // [stride] of one row
  std::vector<double> channel_;          // [stride] p(x) p(t|x) of one row
};

}  // namespace infoplane::bound
