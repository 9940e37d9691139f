#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/hooks/site.hpp>
#include <infoplane/labels/grouping.hpp>
#include <memory>

namespace infoplane {

/// Activations of some of the tokens, put where these stand, and the labels that belong to them.
struct Routed {
  at::Tensor z;                                      ///< [sequences · length · k, d], zero where no token came
  std::shared_ptr<const labels::Grouping> grouping;  ///< counts those that came
};

/// `tensor` [.., d] has a row for each of `positions`, int64 (or int32) [N]: places in the flattened tokens as they
/// were given, [sequences, length], or [length, sequences] where `time_major`. `grouping` is of all positions. A token
/// that came k times, as to several experts, has k rows, so sequences stay whole, which errors rest on. Waits for the
/// device if the positions are on one.
/// @throws SiteError if positions are of another dtype, shape or number than the rows, or not in the tokens.
Routed routed(const hooks::Site& site, const at::Tensor& tensor, const at::Tensor& positions,
              const labels::Grouping& grouping, std::int64_t sequences, std::int64_t length, bool time_major);

}  // namespace infoplane
