#pragma once

#include <string>

#include "hooks/plan.hpp"

namespace infoplane::hooks::detail {

/// Every wanted site that never fired and every pattern without a site, with what to do; empty if all is well.
std::string complain(const Plan& plan);

/// The table of `Watcher::describe`.
std::string describe(const Plan& plan);

}  // namespace infoplane::hooks::detail
