#pragma once

#include <string>
#include <vector>

#include "hooks/plan.hpp"

namespace infoplane::hooks::detail {

/// Every wanted site that never fired and every pattern without a site, with what to do; empty if all is well.
std::string complain(const Plan& plan);

/// Every wanted site that is read at a parameter which is none of `tensors`; empty if there is none.
std::string complain_of_sources(const Plan& plan, const std::vector<NamedTensor>& tensors);

/// The table of `Watcher::describe`.
std::string describe(const Plan& plan);

}  // namespace infoplane::hooks::detail
