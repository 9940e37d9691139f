#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <infoplane/distributed/communicator.hpp>
#include <memory>
#include <optional>
#include <vector>

namespace infoplane::test {

/// What goes wrong, on which rank, and at its how-manieth exchange (a handshake is one exchange, what follows another).
struct Fault {
  enum Kind { kDies, kIsLate, kSendsShort };
  Kind kind = kDies;
  int rank = 0;
  std::int64_t at_exchange = 0;
  std::chrono::milliseconds late{0};  ///< how long kIsLate sleeps
};

/// What kDies throws on the rank that dies: nothing else may catch it for a fault of the communicator.
struct RankDied {};

struct ThreadRanksOptions {
  std::chrono::milliseconds timeout{20'000};
  std::optional<Fault> fault;
};

/// Runs `body` on `ranks` threads, each with its own communicator over shared memory, and returns what each threw (null
/// where it ended well). A rank whose body has ended counts as gone for the others.
std::vector<std::exception_ptr> try_thread_ranks(int ranks, const std::function<void(distributed::Communicator&)>& body,
                                                 const ThreadRanksOptions& options = {});

/// The same, but rethrows the first exception.
void run_thread_ranks(int ranks, const std::function<void(distributed::Communicator&)>& body,
                      const ThreadRanksOptions& options = {});

}  // namespace infoplane::test
