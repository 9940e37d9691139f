#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <infoplane/labels/grouping.hpp>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "estimator/assignment/input_checks.hpp"
#include "estimator/device/assignment.hpp"
#include "estimator/label_sums/label_set.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// What an accumulator has on a device: the sums of its label sets, updates whose rows the host does not know to be
/// good yet, and rows of the sample on their way to the host. So an update need not wait: which rows it counted is
/// looked up when the next one comes. Work goes to the caller's current stream.
class OnDevice {
 public:
  using Sets = std::span<const std::unique_ptr<LabelSet>>;
  using Plans = std::vector<std::pair<LabelSet*, UpdatePlan>>;

  /// An update that is not counted yet.
  struct Pending {
    cuda::StartedAssignment assignment;
    std::shared_ptr<const labels::Grouping> grouping;
    std::vector<IntegerLabels> labels;  // instead of the grouping
    std::int64_t length = 1;            // rows of a sequence
    at::Tensor centred = {};            // what the device reads, where that is not the caller's
  };

  explicit OnDevice(std::shared_ptr<cuda::DeviceContext> context) : context_(std::move(context)) {}

  cuda::DeviceContext& context() const noexcept { return *context_; }
  bool is(const cuda::DeviceContext* context) const noexcept { return context_.get() == context; }

  /// @throws StateError if a call before this one failed half way.
  void check_intact() const;
  /// @throws StateError while the caller's current stream captures a CUDA graph.
  void refuse_capture() const;

  void add(Pending pending) {
    pending_.push_back(std::move(pending));
    requested_ = false;
  }
  const std::deque<Pending>& pending() const noexcept { return pending_; }
  /// Whether the first pending update has come, or there are so many that it must be waited for.
  bool must_count() const;
  /// Blocks until all pending updates have come.
  void wait_for_pending() const;
  /// What the host knows now of the first pending update.
  kernels::SoftAssignment finish() const;

  /// Makes room for all that `run` will need for the first pending update. Counts nothing.
  void prepare(Sets sets, const Plans& plans, std::size_t picks, std::int64_t anchors);
  /// Queues the sums of the update that was prepared, and forgets it. The reservoir has its rows without their values.
  void run(const std::vector<Reservoir::Pick>& picks, std::int64_t anchors);
  /// Gives the reservoir the values that have come; waits for those that have not if `all`.
  void collect(Reservoir& reservoir, bool all);

  /// Queues what a point needs of the sets, and all sums of those in `whole`.
  void request(Sets sets, std::span<const LabelSet* const> whole);
  /// Waits for that, after queueing it where it was not or where updates came since, and for the sample.
  void read(Sets sets, std::span<const LabelSet* const> whole, Reservoir& reservoir);
  /// Queues the way of all sums to the host, and waits for them and for the sample: afterwards this has nothing.
  void move_to_host(Sets sets, Reservoir& reservoir);

  std::int64_t memory_bytes() const noexcept;

 private:
  struct Gathered {
    cuda::Memory values;  // pinned
    std::vector<std::uint32_t> indices;
    cuda::Event done;
  };
  struct Work;

  /// The current stream, on which all work before this is done.
  void* enter(Sets sets);
  void leave(void* stream);
  void drop(std::int64_t anchors, void* stream);

  std::shared_ptr<cuda::DeviceContext> context_;
  std::deque<Pending> pending_;
  std::deque<Gathered> gathered_;
  std::shared_ptr<Work> work_;  // of the update that is prepared
  void* stream_ = nullptr;      // the last that was used
  cuda::Event last_;
  bool requested_ = false;
  bool broken_ = false;
};

}  // namespace infoplane::estimator
