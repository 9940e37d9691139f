#pragma once

#include <infoplane/distributed/communicator.hpp>
#include <memory>
#include <string>

namespace examples_test {

/// Measures four steps of the demo's model on tokens that the ranks share in the way of a layout, and writes a run file
/// on rank 0: "data", "fsdp" (each rank keeps a shard of every parameter), "tensor" (heads and columns of the MLP on
/// different ranks), "context" (each rank has positions of each row) or "pipeline" (blocks on different ranks). What
/// the ranks do not have travels through the communicator. Null: one process that sees everything.
void run_layout(const std::string& layout, const std::shared_ptr<infoplane::distributed::Communicator>& communicator,
                const std::string& run_file);

}  // namespace examples_test
