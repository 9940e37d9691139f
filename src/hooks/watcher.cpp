#include <torch/csrc/jit/api/module.h>

#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/watch.hpp>

#include "hooks/operator_observer.hpp"
#include "hooks/report.hpp"
#include "hooks/scope_state.hpp"

namespace infoplane::hooks {

struct Watcher::State {
  detail::Root root = detail::Root::kNone;
  std::function<std::vector<detail::NamedTensor>()> tensors = [] { return std::vector<detail::NamedTensor>(); };
  std::shared_ptr<detail::WatchState> watch = std::make_shared<detail::WatchState>();

  void read(WatchOptions options) {
    watch->plan = detail::Plan(tensors(), std::move(options), root);
    watch->sites = watch->plan.sites();
  }
};

Watcher::Watcher(WatchOptions options) : state_(std::make_shared<State>()) { state_->read(std::move(options)); }

Watcher::Watcher(const torch::nn::Module& root, WatchOptions options) : state_(std::make_shared<State>()) {
  state_->root = detail::Root::kModule;
  state_->tensors = [&root] { return detail::read_tensors(root); };
  state_->read(std::move(options));
}

Watcher::Watcher(const torch::jit::Module& root, WatchOptions options) : state_(std::make_shared<State>()) {
  state_->root = detail::Root::kScript;
  state_->tensors = [root] { return detail::read_tensors(root); };
  state_->read(std::move(options));
}

Watcher::Watcher(Watcher&&) noexcept = default;
Watcher& Watcher::operator=(Watcher&&) noexcept = default;
Watcher::~Watcher() = default;

const std::vector<Site>& Watcher::sites() const { return state_->watch->sites; }

Scope Watcher::observe(Capture capture) { return observe(std::move(capture), at::Tensor()); }

Scope Watcher::observe(Capture capture, const at::Tensor& tokens) {
  INFOPLANE_CHECK(!tokens.defined() || tokens.dim() == 2, ShapeError, "the tokens to follow must be a matrix, got ",
                  tokens.dim(), " axes");
  INFOPLANE_CHECK(!detail::is_capturing(), StateError,
                  "a scope cannot be opened inside a capture: open it around a forward");
  INFOPLANE_CHECK(
      detail::observers_are_enabled(), StateError,
      "LibTorch's operator observers are switched off on this thread, so no site could fire: open the scope "
      "outside of at::DisableRecordFunctionGuard");
  const auto& watch = state_->watch;
  INFOPLANE_CHECK(!watch->is_observing.exchange(true), StateError,
                  "a scope of this watcher is open: end it before the next one, or use one watcher for each scope");
  try {
    auto scope = std::make_shared<detail::ScopeState>(watch, std::move(capture), tokens);
    detail::open_scope(scope);
    return Scope(std::move(scope));
  } catch (...) {
    watch->is_observing = false;
    throw;
  }
}

AxisMatch Watcher::axis_match() const noexcept { return state_->watch->axis_match; }

const at::Tensor& Watcher::positions() const noexcept { return state_->watch->positions; }

void Watcher::rescan() {
  INFOPLANE_CHECK(state_->root != detail::Root::kNone, StateError,
                  "this watcher has no module to read again: it watches taps only");
  INFOPLANE_CHECK(!state_->watch->is_observing, StateError, "rescan() inside an observed scope: end the scope first");
  state_->read(WatchOptions(state_->watch->plan.options()));
}

void Watcher::verify() const {
  const auto complaint = detail::complain(state_->watch->plan);
  INFOPLANE_CHECK(complaint.empty(), SiteError, complaint);
}

void Watcher::verify_sources() const {
  if (state_->root == detail::Root::kNone) {
    return;
  }
  const auto complaint = detail::complain_of_sources(state_->watch->plan, state_->tensors());
  INFOPLANE_CHECK(complaint.empty(), SiteError, complaint);
}

void Watcher::rethrow_pending() {
  if (const auto pending = std::exchange(state_->watch->pending, nullptr)) {
    std::rethrow_exception(pending);
  }
}

std::vector<std::string> Watcher::names() const {
  std::vector<std::string> names;
  for (const auto& record : state_->watch->plan.records()) {
    if (record.site.index >= -1 && !record.dropped) {
      names.push_back(record.site.name);
    }
  }
  return names;
}

std::vector<std::string> Watcher::unmatched_patterns() const {
  const auto& plan = state_->watch->plan;
  return plan.stacks().empty() ? std::vector<std::string>{} : plan.unmatched_patterns();
}

std::string Watcher::describe() const { return detail::describe(state_->watch->plan); }

}  // namespace infoplane::hooks
