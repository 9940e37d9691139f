#pragma once

#include <infoplane/distributed/communicator.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace infoplane::test {

/// Measures four steps of one model over one stream of tokens, which the ranks share in the way of a layout: "data",
/// "tensor", "context" or "pipeline". Without communicator: one process that sees everything. Writes a run file if it
/// has a name.
std::vector<plane::Point> run_layout(const std::string& layout,
                                     const std::shared_ptr<distributed::Communicator>& communicator,
                                     const std::string& run_file = "");

/// What of `got` isn't as in `expected`, the points of one process: counts differ, or plug-in values by more than 1e-6;
/// where `all`, other values too. Empty if nothing.
std::string compare_points(const std::vector<plane::Point>& got, const std::vector<plane::Point>& expected, bool all);

/// Whether all bits but those of times are equal.
bool same_points(const std::vector<plane::Point>& a, const std::vector<plane::Point>& b);

}  // namespace infoplane::test
