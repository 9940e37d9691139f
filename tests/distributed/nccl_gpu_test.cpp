#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <nccl.h>

#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/nccl.hpp>
#include <string>
#include <thread>
#include <vector>

#include "conformance.hpp"
#include "needs.hpp"

// The real library, on as many GPUs as there are, a thread each. It is opened at run time, so this is built, and shown
// as skipped, where there is none.
namespace {

using infoplane::distributed::Nccl;
using infoplane::distributed::NcclOptions;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

void* open_any(const std::vector<const char*>& names) {
  for (const char* const name : names) {
    if (void* const library = dlopen(name, RTLD_NOW | RTLD_GLOBAL)) {
      return library;
    }
  }
  return nullptr;
}

/// What a trainer calls and the backend does not.
struct Trainer {
  decltype(&cudaGetDeviceCount) device_count = nullptr;
  decltype(&cudaSetDevice) set_device = nullptr;
  decltype(&cudaStreamDestroy) destroy_stream = nullptr;
  cudaError_t (*create_stream)(cudaStream_t*, unsigned int) = nullptr;  // overloaded in the header
  decltype(&ncclCommInitAll) init_all = nullptr;
  decltype(&ncclCommDestroy) destroy = nullptr;
  decltype(&ncclCommAbort) abort = nullptr;

  template <typename Function>
  static bool find(void* library, Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
  }
};

/// One rank for each device; skips the test where there is none.
class World {
 public:
  World() {
    void* const cuda = open_any({"libcudart.so.13", "libcudart.so.12", "libcudart.so"});
    void* const nccl = open_any({"libnccl.so.2", "libnccl.so"});
    infoplane::test::needs("gpu", cuda != nullptr && nccl != nullptr, "the CUDA runtime or NCCL cannot be opened");
    REQUIRE(Trainer::find(cuda, calls_.device_count, "cudaGetDeviceCount"));
    REQUIRE(Trainer::find(cuda, calls_.set_device, "cudaSetDevice"));
    REQUIRE(Trainer::find(cuda, calls_.create_stream, "cudaStreamCreateWithFlags"));
    REQUIRE(Trainer::find(cuda, calls_.destroy_stream, "cudaStreamDestroy"));
    REQUIRE(Trainer::find(nccl, calls_.init_all, "ncclCommInitAll"));
    REQUIRE(Trainer::find(nccl, calls_.destroy, "ncclCommDestroy"));
    REQUIRE(Trainer::find(nccl, calls_.abort, "ncclCommAbort"));
    int count = 0;
    infoplane::test::needs("gpu", calls_.device_count(&count) == cudaSuccess && count > 0, "there is no CUDA device");
    communicators_.resize(static_cast<std::size_t>(count));
    REQUIRE(calls_.init_all(communicators_.data(), count, nullptr) == ncclSuccess);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    for (const ncclComm_t communicator : communicators_) {
      (broken_ ? calls_.abort : calls_.destroy)(communicator);
    }
  }

  std::size_t ranks() const { return communicators_.size(); }

  /// What each rank threw, if anything.
  std::vector<std::exception_ptr> run(milliseconds timeout, const std::function<void(Nccl&)>& body) {
    std::vector<std::exception_ptr> thrown(ranks());
    std::vector<std::thread> threads;
    for (std::size_t rank = 0; rank < ranks(); ++rank) {
      threads.emplace_back([&, rank] {
        try {
          calls_.set_device(static_cast<int>(rank));
          cudaStream_t stream = nullptr;
          calls_.create_stream(&stream, cudaStreamNonBlocking);
          Nccl communicator(communicators_[rank], stream, NcclOptions().timeout(timeout));
          body(communicator);
          calls_.destroy_stream(stream);
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
  /// To be aborted, not destroyed.
  void break_it() { broken_ = true; }

 private:
  Trainer calls_;
  std::vector<ncclComm_t> communicators_;
  bool broken_ = false;
};

TEST_CASE("nccl on GPUs: what every communicator does", "[nccl][needs:gpu]") {
  World world;
  for (const auto& each : infoplane::test::conformance_cases()) {
    DYNAMIC_SECTION(each.name) {
      for (const std::exception_ptr& thrown : world.run(60s, each.run)) {
        if (thrown) {
          std::rethrow_exception(thrown);
        }
      }
      SUCCEED();
    }
  }
}

TEST_CASE("nccl on GPUs: a late rank is an error on the others within the timeout",
          "[nccl][needs:gpu][needs:two_gpus]") {
  World world;
  infoplane::test::needs("two_gpus", world.ranks() >= 2, "with one CUDA device a rank cannot be late for itself");
  world.break_it();
  const milliseconds kTimeout = 2s;
  const auto thrown = world.run(kTimeout, [kTimeout](Nccl& communicator) {
    if (communicator.rank() == 0) {
      std::this_thread::sleep_for(2 * kTimeout);
      return;
    }
    at::Tensor values = at::ones({10}, at::kDouble);
    communicator.sum(values);
  });
  for (std::size_t rank = 1; rank < world.ranks(); ++rank) {
    REQUIRE(thrown[rank]);
    try {
      std::rethrow_exception(thrown[rank]);
    } catch (const infoplane::CommunicationError& error) {
      CHECK(error.waited() >= kTimeout);
      CHECK(error.waited() < kTimeout + 5s);
    }
  }
}

}  // namespace
