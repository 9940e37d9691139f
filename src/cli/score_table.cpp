#include "cli/score_table.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/core/number.hpp>
#include <limits>
#include <set>
#include <string_view>
#include <system_error>

#include "cli/score_json.hpp"
#include "core/some_of.hpp"
#include "core/text.hpp"
#include "core/whole_file.hpp"

namespace infoplane::cli {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostBytes = std::size_t{64} << 20U;
constexpr std::string_view kBlank = " \t";

std::string_view trimmed(std::string_view cell) {
  const auto first = cell.find_first_not_of(kBlank);
  return first == std::string_view::npos ? "" : cell.substr(first, cell.find_last_not_of(kBlank) - first + 1);
}

/// Splits CSV as RFC 4180 has it; rows keep the line that they begin at.
class CsvReader {
 public:
  struct Row {
    std::size_t line = 0;
    std::vector<std::string> cells;
  };

  CsvReader(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  std::vector<Row> rows() {
    std::vector<Row> found;
    while (at_ < text_.size()) {
      Row row{line_, {}};
      do {
        row.cells.push_back(cell());
      } while (at_ < text_.size() && text_[at_] == ',' && ++at_);
      at_ += at_ < text_.size() && text_[at_] == '\r' ? 1 : 0;
      INFOPLANE_CHECK(at_ >= text_.size() || text_[at_] == '\n', IoError, path_, ":", line_,
                      ": text behind a closing quote: put a comma between two cells");
      ++at_;
      ++line_;
      if (std::any_of(row.cells.begin(), row.cells.end(), [](const auto& each) { return !trimmed(each).empty(); })) {
        found.push_back(std::move(row));
      }
    }
    return found;
  }

 private:
  std::string cell() {
    std::string out;
    if (at_ >= text_.size() || text_[at_] != '"') {
      while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r') {
        out += text_[at_++];
      }
      return std::string(trimmed(out));
    }
    const auto start = line_;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') {
          ++at_;
          return out;
        }
        ++at_;
      }
      line_ += text_[at_] == '\n' ? 1 : 0;
      out += text_[at_];
    }
    INFOPLANE_THROW(IoError, path_, ":", start, ": a quote is never closed");
  }

  const std::string& path_;
  std::string_view text_;
  std::size_t at_ = 0, line_ = 1;
};

bool is_missing(std::string_view cell) {
  std::string small;
  for (const auto c : cell) {
    small += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return small.empty() || small == "nan" || small == "na" || small == "n/a" || small == "null";
}

double score_of(const std::string& place, const std::string& cell, const std::string& column) {
  auto digits = trimmed(cell);
  if (is_missing(digits)) {
    return kNaN;
  }
  if (digits.starts_with('+') && !digits.starts_with("+-")) {
    digits.remove_prefix(1);
  }
  double value = 0;
  INFOPLANE_CHECK(parse_number(digits, value) == NumberFault::kNone, IoError, place, "\"", text::shortened(cell, 40),
                  "\" in the column ", text::shortened(column, 40),
                  " is no finite number: leave the cell empty where a run has no score");
  return value;
}

ScoreTable from_csv(const std::string& path, std::string_view csv) {
  const auto rows = CsvReader(path, csv).rows();
  INFOPLANE_CHECK(!rows.empty() && rows[0].cells.size() >= 2, IoError, path,
                  ":1: a table of scores starts with a line of names: run,score,…");
  ScoreTable table;
  const auto& names = rows[0].cells;
  std::set<std::string_view> before;
  for (std::size_t k = 1; k < names.size(); ++k) {
    INFOPLANE_CHECK(before.insert(names[k]).second, IoError, path, ":", rows[0].line, ": the column \"",
                    text::shortened(names[k], 40), "\" is there twice");
    table.scores.push_back(names[k]);
  }
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& [line, cells] = rows[i];
    const auto place = detail::concat(path, ":", line, ": ");
    INFOPLANE_CHECK(cells.size() == names.size(), IoError, place, cells.size(), " cells, but ", names.size(),
                    " names in the first line");
    INFOPLANE_CHECK(!cells[0].empty(), IoError, place, "scores without the name of a run");
    const auto [row, is_new] = table.runs.try_emplace(cells[0], ScoreTable::Row{line, {}});
    INFOPLANE_CHECK(is_new, IoError, place, "the run \"", text::shortened(cells[0], 60),
                    "\" is there a second time, after line ", row->second.line, ": give each run one line");
    for (std::size_t k = 1; k < cells.size(); ++k) {
      row->second.scores[names[k]] = score_of(place, cells[k], names[k]);
    }
  }
  return table;
}

std::vector<std::string> runs_of(const ScoreTable& table) {
  std::vector<std::string> names;
  for (const auto& [name, row] : table.runs) {
    names.push_back(name);
  }
  return names;
}

/// Rows that name a run by its file.
std::set<std::string> by_file(const ScoreTable& table, const std::string& path) {
  const std::filesystem::path file(path);
  std::set<std::string> found;
  for (const auto& key : {path, file.filename().string(), file.stem().string()}) {
    if (table.runs.contains(key)) {
      found.insert(key);
    }
  }
  return found;
}

}  // namespace

ScoreTable read_scores(const std::string& path) {
  std::string bytes;
  const int error = read_whole_file(path, bytes, kMostBytes);
  INFOPLANE_CHECK(error != EFBIG, IoError, "the scores ", path, " have more than ", kMostBytes,
                  " bytes, more than is read");
  INFOPLANE_CHECK(error == 0, IoError, "cannot read the scores ", path, ": ", std::generic_category().message(error));
  std::string_view table = bytes;
  INFOPLANE_CHECK(!table.starts_with("\xFF\xFE") && !table.starts_with("\xFE\xFF"), IoError, path,
                  ":1: the table is written in UTF-16: save it as UTF-8");
  if (table.starts_with("\xEF\xBB\xBF")) {  // as spreadsheets write it
    table.remove_prefix(3);
  }
  const auto first = table.find_first_not_of(" \t\r\n");
  const bool json = first != std::string::npos && (table[first] == '{' || table[first] == '[');
  auto scores = json ? scores_from_json(path, table) : from_csv(path, table);
  scores.path = path;
  return scores;
}

std::vector<const ScoreTable::Row*> rows_of(const ScoreTable& table, const std::vector<std::string>& paths,
                                            const std::vector<std::string>& names) {
  std::vector<std::set<std::string>> keys;
  std::set<std::string> files;
  for (const auto& path : paths) {
    keys.push_back(by_file(table, path));
    files.insert(keys.back().begin(), keys.back().end());
  }
  std::map<std::string, std::size_t> taken;  // row → run
  std::vector<const ScoreTable::Row*> rows;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (table.runs.contains(names[i]) && !files.contains(names[i])) {  // a name may be that of another run's file
      keys[i].insert(names[i]);
    }
    INFOPLANE_CHECK(!keys[i].empty(), IoError, table.path, " has no scores of ", paths[i], " (run \"", names[i],
                    "\"); it has those of ", some_of(runs_of(table)));
    const auto& key = *keys[i].begin();
    const auto& row = table.runs.at(key);
    if (keys[i].size() > 1) {
      const auto& other = *keys[i].rbegin();
      INFOPLANE_THROW(IoError, table.path, ":", std::max(row.line, table.runs.at(other).line), ": ", paths[i],
                      " is named twice, as \"", key, "\" in line ", row.line, " and as \"", other, "\" in line ",
                      table.runs.at(other).line, ": give each run one line");
    }
    const auto [before, is_new] = taken.try_emplace(key, i);
    INFOPLANE_CHECK(is_new, IoError, table.path, ":", row.line, ": \"", key, "\" is the name of both ",
                    paths[before->second], " and ", paths[i], ": name runs by their path where names repeat");
    rows.push_back(&row);
  }
  return rows;
}

}  // namespace infoplane::cli
