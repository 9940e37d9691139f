#pragma once

#include <memory>

namespace infoplane {

/// An observed scope: while it lives, the watched sites of the model are measured on this thread. Ends with its scope,
/// by `finish()`, or with the monitor's `end_step`, whichever comes first. Move-only; empty where the step is not
/// observed.
class [[nodiscard]] Observation {
 public:
  class Impl;

  Observation() noexcept;
  explicit Observation(std::shared_ptr<Impl> impl) noexcept;
  Observation(Observation&& other) noexcept;
  Observation& operator=(Observation&& other) noexcept;
  ~Observation();

  /// True while the scope measures.
  explicit operator bool() const noexcept;

  /// Ends the scope now. Errors of the capture stay with the monitor, whose `end_step` throws them.
  void finish() noexcept;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace infoplane
