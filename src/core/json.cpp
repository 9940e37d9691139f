#include "core/json.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/json_tree.hpp"
#include "core/text.hpp"

namespace infoplane::json {
namespace {

using Tree = nlohmann::json;

/// Where a byte is, for messages: "column 7", or "line 2, column 7" of a text of several lines.
std::string place(std::string_view text, std::size_t byte) {
  const auto before = text.substr(0, byte);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  return line == 1 && text.find('\n') == std::string_view::npos ? detail::concat("column ", column)
                                                                : detail::concat("line ", line, ", column ", column);
}

/// The byte that opens the first array or object that is too deep, in a text that is JSON up to there.
std::size_t too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      at += c == '\\' ? 1 : 0;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMostDepth) {
        return at;
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return text.size();
}

/// The text behind the first `end`; all of it where there is none.
std::string_view behind(std::string_view text, std::string_view end) {
  const auto at = text.find(end);
  return at == std::string_view::npos ? text : text.substr(at + end.size());
}

/// What nlohmann says, without its own number and place, and without more than the start of a long token.
std::string reason(const Tree::exception& error) {
  auto text = behind(error.what(), "] ");
  text = text.starts_with("parse error") ? behind(text, ": ") : text;
  return text::shortened(text, 160);
}

/// Passes on what nlohmann finds, within the bounds.
class Bounded final : public nlohmann::json_sax<Tree> {
 public:
  Bounded(std::string_view text, Events& events) : text_(text), events_(events) {}

  bool null() override { return scalar(nullptr); }
  bool boolean(bool value) override { return scalar(value); }
  bool number_integer(number_integer_t value) override { return scalar(value); }
  bool number_unsigned(number_unsigned_t value) override { return scalar(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return scalar(value); }
  bool string(string_t& value) override { return scalar(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }  // of binary formats only
  bool start_object(std::size_t /*elements*/) override { return open(Kind::kObject); }
  bool start_array(std::size_t /*elements*/) override { return open(Kind::kArray); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    events_.name(std::move(value));
    return true;
  }
  bool parse_error(std::size_t byte, const std::string& /*token*/, const Tree::exception& error) override {
    INFOPLANE_THROW(IoError, "not JSON: ", place(text_, byte == 0 ? 0 : byte - 1), ": ", reason(error));
  }

 private:
  void count() {
    INFOPLANE_CHECK(++values_ <= kMostValues, IoError, "more than ", kMostValues,
                    " values in one JSON text, more than are read");
  }
  bool scalar(Scalar value) {
    count();
    events_.scalar(std::move(value));
    return true;
  }
  bool open(Kind kind) {
    count();
    INFOPLANE_CHECK(++depth_ <= kMostDepth, IoError, "arrays and objects are nested more than ", kMostDepth,
                    " deep, deeper than is read, from ", place(text_, too_deep(text_)), " on");
    events_.open(kind);
    return true;
  }
  bool close() {
    --depth_;
    events_.close();
    return true;
  }

  std::string_view text_;
  Events& events_;
  std::size_t depth_ = 0, values_ = 0;
};

/// Walks over a text and counts its lines.
struct LineCounter {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  pointer at = nullptr;
  std::size_t* line = nullptr;

  reference operator*() const { return *at; }
  LineCounter& operator++() {
    *line += *at == '\n' ? 1 : 0;
    ++at;
    return *this;
  }
  bool operator==(const LineCounter& other) const { return at == other.at; }
  bool operator!=(const LineCounter& other) const { return at != other.at; }
};

/// nlohmann takes a NUL byte for the end of the text.
std::size_t find_nul(std::string_view text) noexcept { return text.find('\0'); }

void refuse_nul(std::string_view text) {
  const auto nul = find_nul(text);
  INFOPLANE_CHECK(nul == std::string_view::npos, IoError, "not JSON: ", place(text, nul), ": a NUL byte");
}

class Builder final : public Events {
 public:
  void scalar(Scalar value) override {
    std::visit([this](auto& each) { put(Tree(std::move(each))); }, value);
  }
  void open(Kind kind) override { open_.push_back(put(kind == Kind::kArray ? Tree::array() : Tree::object())); }
  void close() override { open_.pop_back(); }
  void name(std::string text) override { name_ = std::move(text); }
  Tree take() { return std::move(root_); }

 private:
  Tree* put(Tree value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    auto& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    const auto [found, is_new] = parent.emplace(name_, std::move(value));
    INFOPLANE_CHECK(is_new, IoError, "an object has the name ",
                    Tree(name_).dump(-1, ' ', false, Tree::error_handler_t::replace), " twice");
    return &*found;
  }

  Tree root_;
  std::vector<Tree*> open_;  // elements of an array move only while nothing within them is open
  std::string name_;
};

}  // namespace

void read(std::string_view text, Events& events) {
  refuse_nul(text);
  Bounded bounded(text, events);
  Tree::sax_parse(text.begin(), text.end(), &bounded);
}

void read(std::string_view text, Events& events, std::size_t& line) {
  refuse_nul(text);
  Bounded bounded(text, events);
  line = 1;
  Tree::sax_parse(LineCounter{text.data(), &line}, LineCounter{text.data() + text.size(), &line}, &bounded);
}

bool is_whole(std::string_view text) noexcept {
  return find_nul(text) == std::string_view::npos && Tree::accept(text.begin(), text.end());
}

nlohmann::json parse(std::string_view text) {
  Builder builder;
  read(text, builder);
  return builder.take();
}

}  // namespace infoplane::json
