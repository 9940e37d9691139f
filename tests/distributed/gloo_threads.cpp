#include "gloo_threads.hpp"

#include <cstdlib>
#include <thread>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

namespace infoplane::test {

std::vector<std::exception_ptr> try_gloo_threads(int ranks,
                                                 const std::function<void(c10::intrusive_ptr<c10d::Backend>)>& body,
                                                 std::chrono::milliseconds group_timeout) {
  // LibTorch's flight recorder enters the groups of a process into a std::map without a lock, which ends in a SIGSEGV
  // when two threads do so at once; without a buffer it enters nothing. Read when the first group is made.
  ::setenv("TORCH_FR_BUFFER_SIZE", "0", 1);
  const auto store = c10::make_intrusive<c10d::HashStore>();
  std::vector<std::exception_ptr> thrown(ranks);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const auto options = c10d::ProcessGroupGloo::Options::create(group_timeout);
        options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
        body(c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, ranks, options));
      } catch (...) {
        thrown[rank] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return thrown;
}

}  // namespace infoplane::test
