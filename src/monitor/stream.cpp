#include "monitor/stream.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/curve_gap.hpp>
#include <sstream>
#include <utility>

#include "core/state.hpp"

namespace infoplane {

namespace {

constexpr const char* kDropped =
    "the site did not come at this step: the forward dropped the layer, or took another way past its norm";

}  // namespace

Stream::Stream(std::string name, const MonitorOptions& options)
    : name_(std::move(name)), options_(options), index_(options.labels()) {}

void Stream::begin(std::int64_t step, const HostBatch& batch) {
  grouping_ = batch.at_positions(index_.group(batch.tokens(), batch.others()));
  sequences_ = batch.sequences();
  length_ = batch.length();
  step_ = step;
  const auto& counted = grouping_->counted;
  tokens_ += counted.empty() ? grouping_->positions : std::count(counted.begin(), counted.end(), std::uint8_t{1});
  for (const auto& set : grouping_->sets) {
    if (std::find(label_sets_.begin(), label_sets_.end(), set.name) == label_sets_.end()) {
      label_sets_.push_back(set.name);
    }
  }
}

void Stream::capture(const hooks::Site& site, const at::Tensor& tensor) {
  const auto z = by_position(tensor, sequences_, length_, options_.time_major(), site.name);
  const auto width = z.size(-1);
  if (!prototype_) {
    prototype_.emplace(width, options_.estimator());
    dtype_ = c10::toString(z.scalar_type());
  }
  INFOPLANE_CHECK(
      width == prototype_->dimension(), SiteError, "site \"", site.name, "\" is ", width, " wide, the first site ",
      prototype_->dimension(),
      ": values of different widths do not compare; watch them with a monitor each, by MonitorOptions::sites");
  auto layer = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& l) { return l.site == site.name; });
  if (layer == layers_.end()) {
    layers_.push_back({site.name, *prototype_, 0});
    layer = layers_.end() - 1;
  }
  layer->accumulator.update(z, grouping_);
  ++layer->captures;
}

const Stream::Layer* Stream::find(std::string_view site) const noexcept {
  const auto position = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& l) { return l.site == site; });
  return position == layers_.end() ? nullptr : &*position;
}

bool Stream::misses_any(const std::vector<hooks::Site>& sites) const {
  return std::any_of(sites.begin(), sites.end(), [&](const hooks::Site& site) {
    const auto* layer = find(site.name);
    return layer != nullptr && layer->captures == 0;
  });
}

std::vector<estimator::NamedAccumulator> Stream::accumulators(const std::vector<hooks::Site>& sites,
                                                              const std::vector<SharedSite>& names) const {
  std::vector<estimator::NamedAccumulator> result;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (const auto* layer = find(sites[i].name)) {
      result.push_back({names[i].name, &layer->accumulator});
    }
  }
  return result;
}

plane::Point Stream::point(double loss, const std::vector<SharedSite>& sites,
                           const std::vector<estimator::NamedEstimate>& estimates) const {
  plane::Point point;
  point.step = step_;
  point.tokens = tokens_;
  point.loss = loss;
  point.stream = name_;
  std::vector<plane::LayerPoint> blocks;  // means leave out embeddings and what is no block's output
  for (const auto& site : sites) {
    const auto found = std::find_if(estimates.begin(), estimates.end(),
                                    [&](const estimator::NamedEstimate& each) { return each.name == site.name; });
    if (found == estimates.end()) {
      continue;
    }
    auto& got = point.layers.emplace_back(plane::layer_point(site.name, found->estimate));
    if (found->estimate.sequences == 0) {
      for (const auto& [key, value] : got.metrics) {
        got.reasons.insert_or_assign(key, kDropped);
      }
    }
    for (const auto& [order, curve] : options_.curves()) {
      plane::add_curve_gap(got, order, curve, options_.estimator().anchors());
    }
    if (site.index >= 0) {
      blocks.push_back(got);
    }
  }
  point.mean = plane::mean_over_blocks(blocks);
  return point;
}

std::int64_t Stream::memory_bytes() const noexcept {
  auto bytes = index_.memory_bytes() + (prototype_ ? prototype_->memory_bytes() : 0);
  const auto of_sum = options_.estimator().anchors() * static_cast<std::int64_t>(sizeof(double));
  for (const auto& layer : layers_) {  // which share the anchors of the prototype
    bytes += layer.accumulator.memory_bytes() - prototype_->memory_bytes() + of_sum;
  }
  if (grouping_) {
    bytes += static_cast<std::int64_t>(grouping_->counted.size());
    for (const auto& set : grouping_->sets) {
      bytes += static_cast<std::int64_t>(set.rows.size() * sizeof(set.rows.front()));
    }
  }
  return bytes;
}

void Stream::save(state::Writer& out) const {
  out.put(prototype_ ? prototype_->dimension() : std::int64_t{0});
  out.put_text(dtype_);
  out.put(step_);
  out.put(tokens_);
  out.put(static_cast<std::uint32_t>(label_sets_.size()));
  for (const auto& name : label_sets_) {
    out.put_text(name);
  }
  out.put(static_cast<std::uint32_t>(layers_.size()));
  for (const auto& layer : layers_) {
    std::ostringstream accumulator;
    layer.accumulator.save(accumulator);
    out.put_text(layer.site);
    out.put(layer.captures);
    out.put_text(accumulator.str());
  }
}

void Stream::load(state::Reader& in) {
  const auto width = in.get<std::int64_t>();
  if (width != 0) {
    // Anchors of this width are made before anything else says that it is true.
    constexpr std::int64_t kWidest = 1 << 16;
    state::Reader::require(width >= 2 && width <= kWidest, "a stream has an impossible width");
    prototype_.emplace(width, options_.estimator());
  }
  dtype_ = in.get_text();
  step_ = in.get<std::int64_t>();
  tokens_ = in.get<std::int64_t>();
  state::Reader::require(step_ >= -1 && tokens_ >= 0, "a stream has an impossible step");
  for (auto count = in.get<std::uint32_t>(); count > 0; --count) {
    label_sets_.push_back(in.get_text());
  }
  for (auto count = in.get<std::uint32_t>(); count > 0; --count) {
    state::Reader::require(prototype_.has_value(), "a stream without width has layers");
    Layer layer{in.get_text(), *prototype_, in.get<std::int64_t>()};
    state::Reader::require(layer.captures >= 0, "a layer came less than never");
    std::istringstream accumulator(in.get_text());
    layer.accumulator.load(accumulator);
    layers_.push_back(std::move(layer));
  }
}

void Stream::reset() {
  index_ = labels::LabelIndex(options_.labels());
  const bool always = options_.window() == options_.every();  // in use at every step, so there is nothing to free
  for (auto& layer : layers_) {
    always ? layer.accumulator.clear() : layer.accumulator.reset();
    layer.captures = 0;
  }
  grouping_.reset();
  tokens_ = 0;
  step_ = -1;
}

}  // namespace infoplane
