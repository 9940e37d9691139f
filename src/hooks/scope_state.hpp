#pragma once

#include <infoplane/hooks/site.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>

#include "hooks/axes.hpp"
#include "hooks/pass.hpp"

namespace infoplane::hooks::detail {

/// What a watcher shares with its scope.
struct WatchState {
  Plan plan;
  std::vector<Site> sites;
  std::atomic<bool> is_observing = false;
  std::exception_ptr pending;
  AxisMatch axis_match = AxisMatch::kUnknown;  // of what is being captured
  at::Tensor positions;                        // likewise, that a tap gave
};

/// An open scope.
struct ScopeState {
  /// `tokens`: whose axes are followed; undefined: none.
  ScopeState(std::shared_ptr<WatchState> watch_state, Capture capture_function, const at::Tensor& tokens);

  /// An operator begins and ends.
  void start(const void* key, const char* name, c10::ArrayRef<const c10::IValue> inputs);
  void end(const void* key, const std::vector<c10::IValue>& results);

  /// Calls the capture as its documentation promises; keeps what it throws.
  void capture_site(const Site& site, const at::Tensor& tensor);

  /// Fires what waits for the end of the pass, and looks whether the forward ran where it could not be seen; keeps what
  /// that throws.
  void finish_pass() noexcept;

  std::shared_ptr<WatchState> watch;
  Capture capture;
  Pass pass;
  std::optional<Axes> axes;
  std::thread::id thread = std::this_thread::get_id();
  std::atomic<bool> is_closed = false;
  const bool has_gradients;               // when it was opened
  std::atomic<int> used_elsewhere = -1;   // a parameter, on a thread without a scope
  std::atomic<bool> replica_ran = false;  // likewise
  std::exception_ptr exception;
  bool is_finished = false;  // its pass
  const int uncaught = std::uncaught_exceptions();
};

/// Adds the scope to those of this thread, and the operator observer where it needs one.
void open_scope(std::shared_ptr<ScopeState> state);
/// Takes the closed scopes of this thread away, and the observers that nobody needs.
void remove_closed_scopes() noexcept;
/// A capture is running on this thread.
bool is_capturing() noexcept;

}  // namespace infoplane::hooks::detail
