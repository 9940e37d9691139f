#pragma once

#include <memory>

namespace infoplane {

/// An observed scope: while it lives, the watched sites of the model are measured on this thread. Ends with its scope,
/// by `finish()` or `discard()`, or with the monitor's `end_step`, whichever comes first. Move-only; empty where the
/// step is not observed.
///
/// A micro-batch counts whole or not at all. It does not where the scope is left by an exception, where it ends inside
/// the handler of one that was thrown in it, or where the forward ended before the last site that it reached before:
/// then every layer is as if it had not been observed, and the next point says so (`Point::reasons`, "tokens"). An
/// exception after the scope is not known here: let the scope last as long as what may fail, or call `discard()`.
class [[nodiscard]] Observation {
 public:
  class Impl;

  Observation() noexcept;
  /// Made by `Monitor::observe`.
  explicit Observation(std::shared_ptr<Impl> impl) noexcept;
  Observation(Observation&& other) noexcept;
  Observation& operator=(Observation&& other) noexcept;
  ~Observation();

  /// True while the scope measures.
  explicit operator bool() const noexcept;

  /// Ends the scope now. Errors of the capture stay with the monitor, whose `end_step` throws them.
  void finish() noexcept;

  /// Ends the scope now, and takes the micro-batch back.
  void discard() noexcept;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace infoplane
