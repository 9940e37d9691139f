#include "runs/run_builder.hpp"

#include <infoplane/core/error.hpp>
#include <utility>

namespace infoplane::runs {
namespace {

/// Layers and metrics of layers that are kept at once where only few points keep theirs: some 400 MB.
constexpr std::int64_t kMostHeld = std::int64_t{1} << 22U;

std::int64_t held_by(const plane::Point& point) {
  std::int64_t held = 0;
  for (const auto& layer : point.layers) {
    held += 1 + static_cast<std::int64_t>(layer.metrics.size() + layer.reasons.size());
  }
  return held;
}

}  // namespace

RunBuilder::RunBuilder(RunFile& run, std::int64_t max_layer_points) : run_(run), most_(max_layer_points) {
  INFOPLANE_CHECK(most_ == 0 || most_ >= 4, ArgumentError, "a run was to be read with the layers of ", most_,
                  " points: give max_layer_points of at least 4, or 0 for all");
}

bool RunBuilder::wants_layers(std::string_view split) const {
  const auto known = splits_.find(split);
  return most_ == 0 || known == splits_.end() || known->second.seen % known->second.stride == 0;
}

void RunBuilder::add(RunHeader header) {
  if (!has_header_) {
    run_.header = std::move(header);
    has_header_ = true;
    return;
  }
  const auto fields = differing_fields(run_.header, header);
  INFOPLANE_CHECK(fields.empty(), IoError, "the run was resumed with other settings: ", detail::join(fields),
                  "; its values before and after cannot be compared");
  run_.resumed.push_back(std::move(header));
}

void RunBuilder::add(plane::Point point) {
  INFOPLANE_CHECK(has_header_, IoError, "a point stands before the header, so it isn't known how it was measured");
  const bool wanted = wants_layers(point.split);
  const auto [found, is_new] = splits_.try_emplace(point.split);
  if (is_new && splits_.size() > kMostSplits) {
    splits_.erase(found);
    INFOPLANE_THROW(IoError, "the run has more than ", kMostSplits, " streams, which is the most that is read");
  }
  auto& split = found->second;
  take_back(split);
  if (!run_.resumed.empty() && point.step <= split.last_step) {
    replace(split, point.step);
  }
  split.last_step = point.step;
  ++split.seen;
  split.last = run_.points.size();
  split.lent = !wanted;
  split.points.emplace(point.step, split.last);
  held_ += most_ > 0 ? held_by(point) : 0;
  run_.points.push_back(std::move(point));
  replaced_.push_back(false);
  if (wanted && most_ > 0) {  // the last point may come on top of those that are kept
    ++split.kept;
    while (split.kept >= most_ || (held_ > kMostHeld && split.kept > 1)) {
      drop_every_other(split);
    }
  }
  if (2 * replaced_count_ > run_.points.size()) {
    settle();
  }
}

void RunBuilder::lend(std::string_view name, std::vector<plane::LayerPoint> layers) {
  const auto found = splits_.find(name);
  if (found == splits_.end() || !found->second.lent) {
    return;
  }
  auto& point = run_.points[found->second.last];
  drop_layers(point);
  point.layers = std::move(layers);
  held_ += held_by(point);
}

void RunBuilder::settle() {
  if (replaced_count_ == 0) {
    return;
  }
  std::size_t kept = 0;
  std::vector<std::size_t> now(run_.points.size());
  for (std::size_t i = 0; i < now.size(); ++i) {
    now[i] = kept;
    if (replaced_[i]) {
      continue;
    }
    if (kept != i) {
      run_.points[kept] = std::move(run_.points[i]);
    }
    ++kept;
  }
  run_.points.resize(kept);
  replaced_.assign(kept, false);
  replaced_count_ = 0;
  for (auto& [name, split] : splits_) {
    split.last = now[split.last];
    for (auto& [step, index] : split.points) {
      index = now[index];
    }
  }
}

void RunBuilder::replace(Split& split, std::int64_t from_step) {
  const auto from = split.points.lower_bound(from_step);
  for (auto each = from; each != split.points.end(); ++each) {
    auto& point = run_.points[each->second];
    drop_layers(point);
    point.mean.clear();
    replaced_[each->second] = true;
    ++replaced_count_;
  }
  split.points.erase(from, split.points.end());
}

void RunBuilder::take_back(Split& split) {
  if (std::exchange(split.lent, false)) {
    drop_layers(run_.points[split.last]);
  }
}

void RunBuilder::drop_layers(plane::Point& point) {
  held_ -= most_ > 0 ? held_by(point) : 0;
  std::vector<plane::LayerPoint>().swap(point.layers);
}

void RunBuilder::drop_every_other(Split& split) {
  split.stride *= 2;
  split.kept = 0;
  bool drop = false;
  for (const auto& [step, index] : split.points) {
    auto& point = run_.points[index];
    if (point.layers.empty() || (split.lent && index == split.last)) {
      continue;
    }
    if (drop && index == split.last) {
      split.lent = true;
    } else if (drop) {
      drop_layers(point);
    }
    split.kept += drop ? 0 : 1;
    drop = !drop;
  }
}

}  // namespace infoplane::runs
