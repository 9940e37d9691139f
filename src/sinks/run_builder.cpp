#include "sinks/run_builder.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <utility>
#include <vector>

namespace infoplane::sinks {

RunBuilder::RunBuilder(RunFile& run, std::int64_t max_layer_points) : run_(run), most_(max_layer_points) {
  INFOPLANE_CHECK(most_ == 0 || most_ >= 4, ArgumentError, "a run was to be read with the layers of ", most_,
                  " points: give max_layer_points of at least 4, or 0 for all");
}

bool RunBuilder::wants_layers(std::string_view stream) const {
  const auto known = streams_.find(stream);
  return most_ == 0 || known == streams_.end() || known->second.seen % known->second.stride == 0;
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

bool RunBuilder::add(plane::Point point) {
  INFOPLANE_CHECK(has_header_, IoError, "a point stands before the header, so it isn't known how it was measured");
  const bool wanted = wants_layers(point.stream);
  const auto [found, is_new] = streams_.try_emplace(point.stream);
  auto& [name, stream] = *found;
  if (!is_new && !run_.resumed.empty() && point.step <= stream.last_step) {
    std::erase_if(run_.points, [&](const auto& old) { return old.stream == point.stream && old.step >= point.step; });
  }
  stream.last_step = point.step;
  ++stream.seen;
  if (!wanted) {
    point.layers.clear();
  }
  run_.points.push_back(std::move(point));
  if (wanted && most_ > 0 && ++stream.kept >= most_) {  // the last point may come on top of those that are kept
    drop_every_other(stream, name);
    return !run_.points.back().layers.empty();
  }
  return wanted;
}

void RunBuilder::drop_every_other(Stream& stream, const std::string& name) {
  stream.stride *= 2;
  stream.kept = 0;
  bool drop = false;
  for (auto& point : run_.points) {
    if (point.stream != name || point.layers.empty()) {
      continue;
    }
    if (drop) {
      std::vector<plane::LayerPoint>().swap(point.layers);
    }
    stream.kept += drop ? 0 : 1;
    drop = !drop;
  }
}

}  // namespace infoplane::sinks
