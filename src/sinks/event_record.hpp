#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// The records of a TensorBoard event file: protocol buffers `tensorflow.Event`, framed with their length and checksums.
namespace infoplane::sinks {

/// The record that a file begins with.
std::string version_record(double wall_time);

/// Scalars by their tag at a step.
std::string scalars_record(double wall_time, std::int64_t step,
                           const std::vector<std::pair<std::string, double>>& scalars);

}  // namespace infoplane::sinks
