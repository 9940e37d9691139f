#pragma once

#include <memory>
#include <vector>

#include "estimator/device/device.hpp"
#include "support/cuda_emulation/stream.hpp"

namespace infoplane::estimator::cuda::test {

/// The emulated device behind the accumulator: work is done when somebody waits for it, or when `pass_time` is called,
/// so that what the library reads too early, frees too early or leaves to chance between streams comes out wrong.
class EmulatedDevice final : public Device {
 public:
  EmulatedDevice();

  void pass_time();
  void use_stream(std::size_t number) { current_ = number; }
  void capture(bool on) { capturing_ = on; }
  /// The launch that many allocations from now has no memory; 0: none.
  void fail_allocation(int number) { fail_in_ = number; }

  std::shared_ptr<void> make_current() override { return nullptr; }
  void* stream() override { return streams_[current_].get(); }
  bool capturing(void* stream) override;
  Memory allocate(std::int64_t bytes) override;
  Memory allocate_pinned(std::int64_t bytes) override;
  void keep_for(const Memory& memory, void* stream) override;
  void copy(void* to, const void* from, std::int64_t bytes, void* stream) override;
  void fill(void* to, std::uint8_t byte, std::int64_t bytes, void* stream) override;
  Event record(void* stream) override;
  bool done(const Event& event) override;
  void order(void* stream, const Event& event) override;

 private:
  void block(const Event& event) override;

  std::vector<std::shared_ptr<emulation::Stream>> streams_;
  std::size_t current_ = 0;
  bool capturing_ = false;
  int fail_in_ = 0;
};

}  // namespace infoplane::estimator::cuda::test
