#include "monitor/split.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <utility>

#include "hooks/glob.hpp"
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

/// What enters a stack of blocks belongs to it, whatever it is called.
bool is_of_row(const std::string& pattern, const hooks::Site& site) {
  return hooks::detail::name_match(pattern, site.name) ||
         (belongs_to_stack(site) && hooks::detail::name_match(pattern, site.stack + "."));
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
    : name_(std::move(name)), options_(options), facts_(facts) {
  index_of("");
}

Split::Indexes& Split::index_of(const std::string& pattern) {
  return indexes_.try_emplace(pattern, Indexes{labels::LabelIndex(options_.labels()), labels::LabelIndex(no_ngrams())})
      .first->second;
}

/// A held-out pass is a window of one step.
std::int64_t Split::logged_step_of(std::int64_t step) const noexcept {
  if (name_ != "train") {
    return step;
  }
  const auto behind = step % options_.every();
  return behind == 0 ? step : step - behind + options_.every();
}

void Split::begin(std::int64_t step, std::vector<Row> rows) {
  const auto logged = logged_step_of(step);
  if (logged != last_logged_) {
    dropped_.forget(Dropped::Cause::kFailed);  // was thrown, and is of no window to come
    last_logged_ = logged;
  }
  if ((!readers_.empty() || held_.micro_batches > 0 || ended_early_) && (logged != logged_ || step < step_)) {
    drop(logged != logged_ ? Dropped::Cause::kOutsideWindow : Dropped::Cause::kWentBack);
  }
  readers_.clear();
  patterns_.clear();
  for (auto& [sites, batch] : rows) {
    auto& index = index_of(sites);
    auto& of_kind = batch.has_tokens() ? index.of_tokens : index.without_tokens;
    readers_.push_back(
        {sites, std::make_unique<BatchPositions>(std::move(batch), of_kind, time_comes_first()), {}, {}});
    patterns_.push_back(sites);
  }
  logged_ = logged;
  step_ = step;
  came_.clear();
  layers_before_ = layers_.size();
  is_first_ = held_.micro_batches == 0;
  open_ = true;
}

std::int64_t Split::counted() const noexcept {
  std::int64_t counted = 0;
  for (const auto& reader : readers_) {
    counted += reader.positions->observed().counted;
  }
  return counted;
}

bool Split::time_comes_first() const noexcept {
  return options_.activations() == AxisOrder::kTimeFirst ||
         (options_.activations() == AxisOrder::kAuto && options_.time_major());
}

Split::Reader& Split::reader_of(const hooks::Site& site) {
  const auto found = std::find_if(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return reader.sites.empty() || is_of_row(reader.sites, site);
  });
  INFOPLANE_CHECK(found != readers_.end(), SiteError, "site \"", site.name, "\" is in none of the patterns ",
                  detail::join(patterns_),
                  " of BatchDetails::tokens: add the tokens that it reads, or leave it out by ",
                  "MonitorOptions::sites");
  return *found;
}

AxisOrder Split::order_of(const Reader& reader, const hooks::Site& site, c10::IntArrayRef sizes, std::int64_t length,
                          hooks::AxisMatch match) {
  if (sizes.size() > 3) {
    return AxisOrder::kBatchFirst;
  }
  const auto& positions = *reader.positions;
  return positions.has_tokens() ? facts_.orders.of(site, sizes, positions.observed().sequences, length, match)
                                : positions.order_without_tokens(sizes, length);
}

std::string Split::misfit_text(const Reader& reader, const hooks::Site& site, c10::IntArrayRef sizes) const {
  return shape_error(site, sizes, reader.positions->observed(), facts_.sites,
                     readers_.size() > 1 ? std::vector<std::string>{} : facts_.stacks);
}

void Split::capture(const hooks::Site& site, const at::Tensor& tensor, hooks::AxisMatch match,
                    const at::Tensor& positions) {
  auto& reader = reader_of(site);
  const auto& observed = reader.positions->observed();
  if (positions.defined()) {
    const auto* labels = reader.positions->labels();
    INFOPLANE_CHECK(labels != nullptr, SiteError, "tap(\"", site.name,
                    "\") was given positions, but observe() neither tokens nor labels to which they belong");
    if (positions.numel() > 0) {
      const auto some =
          routed(site, tensor, positions, *labels, observed.sequences, observed.length, options_.time_major());
      measure(site, some.z, some.grouping);
    }
    return;
  }
  const auto* const place = reader.positions->place(tensor.sizes());
  INFOPLANE_CHECK(place != nullptr, SiteError, misfit_text(reader, site, tensor.sizes()));
  if (!reader.positions->has_fitted() && reader.misfit.name.empty()) {
    reader.misfit = site;
    reader.misfit_sizes = tensor.sizes().vec();
  }
  const auto order = order_of(reader, site, tensor.sizes(), place->length, match);
  const auto z = reader.positions->by_rows(by_position(tensor, observed.sequences, place->length, order), *place);
  measure(site, z, place->grouping);
}

void Split::measure(const hooks::Site& site, const at::Tensor& z,
                    const std::shared_ptr<const labels::Grouping>& grouping) {
  const auto prototype = prototype_of(z.size(-1));
  dtype_ = dtype_.empty() ? c10::toString(z.scalar_type()) : dtype_;
  auto layer = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& l) { return l.site == site.name; });
  if (layer == layers_.end()) {
    layers_.push_back({site.name, prototypes_[prototype].draws, 0, prototype});
    layer = layers_.end() - 1;
    set_centre(*layer);
  }
  INFOPLANE_CHECK(layer->prototype == prototype, SiteError, "site \"", site.name, "\" is ", z.size(-1),
                  " wide, and was ", prototypes_[layer->prototype].width,
                  " before: a point cannot hold both. If the model was changed, call Monitor::rescan()");
  for (auto& draw : layer->draws) {
    is_first_ ? draw.update(z, grouping) : draw.stage(z, grouping);
  }
  came_.push_back(static_cast<std::size_t>(layer - layers_.begin()));
}

/// One site at least must have the positions of the tokens or labels that were given.
void Split::require_fitted() const {
  for (const auto& reader : readers_) {
    INFOPLANE_CHECK(reader.positions->has_fitted() || reader.misfit.name.empty(), SiteError,
                    misfit_text(reader, reader.misfit, reader.misfit_sizes));
  }
}

std::int64_t Split::width_of(std::string_view site) const noexcept {
  const auto* layer = find(site);
  return layer == nullptr ? 0 : prototypes_[layer->prototype].width;
}

std::string Split::row_of(const hooks::Site& site) const {
  const auto found = std::find_if(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) {
    return !pattern.empty() && is_of_row(pattern, site);
  });
  return found == patterns_.end() ? "" : *found;
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
  require_fitted();
  facts_.orders.end_micro_batch(readers_.size() > 1);
  auto last_site = end_of_forward(sites);
  open_ = false;
  held_.add({1, counted(), step_, step_});
  try {
    for (const auto layer : came_) {
      for (auto& draw : layers_[layer].draws) {
        draw.commit();
      }
    }
    for (const auto& reader : readers_) {
      note_label_sets(reader.positions->labels());
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

void Split::note_label_sets(const labels::Grouping* grouping) {
  for (std::size_t i = 0; grouping != nullptr && i < grouping->sets.size(); ++i) {
    const auto& name = grouping->sets[i].name;
    if (std::find(label_sets_.begin(), label_sets_.end(), name) == label_sets_.end()) {
      label_sets_.push_back(name);
    }
  }
}

void Split::take_back(Dropped::Cause cause) noexcept {
  if (!open_) {
    return;
  }
  open_ = false;
  dropped_.add(cause, {1, counted(), step_, step_});
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
  std::int64_t bytes = 0;
  for (const auto& [sites, index] : indexes_) {
    bytes += index.of_tokens.memory_bytes() + index.without_tokens.memory_bytes();
  }
  for (const auto& prototype : prototypes_) {
    for (const auto& draw : prototype.draws) {
      bytes += draw.memory_bytes();
    }
  }
  const auto of_sum = options_.estimator().anchors() * static_cast<std::int64_t>(sizeof(double));
  for (const auto& layer : layers_) {  // which share the anchors of the prototype
    for (std::size_t draw = 0; draw < layer.draws.size(); ++draw) {
      bytes += layer.draws[draw].memory_bytes() - prototypes_[layer.prototype].draws[draw].memory_bytes() + of_sum;
    }
  }
  for (const auto& reader : readers_) {
    bytes += reader.positions->memory_bytes();
  }
  return bytes;
}

std::size_t Split::prototype_of(std::int64_t width) {
  const auto found = std::find_if(prototypes_.begin(), prototypes_.end(),
                                  [&](const Prototype& prototype) { return prototype.width == width; });
  if (found != prototypes_.end()) {
    return static_cast<std::size_t>(found - prototypes_.begin());
  }
  const auto& options = options_.estimator();
  const std::int64_t draws = name_ == "train" ? 1 : options_.draws();
  Prototype prototype{width, {}};
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    const auto seed = seed_of_draw(options.seed(), static_cast<std::size_t>(draw));
    prototype.draws.emplace_back(width, estimator::SoftEntropyOptions(options).seed(seed));
  }
  prototypes_.push_back(std::move(prototype));
  return prototypes_.size() - 1;
}

void Split::set_centre(Layer& layer) const {
  if (const auto centre = centres_.of(layer.site); centre.defined()) {
    for (auto& draw : layer.draws) {
      draw.set_centre(centre);
    }
  }
}

void Split::learn_centres(const plane::Point& point, const std::vector<estimator::NamedEstimate>& estimates,
                          const std::vector<hooks::Site>& sites, const std::vector<SharedSite>& names) {
  centres_.learn(point, estimates, sites, names);
  for (auto& layer : layers_) {
    set_centre(layer);
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
  readers_.clear();  // which borrow the indexes
  indexes_.clear();
  index_of("");
  for (auto& layer : layers_) {
    forget_tokens(layer);
    layer.captures = 0;
  }
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
