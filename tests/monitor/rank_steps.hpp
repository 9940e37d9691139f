#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/distributed/communicator.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <memory>
#include <optional>
#include <string>

namespace infoplane::test {

/// int64 [4, 12]
at::Tensor tokens_of(std::int64_t step);

/// float32 [4, 12, 8], another for each shift.
at::Tensor activations_of(const at::Tensor& tokens, double shift);

/// A trainer's step without a model: 48 tokens at two sites. What a rank measures depends on `shift`; NaN gives
/// activations that are NaN.
std::optional<plane::Point> step_of(Monitor& monitor, std::int64_t step, double loss, double shift = 0);

/// Trains until the rule stops it, on losses and activations that differ between ranks and at a pace of each rank's
/// own, and returns all that the rule knows then, in one line. The mean over ranks of what decides falls until step 8;
/// alone the ranks would stop at steps of their own. Decides on `metric`: one of the point, or "validation_loss".
std::string stop_on(const std::string& metric, const std::shared_ptr<distributed::Communicator>& communicator);

}  // namespace infoplane::test
