#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/hooks/site.hpp>
#include <infoplane/monitor/monitor_options.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane {

namespace state {
class Reader;
class Writer;
}  // namespace state

/// The activations as [B, T, d] or [B · T, d] in the order of [sequence, position], as a view. `order` is no kAuto.
at::Tensor by_position(const at::Tensor& activations, std::int64_t sequences, std::int64_t length, AxisOrder order);

/// Whether a site is of the residual stream between the blocks of its stack. An embedding that the model's code handed
/// over may come before its axes are exchanged for the blocks.
bool belongs_to_stack(const hooks::Site& site) noexcept;

/// Which axis of each site's activations counts the sequences, and which stacks of blocks read the tokens: what one
/// micro-batch showed holds for all that follow, in both splits.
class AxisOrders {
 public:
  explicit AxisOrders(const MonitorOptions& options)
      : given_(options.activations()), time_major_(options.time_major()), shared_(options.stacks_share_tokens()) {}

  /// Whether the next micro-batch should be followed from the tokens to the sites.
  bool wants_match() const noexcept { return !settled_ && (given_ == AxisOrder::kAuto || !shared_); }

  /// The order of a tensor whose sizes fit `sequences` × `length`; `match`: of its axes with those of the tokens as
  /// they were given.
  /// @throws SiteError if nothing tells it, or what tells it contradicts what was known or given.
  AxisOrder of(const hooks::Site& site, c10::IntArrayRef sizes, std::int64_t sequences, std::int64_t length,
               hooks::AxisMatch match);

  /// A whole micro-batch came. @throws SiteError if it passed several stacks of blocks, and not all of them are known
  /// to read the tokens.
  void end_micro_batch(bool rows_are_told = false);

  void forget() noexcept;
  void save(state::Writer& out) const;
  void load(state::Reader& in);

 private:
  struct Site {
    std::string name;
    std::string group;  // sites of one group are of one residual stream
    AxisOrder order = AxisOrder::kAuto;
    bool assumed = false;
  };
  struct Stack {
    std::string name;
    bool reads_tokens = false;
  };

  AxisOrder from(hooks::AxisMatch match) const noexcept;
  Site& record(const hooks::Site& site);
  void note_stack(const hooks::Site& site, hooks::AxisMatch match);
  AxisOrder learn(Site& site, AxisOrder order, bool assumed);

  AxisOrder given_;
  bool time_major_;
  bool shared_;
  bool settled_ = false;
  std::vector<Site> sites_;
  std::vector<Stack> stacks_;
};

}  // namespace infoplane
