#pragma once

namespace infoplane::hooks::detail {

/// What the scopes of a thread want of LibTorch's operator observer.
enum class Observe { kNothing, kInputs, kInputsAndResults };

/// Installs or removes the observer of this thread; does nothing if it is as wanted.
void set_observer(Observe wanted);
/// Likewise of all threads; calls must not overlap.
void set_observer_of_all_threads(bool wanted);
Observe current_observer() noexcept;
/// Whether LibTorch calls observers on this thread.
bool observers_are_enabled();

}  // namespace infoplane::hooks::detail
