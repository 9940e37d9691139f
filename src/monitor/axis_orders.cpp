#include "monitor/axis_orders.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>

#include "core/state.hpp"
#include "monitor/shape_advice.hpp"

namespace infoplane {

namespace {

const char* name_of(AxisOrder order, std::size_t axes = 3) noexcept {
  const bool time_first = order == AxisOrder::kTimeFirst;
  return axes == 2 ? (time_first ? "[T · B, d]" : "[B · T, d]") : time_first ? "[T, B, d]" : "[B, T, d]";
}

AxisOrder other(AxisOrder order) noexcept {
  return order == AxisOrder::kTimeFirst ? AxisOrder::kBatchFirst : AxisOrder::kTimeFirst;
}

/// What the sizes show; kAuto where both orders fit.
AxisOrder shown_by(c10::IntArrayRef sizes, std::int64_t sequences, std::int64_t length) noexcept {
  if (sizes.size() == 2 || sequences == length) {
    return AxisOrder::kAuto;
  }
  return sizes[0] == sequences ? AxisOrder::kBatchFirst : AxisOrder::kTimeFirst;
}

/// Whether both orders are one: of rows that are one sequence, or of one token each.
bool is_the_same(c10::IntArrayRef sizes, std::int64_t sequences, std::int64_t length) noexcept {
  return sizes.size() == 2 ? sequences == 1 || length == 1 : sequences * length <= 1;
}

bool is_handed_over(const hooks::Site& site) noexcept {
  return site.kind == hooks::SiteKind::kTap || site.kind == hooks::SiteKind::kModuleOutput;
}

}  // namespace

bool belongs_to_stack(const hooks::Site& site) noexcept {
  return site.index >= 0 || (site.index == -1 && !is_handed_over(site));
}

at::Tensor by_position(const at::Tensor& activations, std::int64_t sequences, std::int64_t length, AxisOrder order) {
  if (order == AxisOrder::kBatchFirst) {
    return activations;
  }
  return (activations.dim() == 2 ? activations.unflatten(0, {length, sequences}) : activations).transpose(0, 1);
}

AxisOrder AxisOrders::from(hooks::AxisMatch match) const noexcept {
  const auto of_tokens = time_major_ ? AxisOrder::kTimeFirst : AxisOrder::kBatchFirst;
  switch (match) {
    case hooks::AxisMatch::kSame:
      return of_tokens;
    case hooks::AxisMatch::kExchanged:
      return other(of_tokens);
    default:
      return AxisOrder::kAuto;
  }
}

AxisOrders::Site& AxisOrders::record(const hooks::Site& site) {
  const auto found = std::find_if(sites_.begin(), sites_.end(), [&](const Site& s) { return s.name == site.name; });
  if (found != sites_.end()) {
    return *found;
  }
  auto& added = sites_.emplace_back();
  added.name = site.name;
  added.group = belongs_to_stack(site) ? "stack " + site.stack : "site " + site.name;
  return added;
}

void AxisOrders::note_stack(const hooks::Site& site, hooks::AxisMatch match) {
  if (!belongs_to_stack(site)) {
    return;
  }
  auto stack = std::find_if(stacks_.begin(), stacks_.end(), [&](const Stack& s) { return s.name == site.stack; });
  if (stack == stacks_.end()) {
    stack = stacks_.insert(stacks_.end(), {site.stack, false});
  }
  stack->reads_tokens = stack->reads_tokens || match != hooks::AxisMatch::kUnknown;
}

AxisOrder AxisOrders::learn(Site& site, AxisOrder order, bool assumed) {
  INFOPLANE_CHECK(site.order == AxisOrder::kAuto || site.order == order, SiteError, "site \"", site.name,
                  "\" has activations of ", name_of(order), ", but ",
                  site.assumed ? "was taken for " : "those before were ", name_of(site.order),
                  site.assumed ? " at sizes that do not tell, because of MonitorOptions::time_major: say what it is by "
                                 "MonitorOptions::activations"
                               : ": a point cannot hold both. If the model was changed, call Monitor::rescan()");
  if (site.order == AxisOrder::kAuto) {
    site.order = order;
    site.assumed = assumed;
  }
  return order;
}

AxisOrder AxisOrders::of(const hooks::Site& site, c10::IntArrayRef sizes, std::int64_t sequences, std::int64_t length,
                         hooks::AxisMatch match) {
  note_stack(site, match);
  if (is_the_same(sizes, sequences, length)) {
    return AxisOrder::kBatchFirst;
  }
  auto& known = record(site);
  auto shown = shown_by(sizes, sequences, length);
  if (shown == AxisOrder::kAuto) {
    shown = from(match);
  }
  INFOPLANE_CHECK(given_ == AxisOrder::kAuto || shown == AxisOrder::kAuto || shown == given_, SiteError, "site \"",
                  site.name, "\" fired with shape [", detail::join(sizes), "], which is ", name_of(shown, sizes.size()),
                  " for ", sequences, " sequences of ", length, " tokens, but MonitorOptions::activations says ",
                  name_of(given_, sizes.size()), ": give the other order, or leave the option out");
  if (given_ != AxisOrder::kAuto) {
    return given_;
  }
  if (shown != AxisOrder::kAuto) {
    return learn(known, shown, false);
  }
  if (known.order != AxisOrder::kAuto) {
    return known.order;
  }
  const auto sibling = std::find_if(sites_.begin(), sites_.end(), [&](const Site& s) {
    return s.group == known.group && s.order != AxisOrder::kAuto;
  });
  if (sibling != sites_.end()) {
    return learn(known, sibling->order, sibling->assumed);
  }
  if (sizes.size() == 2) {
    return time_major_ ? AxisOrder::kTimeFirst : AxisOrder::kBatchFirst;
  }
  INFOPLANE_CHECK(time_major_, SiteError, "site \"", site.name, "\" fired with shape [", detail::join(sizes),
                  "], and the micro-batch has ", sequences,
                  " sequences of as many tokens: nothing shows whether that "
                  "is [B, T, d] or [T, B, d]. Say it once, by MonitorOptions().activations(AxisOrder::kBatchFirst) or "
                  "(AxisOrder::kTimeFirst); or observe a micro-batch with other sizes first, which is remembered; "
                  "tokens of [T, B] want MonitorOptions().time_major(true)");
  return learn(known, AxisOrder::kTimeFirst, true);
}

void AxisOrders::end_micro_batch(bool rows_are_told) {
  const bool all_read = std::all_of(stacks_.begin(), stacks_.end(), [](const Stack& s) { return s.reads_tokens; });
  if (stacks_.size() > 1 && !shared_ && !rows_are_told && !all_read) {
    std::vector<std::string> names;
    for (const auto& stack : stacks_) {
      names.push_back(stack.name);
    }
    forget();
    INFOPLANE_THROW(SiteError, several_stacks(names));
  }
  settled_ = true;
}

void AxisOrders::forget() noexcept {
  settled_ = false;
  sites_.clear();
  stacks_.clear();
}

void AxisOrders::save(state::Writer& out) const {
  out.put(static_cast<std::uint8_t>(settled_ ? 1 : 0));
  out.put(static_cast<std::uint32_t>(sites_.size()));
  for (const auto& site : sites_) {
    out.put_text(site.name);
    out.put_text(site.group);
    out.put(static_cast<std::uint8_t>(site.order));
    out.put(static_cast<std::uint8_t>(site.assumed ? 1 : 0));
  }
  out.put(static_cast<std::uint32_t>(stacks_.size()));
  for (const auto& stack : stacks_) {
    out.put_text(stack.name);
    out.put(static_cast<std::uint8_t>(stack.reads_tokens ? 1 : 0));
  }
}

void AxisOrders::load(state::Reader& in) {
  forget();
  settled_ = in.get_flag();
  for (auto count = in.get<std::uint32_t>(); count > 0; --count) {
    Site site;
    site.name = in.get_text();
    site.group = in.get_text();
    const auto order = in.get<std::uint8_t>();
    state::Reader::require(order <= static_cast<std::uint8_t>(AxisOrder::kTimeFirst), "a site has no such axes");
    site.order = static_cast<AxisOrder>(order);
    site.assumed = in.get_flag();
    sites_.push_back(std::move(site));
  }
  for (auto count = in.get<std::uint32_t>(); count > 0; --count) {
    Stack stack;
    stack.name = in.get_text();
    stack.reads_tokens = in.get_flag();
    stacks_.push_back(std::move(stack));
  }
}

}  // namespace infoplane
