#include "cli/score_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <infoplane/core/error.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/whole_file.hpp"

namespace infoplane::cli {
namespace {

class Builder {
 public:
  void add(const std::string& run, const std::string& score, double value) {
    if (std::find(table_.scores.begin(), table_.scores.end(), score) == table_.scores.end()) {
      table_.scores.push_back(score);
    }
    table_.runs[run][score] = value;
  }
  ScoreTable finish() { return std::move(table_); }

 private:
  ScoreTable table_;
};

/// Splits CSV as RFC 4180 has it; rows keep the line that they begin at.
class CsvReader {
 public:
  struct Row {
    std::size_t line = 0;
    std::vector<std::string> cells;
  };

  CsvReader(const std::string& path, const std::string& text) : path_(path), text_(text) {}

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
      if (row.cells.size() > 1 || !row.cells[0].empty()) {
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
      return out;
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
  const std::string& text_;
  std::size_t at_ = 0, line_ = 1;
};

ScoreTable from_csv(const std::string& path, const std::string& text) {
  const auto rows = CsvReader(path, text).rows();
  INFOPLANE_CHECK(!rows.empty() && rows[0].cells.size() >= 2, IoError, path,
                  ":1: a table of scores starts with a line of names: run,score,…");
  Builder table;
  const auto& names = rows[0].cells;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& [line, cells] = rows[i];
    INFOPLANE_CHECK(cells.size() == names.size(), IoError, path, ":", line, ": ", cells.size(), " cells, but ",
                    names.size(), " names in the first line");
    for (std::size_t k = 1; k < cells.size(); ++k) {
      char* end = nullptr;
      const auto value = cells[k].empty() ? std::nan("") : std::strtod(cells[k].c_str(), &end);
      INFOPLANE_CHECK(cells[k].empty() || (end != cells[k].c_str() && *end == '\0'), IoError, path, ":", line, ": \"",
                      cells[k], "\" in the column ", names[k], " is no number");
      table.add(cells[0], names[k], value);
    }
  }
  return table.finish();
}

double number(const std::string& path, const std::string& place, const nlohmann::json& json) {
  INFOPLANE_CHECK(json.is_number() || json.is_null(), IoError, path, ": ", place, " is ", json.type_name(),
                  " instead of a number");
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

ScoreTable from_json(const std::string& path, const std::string& text) {
  nlohmann::ordered_json json;
  try {
    json = nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    INFOPLANE_THROW(IoError, path, ": ", error.what());
  }
  Builder table;
  if (json.is_array()) {
    for (const auto& each : json) {
      INFOPLANE_CHECK(each.is_object() && each.contains("run") && each["run"].is_string(), IoError, path,
                      ": an entry of the array is no object with a text \"run\"");
      for (const auto& [name, value] : each.items()) {
        if (name != "run") {
          table.add(each["run"].get<std::string>(), name, number(path, "\"" + name + "\"", value));
        }
      }
    }
    return table.finish();
  }
  for (const auto& [run, scores] : json.items()) {
    if (!scores.is_object()) {
      table.add(run, "score", number(path, "the score of \"" + run + "\"", scores));
      continue;
    }
    for (const auto& [name, value] : scores.items()) {
      table.add(run, name, number(path, "\"" + name + "\" of \"" + run + "\"", value));
    }
  }
  return table.finish();
}

}  // namespace

ScoreTable read_scores(const std::string& path) {
  std::string text;
  const int error = read_whole_file(path, text);
  INFOPLANE_CHECK(error == 0, IoError, "cannot read the scores ", path, ": ", std::generic_category().message(error));
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool json = first != std::string::npos && (text[first] == '{' || text[first] == '[');
  return json ? from_json(path, text) : from_csv(path, text);
}

}  // namespace infoplane::cli
