#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace infoplane::test {

/// What a pipeline stage of the blocks [first, last) measures where another stage follows: the output of its last block
/// is seen where it enters that one.
inline std::vector<std::string> stage_sites(std::int64_t first, std::int64_t last) {
  std::vector<std::string> sites = {"embedding"};
  for (std::int64_t i = first; i + 1 < last; ++i) {
    sites.push_back("blocks." + std::to_string(i - first));
  }
  return sites;
}

}  // namespace infoplane::test
