#pragma once

#include <ATen/ops/ones.h>

#include <infoplane/distributed/communicator.hpp>
#include <vector>

namespace infoplane::test {

inline constexpr const char* kOperations[] = {"sum", "max", "broadcast", "all_gather", "all_to_all"};

/// Calls kOperations[operation] on values that are long enough to be interrupted.
inline void call(distributed::Communicator& communicator, int operation) {
  at::Tensor values = at::ones({3000}, at::kDouble);
  switch (operation) {
    case 0:
      communicator.sum(values);
      break;
    case 1:
      communicator.max(values);
      break;
    case 2:
      communicator.broadcast(values, 1);
      break;
    case 3:
      communicator.all_gather(values);
      break;
    default:
      communicator.all_to_all(std::vector<at::Tensor>(communicator.size(), values));
  }
}

}  // namespace infoplane::test
