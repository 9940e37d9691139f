#include <exception>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/sink.hpp>
#include <iostream>
#include <mutex>
#include <utility>

#include "core/no_signals.hpp"
#include "core/text.hpp"

namespace infoplane::sinks {

struct Sink::State {
  mutable std::mutex mutex;
  std::int64_t failures = 0;
  std::string first_error;
  bool open = false, closed = false;

  void fail(const std::string& name, const char* what) noexcept {
    if (++failures > 1) {
      return;
    }
    try {
      first_error = what;
      std::cerr << detail::concat("infoplane: ", text::printable(name), " failed: ", text::printable(what),
                                  " (training goes on; further failures are counted, not told)\n")
                << std::flush;
    } catch (...) {  // NOLINT(bugprone-empty-catch): neither memory nor stderr is left to tell it with
    }
  }
};

Sink::Sink(std::string name) : name_(std::move(name)), state_(std::make_unique<State>()) {}
Sink::Sink(Sink&& other) noexcept = default;
Sink::~Sink() = default;

void Sink::ensure_open() {
  if (!state_->open) {
    open_output();
    state_->open = true;
  }
}

void Sink::open() {
  if (!state_) {
    return;
  }
  const std::lock_guard lock(state_->mutex);
  const NoSignals errors_only;
  INFOPLANE_CHECK(!state_->closed, StateError, name_, " was opened after close(): make another one");
  ensure_open();
}

template <typename Work>
void Sink::guarded(const Work& work) noexcept {
  if (!state_) {
    return;
  }
  const std::lock_guard lock(state_->mutex);
  const NoSignals errors_only;
  try {
    work();
  } catch (const std::exception& error) {
    state_->fail(name_, error.what());
  } catch (...) {
    state_->fail(name_, "an exception that is no std::exception");
  }
}

void Sink::write(const runs::RunHeader& header) noexcept {
  guarded([&] {
    INFOPLANE_CHECK(!state_->closed, StateError, "a run header was written after close()");
    ensure_open();
    write_header(header);
  });
}

void Sink::write(const plane::Point& point) noexcept {
  guarded([&] {
    INFOPLANE_CHECK(!state_->closed, StateError, "the point of step ", point.step, " was written after close()");
    ensure_open();
    write_point(point);
  });
}

void Sink::flush() noexcept {
  guarded([&] {
    if (!state_->closed) {
      flush_output();
    }
  });
}

void Sink::close() noexcept {
  guarded([&] {
    if (!std::exchange(state_->closed, true)) {
      close_output();
    }
  });
}

std::int64_t Sink::failures() const noexcept {
  if (!state_) {
    return 0;
  }
  const std::lock_guard lock(state_->mutex);
  return state_->failures;
}

std::string Sink::first_error() const {
  if (!state_) {
    return {};
  }
  const std::lock_guard lock(state_->mutex);
  return state_->first_error;
}

}  // namespace infoplane::sinks
