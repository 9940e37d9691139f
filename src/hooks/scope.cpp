#include <infoplane/hooks/raw_tap.hpp>
#include <infoplane/hooks/scope.hpp>
#include <infoplane/hooks/tap.hpp>

#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <utility>

#include "hooks/dispatch.hpp"
#include "hooks/operator_observer.hpp"
#include "hooks/other_threads.hpp"
#include "hooks/scope_state.hpp"

namespace infoplane::hooks {
namespace detail {

thread_local constinit int listeners = 0;

namespace {

thread_local std::vector<std::shared_ptr<ScopeState>> open_scopes;
thread_local constinit bool capturing = false;

/// Calls `work` with each open scope; an exception becomes the scope's.
template <typename Work>
void for_each_scope(Work work) noexcept {
  if (capturing) {
    return;
  }
  for (const auto& scope : open_scopes) {
    if (scope->is_closed.load(std::memory_order_relaxed)) {
      continue;
    }
    try {
      work(*scope);
    } catch (...) {
      if (!scope->exception) {
        scope->exception = std::current_exception();
      }
    }
  }
}

Plan& begun(Plan& plan) {
  plan.begin_pass();
  return plan;
}

}  // namespace

ScopeState::ScopeState(std::shared_ptr<WatchState> watch_state, Capture capture_function, const at::Tensor& tokens)
    : watch(std::move(watch_state)),
      capture(std::move(capture_function)),
      pass(begun(watch->plan), [this](const Site& site, const at::Tensor& tensor) { capture_site(site, tensor); }),
      has_gradients(at::GradMode::is_enabled()) {
  if (tokens.defined()) {
    axes.emplace(tokens);
  }
}

// The axes of a result are known before the site that it is fires.
void ScopeState::start(const void* key, const char* name, c10::ArrayRef<const c10::IValue> inputs) {
  if (axes) {
    axes->start(key, name, inputs);
  }
  pass.start(key, name, inputs);
}

void ScopeState::end(const void* key, const std::vector<c10::IValue>& results) {
  if (axes) {
    axes->end(key, results);
  }
  pass.end(key, results);
}

void ScopeState::capture_site(const Site& site, const at::Tensor& tensor) {
  if (exception || !capture) {
    return;
  }
  struct Flag {
    explicit Flag(WatchState& watched) : watch(watched) { capturing = true; }
    Flag(const Flag&) = delete;
    Flag& operator=(const Flag&) = delete;
    ~Flag() {
      capturing = false;
      watch.axis_match = AxisMatch::kUnknown;
    }
    WatchState& watch;
  };
  const Flag flag(*watch);  // the capture's own operators are no part of the forward
  watch->axis_match = axes ? axes->of(tensor) : AxisMatch::kUnknown;
  const at::NoGradGuard no_grad;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  capture(site, tensor.detach());
}

void ScopeState::finish_pass() noexcept {
  if (std::exchange(is_finished, true)) {
    return;
  }
  try {
    pass.finish();
    const bool forward_threw = std::uncaught_exceptions() > uncaught;
    if (!exception && !forward_threw) {
      pass.require_seen(used_elsewhere, replica_ran);
    }
  } catch (...) {
    if (!exception) {
      exception = std::current_exception();
    }
  }
}

namespace {

// The backward and the optimizer run more operators than the forward, often with the scope still open.
void rest_if_done() noexcept {
  const auto is_done = [](const auto& scope) { return scope->is_closed || scope->pass.is_done(); };
  if (std::all_of(open_scopes.begin(), open_scopes.end(), is_done)) {
    set_observer(Observe::kNothing);
    for (const auto& scope : open_scopes) {
      leave_other_threads(*scope);
    }
  }
}

}  // namespace

void open_scope(std::shared_ptr<ScopeState> state) {
  remove_closed_scopes();
  const auto& plan = state->watch->plan;
  const auto wanted = plan.reads_results() || state->axes ? Observe::kInputsAndResults
                      : plan.reads_operators()            ? Observe::kInputs
                                                          : Observe::kNothing;
  if (wanted != Observe::kNothing) {
    watch_other_threads(state);
  }
  open_scopes.push_back(std::move(state));
  set_observer(std::max(wanted, current_observer()));
  listeners = static_cast<int>(open_scopes.size());
}

void remove_closed_scopes() noexcept {
  std::erase_if(open_scopes, [](const auto& scope) { return scope->is_closed.load(); });
  listeners = static_cast<int>(open_scopes.size());
  if (open_scopes.empty()) {
    set_observer(Observe::kNothing);
  }
}

bool is_capturing() noexcept { return capturing; }

void fire_tap(std::string_view name, const at::Tensor& tensor, SiteKind kind, const at::Tensor& positions) noexcept {
  for_each_scope([&](ScopeState& scope) {
    struct Positions {
      ~Positions() { watch.positions.reset(); }
      WatchState& watch;
    };
    const Positions here{*scope.watch};
    scope.watch->positions = positions;
    scope.pass.tap(name, tensor, kind, positions.defined());
  });
}

void keep_exception(const std::exception_ptr& exception) noexcept {
  for_each_scope([&](ScopeState& /*scope*/) { std::rethrow_exception(exception); });
}

void operator_started(const void* key, const char* name, c10::ArrayRef<const c10::IValue> inputs) noexcept {
  int fires = 0;
  for_each_scope([&](ScopeState& scope) {
    fires -= scope.pass.fires();
    scope.start(key, name, inputs);
    fires += scope.pass.fires();
  });
  if (fires != 0) {
    rest_if_done();
  }
}

void operator_ended(const void* key, const std::vector<c10::IValue>& results) noexcept {
  int fires = 0;
  for_each_scope([&](ScopeState& scope) {
    fires -= scope.pass.fires();
    scope.end(key, results);
    fires += scope.pass.fires();
  });
  if (fires != 0) {
    rest_if_done();
  }
}

}  // namespace detail

Scope::Scope(std::shared_ptr<detail::ScopeState> state) : state_(std::move(state)) {}

Scope& Scope::operator=(Scope&& other) noexcept {
  if (this != &other) {
    close();
    state_ = std::move(other.state_);
  }
  return *this;
}

Scope::~Scope() { close(); }

bool Scope::is_open() const noexcept { return state_ != nullptr; }

void Scope::close() noexcept {
  if (!state_) {
    return;
  }
  const auto state = std::move(state_);
  auto& watch = *state->watch;
  const bool is_here = state->thread == std::this_thread::get_id() && !detail::is_capturing();
  if (is_here) {
    state->finish_pass();
  }
  state->is_closed = true;
  detail::leave_other_threads(*state);
  watch.plan.settle();
  watch.sites = watch.plan.sites();
  if (state->exception && !watch.pending) {
    watch.pending = state->exception;
  }
  watch.is_observing = false;
  // On another thread, or inside a capture, the scope's thread takes it away at its next scope.
  if (is_here) {
    detail::remove_closed_scopes();
  }
}

void Scope::finish() {
  if (!state_) {
    return;
  }
  INFOPLANE_CHECK(state_->thread == std::this_thread::get_id(), StateError,
                  "an observed scope ends on the thread that opened it: call finish() there");
  INFOPLANE_CHECK(!detail::is_capturing(), StateError,
                  "an observed scope cannot end inside a capture: call finish() after the forward");
  state_->finish_pass();
  const auto exception = std::exchange(state_->exception, nullptr);
  close();
  if (exception) {
    std::rethrow_exception(exception);
  }
}

}  // namespace infoplane::hooks
