#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/distributed/communicator.hpp>
#include <infoplane/hooks/site.hpp>
#include <infoplane/monitor/batch_details.hpp>
#include <infoplane/monitor/loss_kind.hpp>
#include <infoplane/monitor/monitor_options.hpp>
#include <infoplane/monitor/observation.hpp>
#include <infoplane/plane/point.hpp>
#include <infoplane/sinks/sink.hpp>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace torch::nn {
class Module;
}
namespace torch::jit {
struct Module;
}

namespace infoplane {

/// The one object a trainer holds: watches the residual stream of a model, accumulates soft-entropy statistics on the
/// observed steps, and gives a point on the information plane at the logged ones.
///
/// The model is borrowed: never modified, never asked for random numbers, and it must outlive the monitor. Two splits,
/// `train` (the trainer's own micro-batches) and `heldout` (a fixed evaluation batch), are kept apart throughout.
/// Not thread-safe: to be used by the thread that runs the forward.
class Monitor {
 public:
  /// Finds the sites of the model that match `options.sites()`.
  /// @throws ArgumentError if an option is out of range, or if `options.blocks()` matches no module.
  /// @throws SiteError if a pattern of `options.sites()` matches neither a name that `describe()` prints nor a norm.
  /// Not in pipelines, where other ranks have other blocks, and not where the model has no known blocks: then the first
  /// observed forward tells.
  ///
  /// With a communicator of several ranks each rank has a monitor, and a point is that of the tokens of all of them:
  /// the same bits on every rank. `end_step` at logged steps and where a held-out pass is open, `end_heldout` and
  /// `mean_over_ranks` are then collective, and nothing else communicates. Only rank 0 writes to sinks. Null: one rank,
  /// as `distributed::Local`.
  explicit Monitor(const torch::nn::Module& model, MonitorOptions options = {},
                   std::shared_ptr<distributed::Communicator> communicator = nullptr);
  /// The same for a TorchScript module, such as `torch::jit::load` gives; of the handle a copy is held.
  /// @throws ArgumentError also if it is frozen: then its parameters are constants of its code.
  explicit Monitor(const torch::jit::Module& model, MonitorOptions options = {},
                   std::shared_ptr<distributed::Communicator> communicator = nullptr);
  /// Without a model: measures what `tap`, `tap_raw` and `tap_output` hand over.
  explicit Monitor(MonitorOptions options, std::shared_ptr<distributed::Communicator> communicator = nullptr);
  /// The same for anything that `*` turns into a module: a holder (`TORCH_MODULE`) or a `shared_ptr`.
  template <typename Holder, typename = decltype(static_cast<const torch::nn::Module&>(*std::declval<const Holder&>()))>
  explicit Monitor(const Holder& model, MonitorOptions options = {},
                   std::shared_ptr<distributed::Communicator> communicator = nullptr)
      : Monitor(static_cast<const torch::nn::Module&>(*model), std::move(options), std::move(communicator)) {}

  Monitor(Monitor&&) noexcept;
  Monitor& operator=(Monitor&&) noexcept;
  ~Monitor();

  /// Points logged from now on go to the sink too: a sink by value, or shared with the trainer. It is opened here, and
  /// on rank 0 only: on the others it opens and writes nothing. A sink that fails later never stops training.
  /// @throws ArgumentError for a null pointer. On rank 0 what Sink::open does, such as IoError if the file cannot be
  /// written.
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
  /// `tokens` int32 or int64 (or uint8) [B, T]; `targets`, the token that follows each position, like it or undefined,
  /// where −1 and −100 mean "no label". What the window holds of another logged step is dropped, and the next point
  /// says so.
  /// @throws ShapeError, ArgumentError as `labels::LabelIndex::group` does, for a dtype that is none of ids or of a
  /// mask, for targets that are the tokens themselves, and where they follow the tokens along the axis of the
  /// sequences.
  /// @throws StateError if another observation is open.
  Observation observe(std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets = {},
                      const BatchDetails& details = {});

  /// The same for a model without tokens: points then have `I(X;Z)/context`, and the label sets of `details`, whose
  /// tensors are [B, T] like the positions of the activations ([T, B] with `MonitorOptions::time_major`). Without any
  /// of them positions come from the first activation: of [B, T, d] the two leading axes ([T, B, d] with
  /// `MonitorOptions::activations` or `time_major`), of [N, d] N sequences of one position, whose errors are too small
  /// where rows of a sequence follow one another.
  /// @throws ShapeError, ArgumentError as above.
  Observation observe(std::int64_t step, const BatchDetails& details = {});

  /// Observes a forward over held-out tokens, at any step. Several forwards with the same step add up to one point. An
  /// earlier pass that was not ended is dropped, and the next held-out point says so.
  Observation observe_heldout(std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets = {},
                              const BatchDetails& details = {});
  /// The same for a model without tokens.
  Observation observe_heldout(std::int64_t step, const BatchDetails& details = {});

  /// Ends the step: closes an open observation, throws what went wrong inside one, and at a logged step returns the
  /// point of the `train` split after handing it to the sinks. A held-out pass still open is ended first. Empty between
  /// the logged steps, and where nothing of the window was observed, or all of it was taken back. If no forward of the
  /// window reached its end, all values are NaN. `loss`, a tensor of one element, is read only at a logged step;
  /// `kind` says what it is, the same on every rank.
  ///
  /// Over ranks the point has the mean of the losses, over the ranks that give one. What goes wrong is thrown where no
  /// rank is left waiting for another: by one rank at once and as it is; over ranks from the next point, by all of
  /// them. The window is lost then, but for a step or a loss that is wrong here.
  /// @throws StateError if the last observation was of another step; over ranks, the same on every rank, with what went
  /// wrong on which; or if ranks end different steps.
  /// @throws ArgumentError, the same on every rank, if options or sites differ between ranks, with both values.
  /// @throws CommunicationError if a rank died, left or was late beyond the communicator's timeout.
  /// @throws SiteError after the first observed step if a site did not fire, or fired in a shape that is not the
  /// tokens'; if nothing tells which of its axes is which, or they change; if several stacks of blocks were measured
  /// against one row of tokens. Each says what to write.
  std::optional<plane::Point> end_step(std::int64_t step, const at::Tensor& loss, LossKind kind = LossKind::kOther);
  /// The same with a loss that is a number, or without one.
  std::optional<plane::Point> end_step(std::int64_t step, std::optional<double> loss = std::nullopt,
                                       LossKind kind = LossKind::kOther);

  /// Ends the held-out pass of `step` and returns its point; empty if none was observed.
  std::optional<plane::Point> end_heldout(std::int64_t step, const at::Tensor& loss, LossKind kind = LossKind::kOther);
  /// The same with a loss that is a number, or without one.
  std::optional<plane::Point> end_heldout(std::int64_t step, std::optional<double> loss = std::nullopt,
                                          LossKind kind = LossKind::kOther);

  /// Means over the ranks that have each metric, the same bits on every rank: for values of the trainer's own that
  /// decide in `EarlyStopping::update`. Collective.
  plane::Metrics mean_over_ranks(const plane::Metrics& mine);
  /// Of the communicator; 0 of 1 without one.
  int rank() const noexcept;
  /// Ranks of the communicator; 1 without one.
  int world_size() const noexcept;

  /// True where `observe` would measure; for a trainer that wants to prepare something for it.
  bool observes(std::int64_t step) const noexcept;
  /// True where `end_step` would give a point.
  bool logs(std::int64_t step) const noexcept;

  /// Sites found, in the order of the layers.
  const std::vector<hooks::Site>& sites() const noexcept;
  /// The sites in words: name, kind and where each is read.
  std::string describe() const;
  /// Looks the model over again after a part of it was replaced, and forgets which axis of its activations is which and
  /// where its forward ends. Statistics of the open window are dropped, which the next point says.
  void rescan();

  /// Writes the open windows of both splits, for a checkpoint between two steps: a monitor that loads it goes on to
  /// the same bits. Binary; a few kB between windows, the sums of every site inside one.
  /// @throws StateError inside an observation. @throws IoError if `out` fails.
  void save(std::ostream& out) const;

  /// Replaces the open windows by those that were saved. Happens whole or not at all.
  /// @throws StateError inside an observation.
  /// @throws ArgumentError if sites, label sets, steps of points, or what the values depend on differ; names each.
  /// @throws IoError if `in` holds no state of a monitor, one of a newer version, or a damaged one.
  void load(std::istream& in);

  /// Host seconds spent inside this monitor so far: grouping, measuring, estimating, sinks.
  double seconds() const noexcept;
  /// Bytes held for both splits: sums, maps and samples of each site, the anchors of each, label tables, and the rows
  /// of the last micro-batch. Grows with the labels of an open window; after a point the arrays stay, the labels go.
  std::int64_t memory_bytes() const noexcept;
  /// What it was made with.
  const MonitorOptions& options() const noexcept;

 private:
  class Impl;
  void add(std::shared_ptr<sinks::Sink> sink);
  std::unique_ptr<Impl> impl_;
};

}  // namespace infoplane
