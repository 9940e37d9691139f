#include "cli/score_json.hpp"

#include <cstddef>
#include <cstdint>
#include <infoplane/core/error.hpp>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/json.hpp"
#include "core/text.hpp"

namespace infoplane::cli {
namespace {

/// Takes a table of scores from the parser's events, which come without a tree, so that neither depth nor repeated
/// names are lost:
///     {"run": 0.5, "run": {"score": 0.5}}    or    [{"run": "name", "score": 0.5}]
class Handler : public json::Events {
 public:
  /// Errors say where, but not the file: they begin with ":".
  explicit Handler(const std::size_t& line) : line_(line) {}
  ScoreTable take() { return std::move(table_); }

  void scalar(json::Scalar value) override {
    std::visit([this](auto& each) { take(each); }, value);
  }

  void name(std::string text) override {
    key_ = std::move(text);
    key_line_ = line_;  // a number is read with the character behind it, which may end its line
    if (!array_ && depth_ == 1) {
      begin_run(key_);
    }
  }

  void open(json::Kind kind) override {
    if (kind == json::Kind::kArray) {
      if (depth_ != 0) {
        other("array");
      }
      array_ = true;
    } else {
      if (depth_ == 2) {
        other("object");
      }
      pending_.clear();
      named_ = false;
    }
    ++depth_;
  }

  void close() override {
    --depth_;
    if (array_ && depth_ == 1) {
      INFOPLANE_CHECK(named_, IoError, no_entry());
      for (const auto& [name, value] : pending_) {
        add(name, value);
      }
    }
  }

 private:
  void take(std::nullptr_t /*missing*/) { number(std::numeric_limits<double>::quiet_NaN()); }
  void take(bool /*value*/) { other("boolean"); }
  void take(std::int64_t value) { number(static_cast<double>(value)); }
  void take(std::uint64_t value) { number(static_cast<double>(value)); }
  void take(double value) { number(value); }
  void take(const std::string& value) {
    if (!array_ || depth_ != 2 || key_ != "run") {
      other("string");
    }
    begin_run(value);
  }

  std::string no_entry() const {
    return detail::concat(": an entry of the array is no object with a text \"run\" (line ", line_, ")");
  }

  void begin_run(const std::string& name) {
    INFOPLANE_CHECK(!(array_ && named_), IoError, ":", line_, ": an entry names its run twice");
    const auto [row, is_new] = table_.runs.try_emplace(name, ScoreTable::Row{line_, {}});
    INFOPLANE_CHECK(is_new, IoError, ":", line_, ": the run \"", text::shortened(name, 60),
                    "\" is there a second time, after line ", row->second.line, ": give each run once");
    row_ = &row->second;
    run_ = name;
    named_ = true;
  }

  void number(double value) {
    const bool has_key = depth_ == 2 || (depth_ == 1 && !array_);
    if (!has_key || (array_ && key_ == "run")) {
      other("number");
    }
    if (array_) {
      pending_.emplace_back(key_, value);  // the name of the run may come behind its scores
    } else {
      add(depth_ == 1 ? "score" : key_, value);
    }
  }

  void add(const std::string& name, double value) {
    INFOPLANE_CHECK(row_->scores.emplace(name, value).second, IoError, ":", key_line_, ": the score \"",
                    text::shortened(name, 60), "\" of \"", text::shortened(run_, 60), "\" is there twice");
    if (known_.insert(name).second) {
      table_.scores.push_back(name);
    }
  }

  /// Something else stands where a number, or in an array an object, belongs.
  [[noreturn]] void other(const char* what) {
    INFOPLANE_CHECK(!array_ || (depth_ > 1 && key_ != "run"), IoError, no_entry());
    const auto score = text::shortened(key_, 60);
    const auto place = array_       ? detail::concat("\"", score, "\"")
                       : depth_ > 1 ? detail::concat("\"", score, "\" of \"", text::shortened(run_, 60), "\"")
                                    : detail::concat("the score of \"", score, "\"");
    INFOPLANE_THROW(IoError, ": ", place, " is ", what, " instead of a number (line ", key_line_, ")");
  }

  const std::size_t& line_;
  ScoreTable table_;
  ScoreTable::Row* row_ = nullptr;
  std::set<std::string> known_;  // the names in table_.scores
  std::vector<std::pair<std::string, double>> pending_;
  std::string run_, key_;
  std::size_t key_line_ = 0;
  int depth_ = 0;
  bool array_ = false, named_ = false;
};

}  // namespace

ScoreTable scores_from_json(const std::string& path, std::string_view text) {
  std::size_t line = 1;
  Handler handler(line);
  try {
    json::read(text, handler, line);
  } catch (const IoError& error) {
    INFOPLANE_THROW(IoError, path, std::string_view(error.what()).starts_with(':') ? "" : ": ", error.what());
  }
  return handler.take();
}

}  // namespace infoplane::cli
