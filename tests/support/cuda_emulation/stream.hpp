#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

namespace infoplane::estimator::cuda::emulation {

/// Work in order, none of which is done before somebody waits for it: as slow as a device can be.
class Stream {
 public:
  /// On no stream: at once.
  static void push(void* stream, std::function<void()> work) {
    if (stream == nullptr) {
      work();
    } else {
      static_cast<Stream*>(stream)->push(std::move(work));
    }
  }

  void push(std::function<void()> work) {
    queue_.push_back(std::move(work));
    ++queued_;
  }
  std::uint64_t queued() const noexcept { return queued_; }
  std::uint64_t finished() const noexcept { return finished_; }

  /// Does the work up to number `last`.
  void run(std::uint64_t last) {
    while (finished_ < last && !queue_.empty()) {
      const std::function<void()> work = std::move(queue_.front());
      queue_.pop_front();
      work();
      ++finished_;
    }
  }

 private:
  std::deque<std::function<void()>> queue_;
  std::uint64_t queued_ = 0;
  std::uint64_t finished_ = 0;
};

}  // namespace infoplane::estimator::cuda::emulation
