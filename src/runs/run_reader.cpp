#include "runs/run_reader.hpp"

#include <infoplane/core/error.hpp>
#include <utility>
#include <variant>

#include "runs/run_json.hpp"

namespace infoplane::runs {

RunReader::RunReader(std::string path, RunFileOptions options, Each each)
    : path_(std::move(path)),
      thin_(options.max_layer_points() != 0 && !each),
      each_(std::move(each)),
      builder_(run_, options.max_layer_points()) {}

template <typename Work>
void RunReader::at_line(std::int64_t number, const Work& work) {
  try {
    work();
  } catch (const IoError& error) {
    INFOPLANE_THROW(IoError, path_, ":", number, ": ", error.what());
  }
}

void RunReader::take(std::string_view line, std::int64_t number) {
  at_line(number, [&] { decode(line, number); });
}

void RunReader::settle() {
  for (const auto& [split, line] : last_lines_) {
    at_line(line.number, [&, &name = split, &text = line.text] {
      builder_.lend(name, std::get<plane::Point>(run_json::decode(text)).layers);
    });
  }
  last_lines_.clear();
  builder_.settle();
}

RunFile RunReader::finish(bool cut) {
  INFOPLANE_CHECK(started(), IoError, path_, ":1: the file holds no whole line, so it is no run yet");
  settle();
  run_.cut = cut;
  return std::move(run_);
}

void RunReader::decode(std::string_view line, std::int64_t number) {
  auto entry = thin_ ? run_json::decode(run_json::without_layers(line)) : run_json::decode(line);
  if (std::holds_alternative<RunHeader>(entry)) {
    builder_.add(std::get<RunHeader>(std::move(entry)));
    return;
  }
  auto& point = std::get<plane::Point>(entry);
  if (each_) {
    each_(point);
  }
  if (!thin_) {
    builder_.add(std::move(point));
  } else if (builder_.wants_layers(point.split)) {
    last_lines_.erase(point.split);
    builder_.add(std::get<plane::Point>(run_json::decode(line)));
  } else {
    last_lines_.insert_or_assign(point.split, Line{std::string(line), number});
    builder_.add(std::move(point));
  }
}

}  // namespace infoplane::runs
