#include <infoplane/core/error.hpp>
#include <sstream>
#include <utility>

#include "core/state.hpp"
#include "monitor/split.hpp"

// What a split saves of an open window.
namespace infoplane {

void Split::save(state::Writer& out) const {
  out.put(static_cast<std::uint32_t>(prototypes_.size()));
  for (const auto& prototype : prototypes_) {
    out.put(prototype.width);
  }
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
    out.put(static_cast<std::uint32_t>(layer.prototype));
    for (const auto& draw : layer.draws) {
      std::ostringstream accumulator;
      draw.save(accumulator);
      out.put_text(accumulator.str());
    }
  }
}

void Split::load_prototypes(state::Reader& in, std::uint32_t version) {
  // Anchors of a width are made before anything else says that it is true.
  constexpr std::int64_t kWidest = 1 << 16;
  constexpr std::uint32_t kMostWidths = 64;
  const auto count = version > 3 ? in.get<std::uint32_t>() : 1;
  state::Reader::require(count <= kMostWidths, "a split has impossibly many widths");
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto width = in.get<std::int64_t>();
    if (width == 0 && version <= 3) {
      return;
    }
    state::Reader::require(width >= 2 && width <= kWidest && prototype_of(width) == i,
                           "a split has an impossible width");
  }
}

void Split::load(state::Reader& in, std::uint32_t version) {
  load_prototypes(in, version);
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
    auto site = in.get_text();
    const auto captures = in.get<std::int64_t>();
    const auto prototype = version > 3 ? in.get<std::uint32_t>() : 0;
    state::Reader::require(prototype < prototypes_.size(), "a layer has a width that the split has not");
    Layer layer{std::move(site), prototypes_[prototype].draws, captures, prototype};
    state::Reader::require(layer.captures >= 0, "a layer came less than never");
    for (auto& draw : layer.draws) {
      std::istringstream accumulator(in.get_text());
      draw.load(accumulator);
    }
    layers_.push_back(std::move(layer));
  }
}

}  // namespace infoplane
