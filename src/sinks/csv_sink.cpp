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

/// Bytes of the whole rows that a table starts with: up to the last line feed that is in no quotes.
std::size_t whole_rows(std::string_view text) {
  std::size_t end = 0;
  bool quoted = false, cell_starts = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      const bool escaped = c == '"' && at + 1 < text.size() && text[at + 1] == '"';
      quoted = c != '"' || escaped;
      at += escaped ? 1 : 0;
      continue;
    }
    quoted = c == '"' && cell_starts;
    cell_starts = c == ',' || c == '\n';
    end = c == '\n' ? at + 1 : end;
  }
  return end;
}

/// Whether a whole row stands behind a line feed of what is left of one that was cut: then a quote in the middle of the
/// table is never closed, and all behind it would go.
bool holds_rows(std::string_view text) {
  constexpr auto kCells = 9;
  for (auto start = text.find('\n'); start != std::string_view::npos; start = text.find('\n')) {
    text.remove_prefix(start + 1);
    const auto line = text.substr(0, text.find('\n'));
    if (line.size() < text.size() && std::count(line.begin(), line.end(), ',') == kCells - 1 &&
        line.find('"') == std::string_view::npos) {
      return true;
    }
  }
  return false;
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

CsvSink::CsvSink(std::string path, runs::OpenMode mode)
    : Sink("the CSV sink " + path), path_(std::move(path)), mode_(mode) {}

void CsvSink::open_output() {
  auto table = std::make_unique<Table>(path_to_open(path_, mode_));
  const auto& path = table->path;
  auto& file = table->file;
  if (mode_ == runs::OpenMode::kOverwrite) {
    file.truncate(0);
  }
  INFOPLANE_CHECK(mode_ == runs::OpenMode::kAppend || file.size() == 0, IoError, "the CSV file ", path,
                  " is not empty (", file.size(),
                  " bytes): give the sink infoplane::OpenMode::kAppend to go on with it, "
                  "infoplane::OpenMode::kOverwrite to replace it, infoplane::OpenMode::kNewName to write beside it (",
                  numbered_name(path, 2), ", …), or another path");
  const auto text = file.read();
  if (!text.empty() && kNames.starts_with(text)) {
    file.truncate(0);  // not even the names came through
  } else if (!text.empty()) {
    INFOPLANE_CHECK(text.starts_with(kNames), IoError, path, ":1: not a table of this sink, which begins with \"",
                    kNames.substr(0, kNames.size() - 1),
                    "\": give another path, or infoplane::OpenMode::kOverwrite to replace it");
    const auto whole = whole_rows(text);
    INFOPLANE_CHECK(!holds_rows(std::string_view(text).substr(whole)), IoError, path, ":",
                    1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(whole), '\n'),
                    ": a quote is never closed, and rows stand behind it: repair the table, or give another path");
    file.truncate(static_cast<std::int64_t>(whole));  // a row that a crash cut off
    table->named = true;
  }
  rename("the CSV sink " + path);
  path_ = path;
  table_ = std::move(table);
}

CsvSink::~CsvSink() = default;
CsvSink::CsvSink(CsvSink&& other) noexcept = default;

void CsvSink::write_header(const runs::RunHeader& header) { table_->run = cell_of(header.run); }

void CsvSink::write_point(const plane::Point& point) {
  const auto start = fmt::format("{},{},{},{},{},{},", table_->run, cell_of(point.split), point.step, point.tokens,
                                 number(point.time), number(point.loss));
  std::string rows(table_->named ? std::string_view() : kNames);
  for (const auto& layer : point.layers) {
    add_rows(rows, start, layer.name, layer.metrics);
  }
  for (const auto& group : point.groups) {
    add_rows(rows, start, "mean of " + group.name, group.metrics);
  }
  add_rows(rows, start, "mean", point.mean);
  table_->file.append_bytes(rows);
  table_->named = true;
}

void CsvSink::close_output() {
  if (table_) {
    table_->file.close();
  }
}

}  // namespace infoplane::sinks
