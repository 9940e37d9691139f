#pragma once

#include <infoplane/hooks/site.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <string_view>
#include <thread>

#include "hooks/pass.hpp"

namespace infoplane::hooks::detail {

/// What a watcher shares with its scope.
struct WatchState {
  Plan plan;
  std::vector<Site> sites;
  std::atomic<bool> is_observing = false;
  std::exception_ptr pending;
};

/// An open scope.
struct ScopeState {
  ScopeState(std::shared_ptr<WatchState> watch_state, Capture capture_function);

  /// Calls the capture as its documentation promises; keeps what it throws.
  void capture_site(const Site& site, const at::Tensor& tensor);

  /// Fires what waits for the end of the pass; keeps what that throws.
  void finish_pass() noexcept;

  std::shared_ptr<WatchState> watch;
  Capture capture;
  Pass pass;
  std::thread::id thread = std::this_thread::get_id();
  std::atomic<bool> is_closed = false;
  std::exception_ptr exception;
};

/// Adds the scope to those of this thread, and the operator observer where it needs one.
void open_scope(std::shared_ptr<ScopeState> state);
/// Takes the closed scopes of this thread away, and the observers that nobody needs.
void remove_closed_scopes() noexcept;
/// A capture is running on this thread.
bool is_capturing() noexcept;

}  // namespace infoplane::hooks::detail
