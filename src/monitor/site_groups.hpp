#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "monitor/rank_report.hpp"

namespace infoplane {

/// Sites whose values compare: of one width, that read the same row of tokens.
struct SiteGroup {
  std::string name;                ///< such as "encoder", "d64" or "encoder d64"; empty where there is one group
  std::int64_t width = 0;          ///< d
  std::vector<std::size_t> sites;  ///< by their place in the list
};

/// The groups of these sites, in the order in which they begin. Sites that never came are in none.
std::vector<SiteGroup> groups_of(const std::vector<SharedSite>& sites);

/// The group of a site; the number of groups where it is in none.
std::size_t group_of(const std::vector<SiteGroup>& groups, std::size_t site);

/// The group that `Point::mean` is of: that of the most blocks, the last of them where some have as many; the number of
/// groups where no site is a block.
std::size_t main_group(const std::vector<SiteGroup>& groups, const std::vector<SharedSite>& sites);

}  // namespace infoplane
