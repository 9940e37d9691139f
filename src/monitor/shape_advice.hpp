#pragma once

#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <infoplane/hooks/site.hpp>
#include <string>
#include <vector>

namespace infoplane {

/// What a site was measured against.
struct ObservedTokens {
  std::int64_t sequences = 0;
  std::int64_t length = 0;
  std::int64_t counted = 0;  ///< positions that the mask leaves
};

/// Whether activations of these sizes have one row for each token.
bool fits(c10::IntArrayRef sizes, const ObservedTokens& tokens) noexcept;

/// What is wrong with a site whose sizes do not fit, and what to write. `all`: the names of all sites; `stacks`: the
/// stacks of blocks that these are of.
std::string shape_error(const hooks::Site& site, c10::IntArrayRef sizes, const ObservedTokens& tokens,
                        const std::vector<std::string>& all, const std::vector<std::string>& stacks);

/// That one row of tokens cannot be all of these stacks', and what to write.
std::string several_stacks(const std::vector<std::string>& stacks);

}  // namespace infoplane
