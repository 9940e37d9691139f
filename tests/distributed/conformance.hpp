#pragma once

#include <functional>
#include <infoplane/distributed/communicator.hpp>
#include <vector>

namespace infoplane::test {

/// One property that every communicator has. `run` is called on all ranks; it throws where the property does not hold.
/// Catch2's assertions are not for use by several threads, so these are plain checks.
struct ConformanceCase {
  const char* name;
  void (*run)(distributed::Communicator&);
};

const std::vector<ConformanceCase>& conformance_cases();

}  // namespace infoplane::test
