#include "sinks/run_reader.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <utility>

#include "sinks/run_json.hpp"

namespace infoplane::sinks {

RunReader::RunReader(std::string path, RunFileOptions options) : path_(std::move(path)), options_(std::move(options)) {
  INFOPLANE_CHECK(options_.max_layer_points() == 0 || options_.max_layer_points() >= 4, ArgumentError,
                  "a run was to be read with the layers of ", options_.max_layer_points(),
                  " points: give max_layer_points of at least 4, or 0 for all");
}

void RunReader::take(std::string_view line, std::int64_t number) {
  try {
    decode(line);
  } catch (const IoError& error) {
    INFOPLANE_THROW(IoError, path_, ":", number, ": ", error.what());
  }
}

RunFile RunReader::finish(bool cut) {
  INFOPLANE_CHECK(has_header_, IoError, path_, ":1: the file holds no whole line, so it is no run yet");
  for (auto& [name, stream] : streams_) {
    if (stream.last_line.empty()) {
      continue;
    }
    auto last = std::get<plane::Point>(run_json::decode(stream.last_line));
    const auto found = std::find_if(run_.points.rbegin(), run_.points.rend(),
                                    [&](const plane::Point& point) { return point.stream == last.stream; });
    if (found != run_.points.rend() && found->step == last.step) {
      *found = std::move(last);
    }
  }
  run_.cut = cut;
  return std::move(run_);
}

void RunReader::decode(std::string_view line) {
  const auto most = options_.max_layer_points();
  if (most == 0) {
    std::visit([&](auto&& entry) { add(std::forward<decltype(entry)>(entry)); }, run_json::decode(line));
    return;
  }
  auto entry = run_json::decode(run_json::without_layers(line));
  if (std::holds_alternative<RunHeader>(entry)) {
    add(std::get<RunHeader>(std::move(entry)));
    return;
  }
  auto& short_point = std::get<plane::Point>(entry);
  const auto name = short_point.stream;
  const auto known = streams_.find(name);
  if (known != streams_.end() && known->second.seen % known->second.stride != 0) {
    add(std::move(short_point)).last_line = line;
    return;
  }
  auto& stream = add(std::get<plane::Point>(run_json::decode(line)));
  stream.last_line.clear();
  if (++stream.kept >= most) {  // the last point may come on top of those that are kept
    drop_every_other(stream, name);
  }
}

void RunReader::drop_every_other(Stream& stream, const std::string& name) {
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

void RunReader::add(RunHeader&& header) {
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

RunReader::Stream& RunReader::add(plane::Point&& point) {
  INFOPLANE_CHECK(has_header_, IoError, "a point stands before the header, so it isn't known how it was measured");
  const auto [found, is_new] = streams_.try_emplace(point.stream);
  auto& stream = found->second;
  if (!is_new && !run_.resumed.empty() && point.step <= stream.last_step) {
    std::erase_if(run_.points, [&](const auto& old) { return old.stream == point.stream && old.step >= point.step; });
  }
  stream.last_step = point.step;
  ++stream.seen;
  run_.points.push_back(std::move(point));
  return stream;
}

}  // namespace infoplane::sinks
