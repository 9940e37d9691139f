#include <ATen/core/Tensor.h>

#include <infoplane/core/error.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <utility>

#include "monitor/monitor_impl.hpp"

namespace infoplane {

namespace {

std::optional<double> value_of(const at::Tensor& loss) {
  if (!loss.defined()) {
    return std::nullopt;
  }
  INFOPLANE_CHECK(loss.numel() == 1, ShapeError, "the loss must be one number, got a tensor of ", loss.numel(),
                  " elements; give its mean");
  return loss.item().toDouble();
}

}  // namespace

Monitor::Monitor(const torch::nn::Module& model, MonitorOptions options,
                 std::shared_ptr<distributed::Communicator> communicator)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(communicator), model)) {}
Monitor::Monitor(const torch::jit::Module& model, MonitorOptions options,
                 std::shared_ptr<distributed::Communicator> communicator)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(communicator), model)) {}
Monitor::Monitor(MonitorOptions options, std::shared_ptr<distributed::Communicator> communicator)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(communicator))) {}
Monitor::Monitor(Monitor&&) noexcept = default;
Monitor& Monitor::operator=(Monitor&&) noexcept = default;
Monitor::~Monitor() = default;

void Monitor::add(std::shared_ptr<sinks::Sink> sink) {
  INFOPLANE_CHECK(sink != nullptr, ArgumentError, "add_sink() got a null pointer");
  impl_->add(std::move(sink));
}

Observation Monitor::observe(std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets,
                             const BatchDetails& details) {
  if (!impl_->observes(step) || !impl_->options_.counts()) [[likely]] {
    return {};
  }
  return impl_->observe(impl_->state_->train, step, tokens, targets, details);
}

Observation Monitor::observe(std::int64_t step, const BatchDetails& details) {
  if (!impl_->observes(step) || !impl_->options_.counts()) [[likely]] {
    return {};
  }
  return impl_->observe(impl_->state_->train, step, details);
}

Observation Monitor::observe_heldout(std::int64_t step, const BatchDetails& details) {
  impl_->heldout_step_ = step;
  if (!impl_->options_.counts()) {
    return {};
  }
  return impl_->observe(impl_->state_->heldout, step, details);
}

Observation Monitor::observe_heldout(std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets,
                                     const BatchDetails& details) {
  impl_->heldout_step_ = step;
  if (!impl_->options_.counts()) {
    return {};
  }
  return impl_->observe(impl_->state_->heldout, step, tokens, targets, details);
}

std::optional<plane::Point> Monitor::end_step(std::int64_t step, const at::Tensor& loss, LossKind kind) {
  if (!impl_->observes(step)) [[likely]] {
    return std::nullopt;
  }
  impl_->end_forgotten_heldout();
  return impl_->end(
      impl_->state_->train, step, impl_->logs(step), [&] { return value_of(loss); }, kind);
}

std::optional<plane::Point> Monitor::end_step(std::int64_t step, std::optional<double> loss, LossKind kind) {
  if (!impl_->observes(step)) [[likely]] {
    return std::nullopt;
  }
  impl_->end_forgotten_heldout();
  return impl_->end(
      impl_->state_->train, step, impl_->logs(step), [&] { return loss; }, kind);
}

std::optional<plane::Point> Monitor::end_heldout(std::int64_t step, const at::Tensor& loss, LossKind kind) {
  return impl_->end(
      impl_->state_->heldout, step, true, [&] { return value_of(loss); }, kind);
}

std::optional<plane::Point> Monitor::end_heldout(std::int64_t step, std::optional<double> loss, LossKind kind) {
  return impl_->end(
      impl_->state_->heldout, step, true, [&] { return loss; }, kind);
}

bool Monitor::observes(std::int64_t step) const noexcept { return impl_->observes(step); }
int Monitor::rank() const noexcept { return impl_->ranks_.rank(); }
int Monitor::world_size() const noexcept { return impl_->ranks_.size(); }
plane::Metrics Monitor::mean_over_ranks(const plane::Metrics& mine) { return impl_->ranks_.mean(mine); }
bool Monitor::logs(std::int64_t step) const noexcept { return impl_->logs(step); }
const std::vector<hooks::Site>& Monitor::sites() const noexcept { return impl_->watcher_->sites(); }
std::string Monitor::describe() const { return impl_->watcher_->describe(); }
void Monitor::rescan() { impl_->rescan(); }
void Monitor::save(std::ostream& out) const { impl_->save(out); }
void Monitor::load(std::istream& in) { impl_->load(in); }
double Monitor::seconds() const noexcept { return impl_->state_->seconds; }
std::int64_t Monitor::memory_bytes() const noexcept {
  return impl_->state_->train.memory_bytes() + impl_->state_->heldout.memory_bytes();
}
const MonitorOptions& Monitor::options() const noexcept { return impl_->options_; }

}  // namespace infoplane
