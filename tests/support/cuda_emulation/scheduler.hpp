#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define INFOPLANE_EMULATION_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INFOPLANE_EMULATION_ASAN 1
#endif
#endif
#ifdef INFOPLANE_EMULATION_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// A device of one block at a time whose threads are fibers of the calling thread. A scheduler resumes them in an order
// that a seed shuffles, up to their next barrier or warp operation; what a real device would hang on is an error.
namespace infoplane::estimator::cuda::emulation {

/// A barrier or warp operation that some of its threads can never reach.
class Deadlock : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

constexpr unsigned kWarpThreads = 32;

class Scheduler {
 public:
  /// The device of this thread of the host.
  static Scheduler& current() {
    static thread_local Scheduler scheduler;
    return scheduler;
  }

  /// Orders of threads of all later launches follow from this.
  void seed(std::uint64_t value) { random_ = value * 2 + 1; }

  /// Runs `thread` once for each thread of each block. `enter(block, thread)` is called whenever one goes on.
  void launch(unsigned blocks, unsigned threads, std::size_t shared_bytes, std::function<void()> thread,
              std::function<void(unsigned, unsigned)> enter) {
    body_ = std::move(thread);
    enter_ = std::move(enter);
    for (block_ = 0; block_ < blocks; ++block_) {
      // Memory of its exact size, for the address sanitizer, of values that are NaN in every type.
      shared_ = std::make_unique<std::byte[]>(shared_bytes);
      std::memset(shared_.get(), 0xff, shared_bytes);
      run_block(threads);
    }
  }

  std::byte* shared() noexcept { return shared_.get(); }

  /// Waits until every thread of the block that still runs has come here.
  void barrier() { wait(State::kBarrier); }

  /// Waits for the warp's other threads; then all read what each has given. Valid until the warp's operation after
  /// next.
  template <typename T>
  const T* gather(const T& value) {
    static_assert(sizeof(T) <= kSlotBytes && std::is_trivially_copyable_v<T>);
    Warp& warp = warps_[running_ / kWarpThreads];
    Fiber& fiber = fibers_[running_];
    auto* const slots = reinterpret_cast<T*>(warp.bytes[fiber.operations++ % 2]);
    std::memcpy(static_cast<void*>(slots + running_ % kWarpThreads), &value, sizeof(T));
    wait(State::kWarp);
    return slots;
  }

 private:
  static constexpr std::size_t kStackBytes = std::size_t{256} << 10U;
  static constexpr std::size_t kSlotBytes = 96;
  enum class State : std::uint8_t { kReady, kBarrier, kWarp, kDone };
  struct Fiber {
    ucontext_t context{};
    std::unique_ptr<char[]> stack;
    void* fake_stack = nullptr;
    State state = State::kDone;
    unsigned operations = 0;
  };
  struct Warp {
    alignas(16) unsigned char bytes[2][kWarpThreads * kSlotBytes];
  };

  void run_block(unsigned threads) {
    if (fibers_.size() < threads) {
      fibers_.resize(threads);
    }
    warps_.resize((threads + kWarpThreads - 1) / kWarpThreads);
    order_.resize(threads);
    std::iota(order_.begin(), order_.end(), 0U);
    for (unsigned i = threads - 1; i > 0; --i) {
      random_ = random_ * 6364136223846793005U + 1442695040888963407U;
      std::swap(order_[i], order_[(random_ >> 33U) % (i + 1)]);
    }
    for (unsigned i = 0; i < threads; ++i) {
      prepare(fibers_[i]);
    }
    error_ = nullptr;
    while (resume_ready()) {
      if (error_) {
        std::rethrow_exception(error_);
      }
      release(threads);
    }
  }

  bool resume_ready() {
    bool any = false;
    for (const unsigned i : order_) {
      if (fibers_[i].state == State::kReady) {
        any = true;
        running_ = i;
        enter_(block_, i);
        to_fiber(fibers_[i]);
      }
    }
    return any;
  }

  /// Lets go on whoever waits for nobody any more.
  void release(unsigned threads) {
    unsigned waiting = 0;
    unsigned done = 0;
    bool released = false;
    for (unsigned first = 0; first < threads; first += kWarpThreads) {
      const unsigned last = first + kWarpThreads < threads ? first + kWarpThreads : threads;
      unsigned here = 0;
      for (unsigned i = first; i < last; ++i) {
        here += fibers_[i].state == State::kWarp ? 1 : 0;
        waiting += fibers_[i].state == State::kBarrier ? 1 : 0;
        done += fibers_[i].state == State::kDone ? 1 : 0;
      }
      if (here == last - first) {
        released = true;
        for (unsigned i = first; i < last; ++i) {
          fibers_[i].state = State::kReady;
        }
      }
    }
    if (waiting > 0 && waiting + done == threads) {
      released = true;
      for (unsigned i = 0; i < threads; ++i) {
        fibers_[i].state = fibers_[i].state == State::kBarrier ? State::kReady : fibers_[i].state;
      }
    }
    if (!released && done < threads) {
      throw Deadlock("block " + std::to_string(block_) + ": of " + std::to_string(threads) + " threads, " +
                     std::to_string(done) + " have ended, " + std::to_string(waiting) +
                     " wait at a barrier and the others in warp operations that not all threads reach");
    }
  }

  void wait(State state) {
    Fiber& fiber = fibers_[running_];
    fiber.state = state;
    to_scheduler(fiber, /*last=*/false);
  }

  void prepare(Fiber& fiber) {
    if (!fiber.stack) {
      fiber.stack = std::make_unique<char[]>(kStackBytes);
    }
#ifdef INFOPLANE_EMULATION_ASAN
    ASAN_UNPOISON_MEMORY_REGION(fiber.stack.get(), kStackBytes);  // frames that never returned leave red zones
#endif
    fiber.state = State::kReady;
    fiber.operations = 0;
    fiber.fake_stack = nullptr;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, &Scheduler::start, 0);
  }

  static void start() {
    Scheduler& self = current();
#ifdef INFOPLANE_EMULATION_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &self.host_stack_, &self.host_stack_bytes_);
#endif
    try {
      self.body_();
    } catch (...) {
      self.error_ = std::current_exception();
    }
    Fiber& fiber = self.fibers_[self.running_];
    fiber.state = State::kDone;
    self.to_scheduler(fiber, /*last=*/true);
  }

  void to_fiber(Fiber& fiber) {
#ifdef INFOPLANE_EMULATION_ASAN
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, fiber.stack.get(), kStackBytes);
    swapcontext(&host_, &fiber.context);
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#else
    swapcontext(&host_, &fiber.context);
#endif
  }

  void to_scheduler(Fiber& fiber, [[maybe_unused]] bool last) {
#ifdef INFOPLANE_EMULATION_ASAN
    __sanitizer_start_switch_fiber(last ? nullptr : &fiber.fake_stack, host_stack_, host_stack_bytes_);
    swapcontext(&fiber.context, &host_);
    __sanitizer_finish_switch_fiber(fiber.fake_stack, nullptr, nullptr);
#else
    swapcontext(&fiber.context, &host_);
#endif
  }

  std::function<void()> body_;
  std::function<void(unsigned, unsigned)> enter_;
  std::vector<Fiber> fibers_;
  std::vector<Warp> warps_;
  std::vector<unsigned> order_;
  std::unique_ptr<std::byte[]> shared_;
  std::exception_ptr error_;
  ucontext_t host_{};
  const void* host_stack_ = nullptr;
  std::size_t host_stack_bytes_ = 0;
  std::uint64_t random_ = 1;
  unsigned block_ = 0;
  unsigned running_ = 0;
};

}  // namespace infoplane::estimator::cuda::emulation
