#include "monitor/shared_sites.hpp"

#include <algorithm>
#include <string>

namespace infoplane {

namespace {

/// The name with its last number replaced.
std::string renumbered(const std::string& name, std::int64_t number) {
  const auto end = name.find_last_of("0123456789");
  if (end == std::string::npos) {
    return name + "." + std::to_string(number);
  }
  const auto before = name.find_last_not_of("0123456789", end);
  const auto begin = before == std::string::npos ? 0 : before + 1;
  return name.substr(0, begin) + std::to_string(number) + name.substr(end + 1);
}

}  // namespace

std::vector<SharedSite> shared_sites(const std::vector<hooks::Site>& sites, std::int64_t first_block) {
  const auto block = std::find_if(sites.begin(), sites.end(), [](const hooks::Site& site) { return site.index >= 0; });
  std::vector<SharedSite> result;
  for (const auto& site : sites) {
    SharedSite& shared = result.emplace_back(SharedSite{site.name, site.index, hooks::to_string(site.kind), 0, {}});
    if (first_block > 0 && site.index >= -1) {
      shared.index = static_cast<int>(site.index + first_block);
      shared.name = renumbered(site.index >= 0        ? site.name
                               : block == sites.end() ? "blocks.0"
                                                      : block->name,
                               shared.index);
    }
  }
  return result;
}

}  // namespace infoplane
