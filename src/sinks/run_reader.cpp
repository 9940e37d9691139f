#include "sinks/run_reader.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <utility>
#include <variant>

#include "sinks/run_json.hpp"

namespace infoplane::sinks {

RunReader::RunReader(std::string path, RunFileOptions options)
    : path_(std::move(path)), thin_(options.max_layer_points() != 0), builder_(run_, options.max_layer_points()) {}

void RunReader::take(std::string_view line, std::int64_t number) {
  try {
    decode(line);
  } catch (const IoError& error) {
    INFOPLANE_THROW(IoError, path_, ":", number, ": ", error.what());
  }
}

RunFile RunReader::finish(bool cut) {
  INFOPLANE_CHECK(started(), IoError, path_, ":1: the file holds no whole line, so it is no run yet");
  for (const auto& [name, line] : last_lines_) {
    if (line.empty()) {
      continue;
    }
    auto last = std::get<plane::Point>(run_json::decode(line));
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
  auto entry = thin_ ? run_json::decode(run_json::without_layers(line)) : run_json::decode(line);
  if (std::holds_alternative<RunHeader>(entry)) {
    builder_.add(std::get<RunHeader>(std::move(entry)));
    return;
  }
  auto& point = std::get<plane::Point>(entry);
  const auto stream = point.stream;
  if (!thin_) {
    builder_.add(std::move(point));
  } else if (!builder_.wants_layers(stream)) {
    builder_.add(std::move(point));
    last_lines_[stream] = line;
  } else {
    const bool kept = builder_.add(std::get<plane::Point>(run_json::decode(line)));
    last_lines_[stream] = kept ? std::string_view() : line;
  }
}

}  // namespace infoplane::sinks
