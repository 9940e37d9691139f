#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/hooks/site.hpp>
#include <infoplane/monitor/batch_details.hpp>
#include <infoplane/monitor/monitor_options.hpp>
#include <infoplane/monitor/observation.hpp>
#include <infoplane/plane/point.hpp>
#include <infoplane/sinks/sink.hpp>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace torch::nn {
class Module;
}

namespace infoplane {

/// The one object a trainer holds: watches the residual stream of a model, accumulates soft-entropy statistics on the
/// observed steps, and gives a point on the information plane at the logged ones.
///
/// The model is borrowed: never modified, never asked for random numbers, and it must outlive the monitor. Two streams,
/// `train` (the trainer's own micro-batches) and `heldout` (a fixed evaluation batch), are kept apart throughout.
/// Not thread-safe: to be used by the thread that runs the forward.
class Monitor {
 public:
  /// Finds the sites of the model that match `options.sites()`.
  /// @throws ArgumentError if an option is out of range. @throws SiteError if a pattern matches nothing.
  explicit Monitor(const torch::nn::Module& model, MonitorOptions options = {});
  /// Without a model: measures what `tap`, `tap_raw` and `tap_output` hand over.
  explicit Monitor(MonitorOptions options);
  /// The same for anything that `*` turns into a module: a holder (`TORCH_MODULE`) or a `shared_ptr`.
  template <typename Holder, typename = decltype(static_cast<const torch::nn::Module&>(*std::declval<const Holder&>()))>
  explicit Monitor(const Holder& model, MonitorOptions options = {})
      : Monitor(static_cast<const torch::nn::Module&>(*model), std::move(options)) {}

  Monitor(Monitor&&) noexcept;
  Monitor& operator=(Monitor&&) noexcept;
  ~Monitor();

  /// Points logged from now on go to the sink too. A sink that fails never stops training.
  template <typename SinkType>
  void add_sink(SinkType&& sink) {
    if constexpr (std::is_convertible_v<SinkType, std::shared_ptr<sinks::Sink>>) {
      add(std::forward<SinkType>(sink));
    } else {
      add(std::make_shared<std::decay_t<SinkType>>(std::forward<SinkType>(sink)));
    }
  }

  /// Observes one micro-batch of `step` until the returned scope ends; returns an empty scope, at the price of a
  /// comparison, where the step is not observed. Several micro-batches of a step add up. Waits for the device only if
  /// the tokens are not on the CPU. Does not communicate.
  ///
  /// `tokens` int32 or int64 [B, T]; `targets`, the token that follows each position, like it or undefined, where −1
  /// and −100 mean "no label".
  /// @throws ShapeError, ArgumentError as `labels::LabelIndex::group` does.
  /// @throws StateError if another observation is open.
  Observation observe(std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets = {},
                      const BatchDetails& details = {});

  /// Observes a forward over held-out tokens, at any step. Several forwards with the same step add up to one point.
  Observation observe_heldout(std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets = {},
                              const BatchDetails& details = {});

  /// Ends the step: closes an open observation, throws what went wrong inside one, and at a logged step returns the
  /// point of the `train` stream after handing it to the sinks. A held-out point still open is handed to the sinks
  /// first. Empty between the logged steps, and where nothing of the step was observed. `loss`, a tensor of one
  /// element, is read only at a logged step.
  /// @throws SiteError after the first observed step if a site did not fire, or fired in a shape that is not the
  /// tokens'.
  std::optional<plane::Point> end_step(std::int64_t step, const at::Tensor& loss);
  std::optional<plane::Point> end_step(std::int64_t step, double loss);
  std::optional<plane::Point> end_step(std::int64_t step);

  /// Ends the held-out pass of `step` and returns its point; empty if none was observed.
  std::optional<plane::Point> end_heldout(std::int64_t step, const at::Tensor& loss);
  std::optional<plane::Point> end_heldout(std::int64_t step, double loss);
  std::optional<plane::Point> end_heldout(std::int64_t step);

  /// True where `observe` would measure; for a trainer that wants to prepare something for it.
  bool observes(std::int64_t step) const noexcept;
  /// True where `end_step` would give a point.
  bool logs(std::int64_t step) const noexcept;

  /// Sites found, in the order of the layers.
  const std::vector<hooks::Site>& sites() const noexcept;
  /// The sites in words: name, kind and where each is read.
  std::string describe() const;
  /// Looks the model over again after a part of it was replaced. Statistics of the open window are dropped.
  void rescan();

  /// Host seconds spent inside this monitor so far: grouping, measuring, estimating, sinks.
  double seconds() const noexcept;
  const MonitorOptions& options() const noexcept;

 private:
  class Impl;
  void add(std::shared_ptr<sinks::Sink> sink);
  std::unique_ptr<Impl> impl_;
};

}  // namespace infoplane
