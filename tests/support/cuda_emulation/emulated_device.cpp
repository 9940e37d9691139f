#include "support/cuda_emulation/emulated_device.hpp"

#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

namespace infoplane::estimator::cuda::test {
namespace {

struct EmulatedEvent {
  emulation::Stream* stream;
  std::uint64_t number;
};

const EmulatedEvent& as_event(const Event& event) { return *static_cast<const EmulatedEvent*>(event.get()); }

/// Of the exact size, for the address sanitizer, and never what was there before.
std::shared_ptr<void> fresh(std::int64_t bytes) {
  void* memory = nullptr;
  const auto size = static_cast<std::size_t>(bytes);
  if (posix_memalign(&memory, 256, size == 0 ? 1 : size) != 0) {
    throw std::bad_alloc();
  }
  std::memset(memory, 0xff, size);
  return {memory, [size](void* data) {
            std::memset(data, 0xff, size);
            std::free(data);
          }};
}

}  // namespace

EmulatedDevice::EmulatedDevice() : Device(all_kernels()) {
  for (int i = 0; i < 2; ++i) {
    streams_.push_back(std::make_shared<emulation::Stream>());
  }
}

void EmulatedDevice::pass_time() {
  for (const auto& stream : streams_) {
    stream->run(stream->queued());
  }
}

bool EmulatedDevice::capturing(void* /*stream*/) { return capturing_; }

Memory EmulatedDevice::allocate(std::int64_t bytes) {
  if (fail_in_ > 0 && --fail_in_ == 0) {
    throw std::bad_alloc();
  }
  const std::shared_ptr<void> memory = fresh(bytes);
  void* const data = memory.get();
  // Given back, it goes when its stream comes to that.
  const std::weak_ptr<emulation::Stream> stream = streams_[current_];
  std::shared_ptr<void> owner(data, [memory, stream](void* /*data*/) mutable {
    if (const auto live = stream.lock()) {
      live->push([last = std::move(memory)] {});
    }
  });
  return {data, bytes, std::move(owner)};
}

Memory EmulatedDevice::allocate_pinned(std::int64_t bytes) {
  const std::shared_ptr<void> memory = fresh(bytes);
  return {memory.get(), bytes, memory};
}

void EmulatedDevice::keep_for(const Memory& memory, void* stream) {
  emulation::Stream::push(stream, [owner = memory.owner] {});
}

void EmulatedDevice::copy(void* to, const void* from, std::int64_t bytes, void* stream) {
  if (bytes > 0) {
    emulation::Stream::push(stream, [=] { std::memcpy(to, from, static_cast<std::size_t>(bytes)); });
  }
}

void EmulatedDevice::fill(void* to, std::uint8_t byte, std::int64_t bytes, void* stream) {
  if (bytes > 0) {
    emulation::Stream::push(stream, [=] { std::memset(to, byte, static_cast<std::size_t>(bytes)); });
  }
}

Event EmulatedDevice::record(void* stream) {
  auto* const on = static_cast<emulation::Stream*>(stream);
  return std::make_shared<EmulatedEvent>(EmulatedEvent{on, on->queued()});
}

bool EmulatedDevice::done(const Event& event) {
  if (capturing_) {
    throw std::logic_error("CUDA ends a capture when somebody asks for an event");
  }
  return as_event(event).stream->finished() >= as_event(event).number;
}

void EmulatedDevice::order(void* stream, const Event& event) {
  emulation::Stream::push(stream, [event] { as_event(event).stream->run(as_event(event).number); });
}

void EmulatedDevice::block(const Event& event) { as_event(event).stream->run(as_event(event).number); }

}  // namespace infoplane::estimator::cuda::test
