#include "cli/score_json.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/text.hpp"

namespace infoplane::cli {
namespace {

/// Walks over a text and counts its lines.
struct Counted {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at = nullptr;
  std::size_t* line = nullptr;

  reference operator*() const { return *at; }
  Counted& operator++() {
    *line += *at == '\n' ? 1 : 0;
    ++at;
    return *this;
  }
  bool operator==(const Counted& other) const { return at == other.at; }
  bool operator!=(const Counted& other) const { return at != other.at; }
};

/// Takes a table of scores from the parser's events, which come without a tree, so that neither depth nor repeated
/// names are lost:
///     {"run": 0.5, "run": {"score": 0.5}}    or    [{"run": "name", "score": 0.5}]
class Handler : public nlohmann::json_sax<nlohmann::json> {
 public:
  Handler(const std::string& path, const std::size_t& line) : path_(path), line_(line) {}
  ScoreTable take() { return std::move(table_); }

  bool null() override { return number(std::numeric_limits<double>::quiet_NaN()); }
  bool boolean(bool /*value*/) override { return other("boolean"); }
  bool number_integer(number_integer_t value) override { return number(static_cast<double>(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(static_cast<double>(value)); }
  bool number_float(number_float_t value, const string_t& /*digits*/) override { return number(value); }
  bool binary(binary_t& /*value*/) override { return other("binary"); }

  bool string(string_t& value) override {
    if (!array_ || depth_ != 2 || key_ != "run") {
      return other("string");
    }
    begin_run(value);
    return true;
  }

  bool key(string_t& name) override {
    key_ = name;
    key_line_ = line_;  // a number is read with the character behind it, which may end its line
    if (!array_ && depth_ == 1) {
      begin_run(name);
    }
    return true;
  }

  bool start_object(std::size_t /*size*/) override {
    if (depth_ == 2) {
      return other("object");
    }
    ++depth_;
    pending_.clear();
    named_ = false;
    return true;
  }

  bool end_object() override {
    --depth_;
    if (array_ && depth_ == 1) {
      INFOPLANE_CHECK(named_, IoError, no_entry());
      for (const auto& [name, value] : pending_) {
        add(name, value);
      }
    }
    return true;
  }

  bool start_array(std::size_t /*size*/) override {
    if (depth_ != 0) {
      return other("array");
    }
    array_ = true;
    ++depth_;
    return true;
  }

  bool end_array() override {
    --depth_;
    return true;
  }

  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    INFOPLANE_THROW(IoError, path_, ": ", text::shortened(error.what(), 300));  // which tells the line
  }

 private:
  std::string no_entry() const {
    return detail::concat(path_, ": an entry of the array is no object with a text \"run\" (line ", line_, ")");
  }

  void begin_run(const std::string& name) {
    INFOPLANE_CHECK(!(array_ && named_), IoError, path_, ":", line_, ": an entry names its run twice");
    const auto [row, is_new] = table_.runs.try_emplace(name, ScoreTable::Row{line_, {}});
    INFOPLANE_CHECK(is_new, IoError, path_, ":", line_, ": the run \"", text::shortened(name, 60),
                    "\" is there a second time, after line ", row->second.line, ": give each run once");
    row_ = &row->second;
    run_ = name;
    named_ = true;
  }

  bool number(double value) {
    const bool has_key = depth_ == 2 || (depth_ == 1 && !array_);
    if (!has_key || (array_ && key_ == "run")) {
      return other("number");
    }
    if (array_) {
      pending_.emplace_back(key_, value);  // the name of the run may come behind its scores
    } else {
      add(depth_ == 1 ? "score" : key_, value);
    }
    return true;
  }

  void add(const std::string& name, double value) {
    INFOPLANE_CHECK(row_->scores.emplace(name, value).second, IoError, path_, ":", key_line_, ": the score \"",
                    text::shortened(name, 60), "\" of \"", text::shortened(run_, 60), "\" is there twice");
    if (std::find(table_.scores.begin(), table_.scores.end(), name) == table_.scores.end()) {
      table_.scores.push_back(name);
    }
  }

  /// Something else stands where a number, or in an array an object, belongs.
  bool other(const char* what) {
    INFOPLANE_CHECK(!array_ || (depth_ > 1 && key_ != "run"), IoError, no_entry());
    const auto score = text::shortened(key_, 60);
    const auto place = array_       ? detail::concat("\"", score, "\"")
                       : depth_ > 1 ? detail::concat("\"", score, "\" of \"", text::shortened(run_, 60), "\"")
                                    : detail::concat("the score of \"", score, "\"");
    INFOPLANE_THROW(IoError, path_, ": ", place, " is ", what, " instead of a number (line ", key_line_, ")");
  }

  const std::string& path_;
  const std::size_t& line_;
  ScoreTable table_;
  ScoreTable::Row* row_ = nullptr;
  std::vector<std::pair<std::string, double>> pending_;
  std::string run_, key_;
  std::size_t key_line_ = 0;
  int depth_ = 0;
  bool array_ = false, named_ = false;
};

}  // namespace

ScoreTable scores_from_json(const std::string& path, std::string_view json) {
  std::size_t line = 1;
  Handler handler(path, line);
  nlohmann::json::sax_parse(Counted{json.data(), &line}, Counted{json.data() + json.size(), &line}, &handler);
  return handler.take();
}

}  // namespace infoplane::cli
