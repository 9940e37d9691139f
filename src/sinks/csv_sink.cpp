#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/csv_sink.hpp>
#include <string_view>
#include <utility>

#include "sinks/line_file.hpp"
#include "sinks/new_name.hpp"

namespace infoplane::sinks {
namespace {

constexpr std::string_view kNames = "run,stream,step,tokens,time,loss,layer,metric,value\n";

/// Whether a spreadsheet would run the cell: = + - @, their full-width forms, a tabulator or the end of a line in
/// front, also behind the apostrophes that guard() itself writes.
bool is_formula(std::string_view text) {
  constexpr std::array<std::string_view, 11> kStarts = {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};
  text.remove_prefix(std::min(text.find_first_not_of('\''), text.size()));
  return std::any_of(kStarts.begin(), kStarts.end(), [&](std::string_view start) { return text.starts_with(start); });
}

/// A text as a cell: with an apostrophe in front where a spreadsheet would run it, in quotes where it has what ends
/// one.
std::string cell_of(const std::string& text) {
  auto guarded = is_formula(text) ? "'" + text : text;
  if (guarded.find_first_of(",\t\"\r\n") == std::string::npos) {
    return guarded;
  }
  std::string out = "\"";
  for (const auto c : guarded) {
    out += c == '"' ? "\"\"" : std::string(1, c);
  }
  return out + '"';
}

std::string number(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  return std::isinf(value) ? (value > 0 ? "Inf" : "-Inf") : fmt::format("{}", value);
}

void add_rows(std::string& out, const std::string& start, const std::string& layer, const plane::Metrics& metrics) {
  for (const auto& [key, value] : metrics) {
    out += fmt::format("{}{},{},{}\n", start, cell_of(layer), cell_of(key), number(value));
  }
}

}  // namespace

struct CsvSink::Table {
  explicit Table(const std::string& file_path) : path(file_path), file(file_path, "CSV file") {}

  std::string path;
  LineFile file;
  std::string run;
  bool named = false;
};

CsvSink::CsvSink(const std::string& path, OpenMode mode)
    : CsvSink(std::make_unique<Table>(path_to_open(path, mode)), mode) {}

CsvSink::CsvSink(std::unique_ptr<Table> table, OpenMode mode)
    : Sink("the CSV sink " + table->path), path_(table->path), table_(std::move(table)) {
  const auto& path = path_;
  auto& file = table_->file;
  if (mode == OpenMode::kOverwrite) {
    file.truncate(0);
  }
  INFOPLANE_CHECK(mode == OpenMode::kAppend || file.size() == 0, IoError, "the CSV file ", path, " is not empty (",
                  file.size(),
                  " bytes): give the sink infoplane::OpenMode::kAppend to go on with it, "
                  "infoplane::OpenMode::kOverwrite to replace it, infoplane::OpenMode::kNewName to write beside it (",
                  numbered_name(path, 2), ", …), or another path");
  const auto text = file.read();
  if (!text.empty()) {
    INFOPLANE_CHECK(text.starts_with(kNames), IoError, path, ":1: not a table of this sink, which begins with \"",
                    kNames.substr(0, kNames.size() - 1),
                    "\": give another path, or infoplane::OpenMode::kOverwrite to replace it");
    file.truncate(static_cast<std::int64_t>(text.rfind('\n') + 1));  // a row that a crash cut off
    table_->named = true;
  }
}

CsvSink::~CsvSink() = default;
CsvSink::CsvSink(CsvSink&& other) noexcept = default;

void CsvSink::write_header(const RunHeader& header) { table_->run = cell_of(header.run); }

void CsvSink::write_point(const plane::Point& point) {
  const auto start = fmt::format("{},{},{},{},{},{},", table_->run, cell_of(point.stream), point.step, point.tokens,
                                 number(point.time), number(point.loss));
  std::string rows(table_->named ? std::string_view() : kNames);
  for (const auto& layer : point.layers) {
    add_rows(rows, start, layer.name, layer.metrics);
  }
  add_rows(rows, start, "mean", point.mean);
  table_->file.append_bytes(rows);
  table_->named = true;
}

void CsvSink::close_output() { table_->file.close(); }

}  // namespace infoplane::sinks
