#pragma once

#include <ATen/core/Tensor.h>

#include <infoplane/estimator/estimate_each.hpp>
#include <infoplane/hooks/site.hpp>
#include <map>
#include <string>
#include <vector>

#include "monitor/rank_report.hpp"

namespace infoplane {

namespace state {
class Reader;
class Writer;
}  // namespace state

/// The centre of each site after the last window of a split that had it, which is taken from the next window's rows
/// (SoftEntropyOptions::centre). All ranks take it from one estimate, so it is the same on each.
class Centres {
 public:
  /// Of the estimates that a point of all ranks was made of. `sites` are this rank's, and `names` what all ranks call
  /// them; a site that this rank does not know yet will have the name that the others have for it.
  void learn(const plane::Point& point, const std::vector<estimator::NamedEstimate>& estimates,
             const std::vector<hooks::Site>& sites, const std::vector<SharedSite>& names);

  /// float64 [d]; undefined where there is none yet.
  at::Tensor of(const std::string& site) const;

  void save(state::Writer& out) const;
  /// @throws IoError if what was saved cannot be centres.
  void load(state::Reader& in);

 private:
  std::map<std::string, std::vector<double>> centres_;
};

}  // namespace infoplane
