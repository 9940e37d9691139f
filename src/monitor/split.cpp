#include "monitor/split.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <sstream>
#include <utility>

#include "core/state.hpp"
#include "monitor/routed.hpp"

namespace infoplane {

namespace {

/// Sites in whose order a forward runs from its first to its last block.
bool is_block_output(const hooks::Site& site) noexcept { return site.index >= 0; }
bool is_read_in_model(const hooks::Site& site) noexcept {
  return site.kind != hooks::SiteKind::kTap && site.kind != hooks::SiteKind::kModuleOutput;
}

labels::LabelOptions no_ngrams() {
  return labels::LabelOptions().input_orders(std::vector<int>()).output_orders(std::vector<int>());
}

/// Draws that do not depend on how many there are.
std::uint64_t seed_of_draw(std::uint64_t seed, std::size_t draw) noexcept {
  return seed + static_cast<std::uint64_t>(draw) * 0x9e3779b97f4a7c15ULL;  // 2⁶⁴ over the golden ratio
}

}  // namespace

std::string name_of_draw(const std::string& site, std::size_t draw) {
  return draw == 0 ? site : detail::concat(site, " (draw ", draw + 1, ")");
}

Split::Split(std::string name, const MonitorOptions& options, ModelFacts& facts)
    : name_(std::move(name)),
      options_(options),
      facts_(facts),
      index_(options.labels()),
      without_tokens_(no_ngrams()) {}

/// A held-out pass is a window of one step.
std::int64_t Split::logged_step_of(std::int64_t step) const noexcept {
  if (name_ != "train") {
    return step;
  }
  const auto behind = step % options_.every();
  return behind == 0 ? step : step - behind + options_.every();
}

void Split::begin(std::int64_t step, const HostBatch& batch) {
  const auto logged = logged_step_of(step);
  if (logged != last_logged_) {
    dropped_.forget(Dropped::Cause::kFailed);  // was thrown, and is of no window to come
    last_logged_ = logged;
  }
  if ((grouping_ || held_.micro_batches > 0 || ended_early_) && (logged != logged_ || step < step_)) {
    drop(logged != logged_ ? Dropped::Cause::kOutsideWindow : Dropped::Cause::kWentBack);
  }
  has_tokens_ = batch.has_tokens();
  observed_ = {};
  grouping_.reset();
  if (batch.has_shape()) {
    auto& index = has_tokens_ ? index_ : without_tokens_;
    grouping_ = batch.at_positions(index.group(batch.tokens(), batch.others()));
    count_positions(batch.sequences(), batch.length());
  }
  logged_ = logged;
  step_ = step;
  came_.clear();
  layers_before_ = layers_.size();
  is_first_ = held_.micro_batches == 0;
  open_ = true;
}

void Split::count_positions(std::int64_t sequences, std::int64_t length) {
  const auto& counted = grouping_->counted;
  observed_.sequences = sequences;
  observed_.length = length;
  observed_.counted =
      counted.empty() ? grouping_->positions : std::count(counted.begin(), counted.end(), std::uint8_t{1});
}

void Split::take_positions(const at::Tensor& tensor) {
  INFOPLANE_CHECK(tensor.dim() == 2 || tensor.dim() == 3, SiteError,
                  "without tokens the activations say the positions, as [B, T, d] or [N, d], got [",
                  detail::join(tensor.sizes()), "]: give labels or a mask of [B, T] by BatchDetails");
  const bool flat = tensor.dim() == 2, time_first = !flat && time_comes_first();
  const auto sequences = tensor.size(time_first ? 1 : 0), length = flat ? 1 : tensor.size(time_first ? 0 : 1);
  grouping_ = without_tokens_.group({no_tokens(sequences, length)});
  count_positions(sequences, length);
}

bool Split::time_comes_first() const noexcept {
  return options_.activations() == AxisOrder::kTimeFirst ||
         (options_.activations() == AxisOrder::kAuto && options_.time_major());
}

/// Without tokens nothing but the options can tell, and nothing is to be learnt.
AxisOrder Split::order_of(const hooks::Site& site, const at::Tensor& tensor, hooks::AxisMatch match) {
  if (has_tokens_) {
    return facts_.orders.of(site, tensor.sizes(), observed_.sequences, observed_.length, match);
  }
  return time_comes_first() ? AxisOrder::kTimeFirst : AxisOrder::kBatchFirst;
}

void Split::capture(const hooks::Site& site, const at::Tensor& tensor, hooks::AxisMatch match,
                    const at::Tensor& positions) {
  if (positions.defined()) {
    INFOPLANE_CHECK(grouping_ != nullptr, SiteError, "tap(\"", site.name,
                    "\") was given positions, but observe() neither tokens nor labels to which they belong");
    if (positions.numel() > 0) {
      const auto some =
          routed(site, tensor, positions, *grouping_, observed_.sequences, observed_.length, options_.time_major());
      measure(site, some.z, some.grouping);
    }
    return;
  }
  if (!grouping_) {
    take_positions(tensor);
  }
  INFOPLANE_CHECK(fits(tensor.sizes(), observed_), SiteError,
                  shape_error(site, tensor.sizes(), observed_, facts_.sites, facts_.stacks));
  const auto order = order_of(site, tensor, match);
  measure(site, by_position(tensor, observed_.sequences, observed_.length, order), grouping_);
}

void Split::measure(const hooks::Site& site, const at::Tensor& z,
                    const std::shared_ptr<const labels::Grouping>& grouping) {
  const auto width = z.size(-1);
  if (prototypes_.empty()) {
    make_prototypes(width);
    dtype_ = c10::toString(z.scalar_type());
  }
  INFOPLANE_CHECK(
      width == prototype()->dimension(), SiteError, "site \"", site.name, "\" is ", width, " wide, the first site ",
      prototype()->dimension(),
      ": values of different widths do not compare; watch them with a monitor each, by MonitorOptions::sites");
  auto layer = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& l) { return l.site == site.name; });
  if (layer == layers_.end()) {
    layers_.push_back({site.name, prototypes_, 0});
    layer = layers_.end() - 1;
  }
  for (auto& draw : layer->draws) {
    is_first_ ? draw.update(z, grouping) : draw.stage(z, grouping);
  }
  came_.push_back(static_cast<std::size_t>(layer - layers_.begin()));
}

bool Split::came(std::string_view site) const noexcept {
  return std::any_of(came_.begin(), came_.end(), [&](std::size_t layer) { return layers_[layer].site == site; });
}

std::string Split::end_of_forward(const std::vector<hooks::Site>& sites) const {
  // What the model's code taps may come in some forwards only, unless nothing else tells where one ends.
  std::string last;
  int rank_of_last = 0;
  for (const auto layer : came_) {
    const auto& name = layers_[layer].site;
    const auto site = std::find_if(sites.begin(), sites.end(), [&](const hooks::Site& s) { return s.name == name; });
    const int rank = site == sites.end() || !is_block_output(*site) ? 0 : is_read_in_model(*site) ? 2 : 1;
    if (rank >= rank_of_last) {
      last = name;
      rank_of_last = rank;
    }
  }
  return last;
}

void Split::keep(const std::vector<hooks::Site>& sites) {
  if (!open_) {
    return;
  }
  const auto is_there = [&](const hooks::Site& site) { return !is_read_in_model(site) || came(site.name); };
  const bool all_came = std::all_of(sites.begin(), sites.end(), is_there);
  if (came_.empty() || !(facts_.last_site.empty() ? all_came : came(facts_.last_site))) {
    take_back(Dropped::Cause::kEndedEarly);
    return;
  }
  facts_.orders.end_micro_batch();
  auto last_site = end_of_forward(sites);
  open_ = false;
  held_.add({1, observed_.counted, step_, step_});
  try {
    for (const auto layer : came_) {
      for (auto& draw : layers_[layer].draws) {
        draw.commit();
      }
    }
    for (const auto& set : grouping_->sets) {
      if (std::find(label_sets_.begin(), label_sets_.end(), set.name) == label_sets_.end()) {
        label_sets_.push_back(set.name);
      }
    }
  } catch (...) {
    drop(Dropped::Cause::kFailed);
    throw;
  }
  for (const auto layer : came_) {
    ++layers_[layer].captures;
  }
  facts_.last_site = std::move(last_site);
}

void Split::take_back(Dropped::Cause cause) noexcept {
  if (!open_) {
    return;
  }
  open_ = false;
  dropped_.add(cause, {1, observed_.counted, step_, step_});
  ended_early_ = ended_early_ || cause == Dropped::Cause::kEndedEarly;
  for (const auto layer : came_) {
    is_first_ ? forget_tokens(layers_[layer]) : discard(layers_[layer]);
  }
  layers_.erase(layers_.begin() + static_cast<std::ptrdiff_t>(layers_before_), layers_.end());
  if (layers_.empty()) {
    prototypes_.clear();
    dtype_.clear();
  }
  came_.clear();
}

void Split::drop(Dropped::Cause cause) {
  dropped_.add(cause, held_);
  reset_window();
}

const Split::Layer* Split::find(std::string_view site) const noexcept {
  const auto position = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& l) { return l.site == site; });
  return position == layers_.end() ? nullptr : &*position;
}

bool Split::misses_any(const std::vector<hooks::Site>& sites) const {
  return std::any_of(sites.begin(), sites.end(), [&](const hooks::Site& site) {
    const auto* layer = find(site.name);
    return layer != nullptr && layer->captures == 0;
  });
}

std::vector<estimator::NamedAccumulator> Split::accumulators(const std::vector<hooks::Site>& sites,
                                                             const std::vector<SharedSite>& names) const {
  std::vector<estimator::NamedAccumulator> result;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (const auto* layer = find(sites[i].name)) {
      for (std::size_t draw = 0; draw < layer->draws.size(); ++draw) {
        result.push_back({name_of_draw(names[i].name, draw), &layer->draws[draw]});
      }
    }
  }
  return result;
}

std::int64_t Split::memory_bytes() const noexcept {
  auto bytes = index_.memory_bytes();
  for (const auto& draw : prototypes_) {
    bytes += draw.memory_bytes();
  }
  const auto of_sum = options_.estimator().anchors() * static_cast<std::int64_t>(sizeof(double));
  for (const auto& layer : layers_) {  // which share the anchors of the prototype
    for (std::size_t draw = 0; draw < layer.draws.size(); ++draw) {
      bytes += layer.draws[draw].memory_bytes() - prototypes_[draw].memory_bytes() + of_sum;
    }
  }
  if (grouping_) {
    bytes += static_cast<std::int64_t>(grouping_->counted.size());
    for (const auto& set : grouping_->sets) {
      bytes += static_cast<std::int64_t>(set.rows.size() * sizeof(set.rows.front()));
    }
  }
  return bytes;
}

void Split::save(state::Writer& out) const {
  out.put(prototypes_.empty() ? std::int64_t{0} : prototype()->dimension());
  out.put_text(dtype_);
  out.put(step_);
  out.put(held_.tokens);
  out.put(held_.micro_batches);
  out.put(held_.first_step);
  out.put(held_.last_step);
  out.put(static_cast<std::uint8_t>(ended_early_ ? 1 : 0));
  dropped_.save(out);
  out.put(static_cast<std::uint32_t>(label_sets_.size()));
  for (const auto& name : label_sets_) {
    out.put_text(name);
  }
  out.put(static_cast<std::uint32_t>(layers_.size()));
  for (const auto& layer : layers_) {
    out.put_text(layer.site);
    out.put(layer.captures);
    for (const auto& draw : layer.draws) {
      std::ostringstream accumulator;
      draw.save(accumulator);
      out.put_text(accumulator.str());
    }
  }
}

void Split::load(state::Reader& in, std::uint32_t version) {
  const auto width = in.get<std::int64_t>();
  if (width != 0) {
    // Anchors of this width are made before anything else says that it is true.
    constexpr std::int64_t kWidest = 1 << 16;
    state::Reader::require(width >= 2 && width <= kWidest, "a split has an impossible width");
    make_prototypes(width);
  }
  dtype_ = in.get_text();
  step_ = in.get<std::int64_t>();
  held_.tokens = in.get<std::int64_t>();
  held_.micro_batches = held_.tokens > 0 ? 1 : 0;  // version 1 did not say
  held_.first_step = held_.last_step = step_;
  if (version > 1) {
    held_.micro_batches = in.get<std::int64_t>();
    held_.first_step = in.get<std::int64_t>();
    held_.last_step = in.get<std::int64_t>();
    ended_early_ = in.get_flag();
    dropped_.load(in);
  }
  state::Reader::require(step_ >= -1 && held_.tokens >= 0 && held_.micro_batches >= (held_.tokens > 0 ? 1 : 0),
                         "a split has an impossible step");
  logged_ = last_logged_ = step_ < 0 ? -1 : logged_step_of(step_);
  for (auto count = in.get<std::uint32_t>(); count > 0; --count) {
    label_sets_.push_back(in.get_text());
  }
  for (auto count = in.get<std::uint32_t>(); count > 0; --count) {
    state::Reader::require(!prototypes_.empty(), "a split without width has layers");
    Layer layer{in.get_text(), prototypes_, in.get<std::int64_t>()};
    state::Reader::require(layer.captures >= 0, "a layer came less than never");
    for (auto& draw : layer.draws) {
      std::istringstream accumulator(in.get_text());
      draw.load(accumulator);
    }
    layers_.push_back(std::move(layer));
  }
}

void Split::make_prototypes(std::int64_t width) {
  const auto& options = options_.estimator();
  const std::int64_t draws = name_ == "train" ? 1 : options_.draws();
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    const auto seed = seed_of_draw(options.seed(), static_cast<std::size_t>(draw));
    prototypes_.emplace_back(width, estimator::SoftEntropyOptions(options).seed(seed));
  }
}

void Split::discard(Layer& layer) noexcept {
  for (auto& draw : layer.draws) {
    draw.discard();
  }
}

void Split::forget_tokens(Layer& layer) const noexcept {
  const bool always = facts_.window == options_.every();  // in use at every step, so there is nothing to free
  for (auto& draw : layer.draws) {
    always ? draw.clear() : draw.reset();
  }
}

void Split::reset_window() {
  index_ = labels::LabelIndex(options_.labels());
  without_tokens_ = labels::LabelIndex(no_ngrams());
  for (auto& layer : layers_) {
    forget_tokens(layer);
    layer.captures = 0;
  }
  grouping_.reset();
  held_ = {};
  ended_early_ = false;
  open_ = false;
  step_ = -1;
  logged_ = -1;
}

void Split::reset() {
  reset_window();
  dropped_.clear();
}

}  // namespace infoplane
