#pragma once

#include <infoplane/hooks/site.hpp>
#include <vector>

#include "monitor/ranks.hpp"

namespace infoplane {

/// What all ranks call these sites, one for each, where `first_block` blocks of other ranks come before them: block k
/// is k + first_block, and what enters the first is the output of block first_block − 1.
std::vector<SharedSite> shared_sites(const std::vector<hooks::Site>& sites, std::int64_t first_block);

}  // namespace infoplane
