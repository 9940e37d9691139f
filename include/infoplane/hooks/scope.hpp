#pragma once

#include <memory>

namespace infoplane::hooks {

namespace detail {
struct ScopeState;
}  // namespace detail

/// The time in which a `Watcher` captures: one micro-batch, on the thread that opened it. Made by `Watcher::observe`.
///
/// In a scope the first firing of each site counts. Later ones (a second forward, a nested operator) are
/// counted as repeats while others are still to come, and change nothing, and what runs inside a backward pass, such as
/// the recomputation of gradient checkpointing, never counts. Nothing waits for a device, but for the first pass over a
/// hand-written norm, where the values tell whether it is a LayerNorm.
class Scope {
 public:
  Scope(Scope&& other) noexcept = default;
  Scope& operator=(Scope&& other) noexcept;
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  /// Ends the scope. An exception that `finish` has not thrown goes to `Watcher::rethrow_pending`.
  ~Scope();

  /// Ends the scope; a second call does nothing.
  /// @throws whatever the capture threw first, or SiteError where a site did not come as its operators were not seen
  /// @throws StateError if called on another thread than the one that opened it, or from inside a capture
  void finish();

  /// Whether it still captures.
  bool is_open() const noexcept;

 private:
  friend class Watcher;
  explicit Scope(std::shared_ptr<detail::ScopeState> state);

  void close() noexcept;

  std::shared_ptr<detail::ScopeState> state_;
};

}  // namespace infoplane::hooks
