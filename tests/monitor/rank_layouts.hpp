#pragma once

#include <infoplane/distributed/communicator.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace infoplane::test {

/// Measures four steps of one model over one stream of tokens, which the ranks share in the way of a layout: "data",
/// "tensor", "context" or "pipeline". Without communicator: one process that sees everything.
std::vector<plane::Point> run_layout(const std::string& layout,
                                     const std::shared_ptr<distributed::Communicator>& communicator);

}  // namespace infoplane::test
