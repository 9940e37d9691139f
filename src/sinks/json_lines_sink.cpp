#include <algorithm>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <optional>
#include <utility>

#include "core/json.hpp"
#include "core/lines.hpp"
#include "runs/run_json.hpp"
#include "sinks/line_file.hpp"
#include "sinks/new_name.hpp"

namespace infoplane::sinks {
namespace {

constexpr std::string_view kStart = R"({"schema":"infoplane.run")";

constexpr std::int64_t kPiece = std::int64_t{1} << 16U;
constexpr auto kLongest = static_cast<std::int64_t>(kMostLine);

/// The first line, or, of a file without a line feed, the text; no more than a reader would take.
struct Start {
  std::string text;
  bool ended = false;
};

Start start_of(const LineFile& file) {
  Start start;
  for (std::int64_t at = 0; at < file.size() && at <= kLongest; at += kPiece) {
    const auto piece = file.read(at, kPiece);
    const auto end = piece.find('\n');
    start.text.append(piece, 0, end);
    if (end != std::string::npos) {
      start.ended = true;
      break;
    }
  }
  return start;
}

/// Where the last line starts: the end of the file behind a line feed.
std::int64_t last_line(const LineFile& file) {
  auto end = file.size();
  while (end > 0) {
    const auto from = std::max<std::int64_t>(0, end - kPiece);
    const auto found = file.read(from, end - from).rfind('\n');
    if (found != std::string::npos) {
      return from + static_cast<std::int64_t>(found) + 1;
    }
    end = from;
  }
  return 0;
}

/// Ends a run file with a whole line. A last line that only lacks its line feed is whole.
void repair_end(LineFile& file) {
  const auto start = last_line(file);
  const auto size = file.size() - start;
  if (size == 0) {
    return;
  }
  const auto last = size <= kLongest ? file.read(start) : std::string();
  file.truncate(start);
  if (json::is_whole(last)) {
    file.append(last);
  }
}

runs::RunHeader first_header(const std::string& path, std::string_view line) {
  try {
    INFOPLANE_CHECK(line.size() <= kMostLine, IoError, "the line is longer than ", kMostLine,
                    " bytes, which is the most that is read");
    auto entry = runs::run_json::decode(line);
    INFOPLANE_CHECK(std::holds_alternative<runs::RunHeader>(entry), IoError, "a point stands before the header");
    return std::get<runs::RunHeader>(std::move(entry));
  } catch (const IoError& error) {
    INFOPLANE_THROW(IoError, path, ":1: ", error.what(),
                    "; nothing can be appended to it: give another path, or infoplane::OpenMode::kOverwrite to replace "
                    "it");
  }
}

/// A line that a reader takes.
std::string readable(std::string line, const std::string& what) {
  INFOPLANE_CHECK(line.size() <= kMostLine, IoError, what, " would be a line of ", line.size(),
                  " bytes, but none of more than ", kMostLine, " is read: measure fewer sites or label sets");
  return line;
}

}  // namespace

struct JsonLinesSink::Run {
  explicit Run(const std::string& file_path) : path(file_path), file(file_path) {}

  std::string path;
  LineFile file;
  std::optional<runs::RunHeader> first;   // header that the file began with
  std::optional<runs::RunHeader> header;  // header of this start, once one has fitted
  bool header_written = false;

  /// Again before each point while it has failed: a file must not start with a point.
  void write_header() {
    if (!header_written) {
      file.append(readable(runs::run_json::encode(*header), "the header"));
      header_written = true;
    }
  }
};

JsonLinesSink::JsonLinesSink(std::string path, runs::OpenMode mode)
    : Sink("the JSON lines sink " + path), path_(std::move(path)), mode_(mode) {}

void JsonLinesSink::open_output() {
  auto run = std::make_unique<Run>(path_to_open(path_, mode_));
  const auto& path = run->path;
  auto& file = run->file;
  if (mode_ == runs::OpenMode::kOverwrite) {
    file.truncate(0);
  }
  INFOPLANE_CHECK(
      mode_ == runs::OpenMode::kAppend || file.size() == 0, IoError, "the run file ", path, " holds a run already (",
      file.size(),
      " bytes): give the sink infoplane::OpenMode::kAppend to resume it, infoplane::OpenMode::kOverwrite to "
      "replace it, infoplane::OpenMode::kNewName to write beside it (",
      numbered_name(path, 2), ", …), or another path");
  const auto start = start_of(file);
  // The first line is judged before anything is cut: a foreign file is left as it is.
  if (start.ended || start.text.size() > kMostLine || json::is_whole(start.text)) {
    run->first = first_header(path, start.text);
    repair_end(file);
  } else if (!start.text.empty()) {
    INFOPLANE_CHECK(kStart.starts_with(start.text.substr(0, kStart.size())), IoError, path,
                    ":1: not a run file; nothing can be appended to it: give another path, or "
                    "infoplane::OpenMode::kOverwrite to replace it");
    file.truncate(0);
  }
  rename("the JSON lines sink " + path);
  path_ = path;
  run_ = std::move(run);
}

JsonLinesSink::~JsonLinesSink() = default;
JsonLinesSink::JsonLinesSink(JsonLinesSink&& other) noexcept = default;

void JsonLinesSink::write_header(const runs::RunHeader& header) {
  if (run_->first) {
    const auto fields = runs::differing_fields(*run_->first, header);
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
  run_->file.append(readable(runs::run_json::encode(point), detail::concat("the point of step ", point.step)));
}

void JsonLinesSink::close_output() {
  if (run_) {
    run_->file.close();
  }
}

}  // namespace infoplane::sinks
