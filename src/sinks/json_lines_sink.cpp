#include <infoplane/core/error.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <optional>
#include <utility>

#include "sinks/line_file.hpp"
#include "sinks/new_name.hpp"
#include "sinks/run_json.hpp"

namespace infoplane::sinks {
namespace {

constexpr std::string_view kStart = R"({"schema":"infoplane.run")";

/// Ends the text of a run file with a whole line. A last line that only lacks its line feed is whole.
void repair_end(LineFile& file, const std::string& text) {
  const auto start = text.rfind('\n') + 1;  // npos + 1 is 0
  const auto last = std::string_view(text).substr(start);
  if (last.empty()) {
    return;
  }
  file.truncate(static_cast<std::int64_t>(start));
  if (run_json::is_whole(last)) {
    file.append(std::string(last));
  }
}

RunHeader first_header(const std::string& path, std::string_view text) {
  try {
    auto entry = run_json::decode(text.substr(0, text.find('\n')));
    INFOPLANE_CHECK(std::holds_alternative<RunHeader>(entry), IoError, "a point stands before the header");
    return std::get<RunHeader>(std::move(entry));
  } catch (const IoError& error) {
    INFOPLANE_THROW(IoError, path, ":1: ", error.what(),
                    "; nothing can be appended to it: give another path, or infoplane::OpenMode::kOverwrite to replace "
                    "it");
  }
}

}  // namespace

struct JsonLinesSink::Run {
  explicit Run(const std::string& file_path) : path(file_path), file(file_path) {}

  std::string path;
  LineFile file;
  std::optional<RunHeader> first;   // header that the file began with
  std::optional<RunHeader> header;  // header of this start, once one has fitted
  bool header_written = false;

  /// Again before each point while it has failed: a file must not start with a point.
  void write_header() {
    if (!header_written) {
      file.append(run_json::encode(*header));
      header_written = true;
    }
  }
};

JsonLinesSink::JsonLinesSink(const std::string& path, OpenMode mode)
    : JsonLinesSink(std::make_unique<Run>(path_to_open(path, mode)), mode) {}

JsonLinesSink::JsonLinesSink(std::unique_ptr<Run> run, OpenMode mode)
    : Sink("the JSON lines sink " + run->path), path_(run->path), run_(std::move(run)) {
  const auto& path = path_;
  auto& file = run_->file;
  if (mode == OpenMode::kOverwrite) {
    file.truncate(0);
  }
  INFOPLANE_CHECK(
      mode == OpenMode::kAppend || file.size() == 0, IoError, "the run file ", path, " holds a run already (",
      file.size(),
      " bytes): give the sink infoplane::OpenMode::kAppend to resume it, infoplane::OpenMode::kOverwrite to "
      "replace it, infoplane::OpenMode::kNewName to write beside it (",
      numbered_name(path, 2), ", …), or another path");
  const auto text = file.read();
  // The first line is judged before anything is cut: a foreign file is left as it is.
  if (text.find('\n') != std::string::npos || run_json::is_whole(text)) {
    run_->first = first_header(path, text);
    repair_end(file, text);
  } else if (!text.empty()) {
    INFOPLANE_CHECK(kStart.starts_with(text.substr(0, kStart.size())), IoError, path,
                    ":1: not a run file; nothing can be appended to it: give another path, or "
                    "infoplane::OpenMode::kOverwrite to replace it");
    file.truncate(0);
  }
}

JsonLinesSink::~JsonLinesSink() = default;
JsonLinesSink::JsonLinesSink(JsonLinesSink&& other) noexcept = default;

void JsonLinesSink::write_header(const RunHeader& header) {
  if (run_->first) {
    const auto fields = differing_fields(*run_->first, header);
    if (!fields.empty()) {
      run_->header.reset();
      INFOPLANE_THROW(
          IoError, run_->path, " holds a run with other settings: ", detail::join(fields),
          "; no point is written, because values before and after could not be compared: give another path, "
          "or resume with the settings of the run");
    }
  } else {
    run_->first = header;
  }
  run_->header = header;
  run_->header_written = false;
  run_->write_header();
}

void JsonLinesSink::write_point(const plane::Point& point) {
  INFOPLANE_CHECK(run_->header.has_value(), StateError, "the point of step ", point.step,
                  " came without a run header that fits ", run_->path, ", which must be written first");
  run_->write_header();
  run_->file.append(run_json::encode(point));
}

void JsonLinesSink::close_output() { run_->file.close(); }

}  // namespace infoplane::sinks
