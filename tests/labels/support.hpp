#pragma once

#include <cstdint>
#include <infoplane/labels/grouping.hpp>
#include <infoplane/labels/key_table.hpp>
#include <infoplane/labels/label_index.hpp>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace infoplane::labels::testing {

using Values = std::vector<std::int64_t>;

/// A micro-batch that owns its row-major values.
struct OwnedBatch {
  std::int64_t rows = 1;
  Values tokens;
  std::optional<Values> targets = std::nullopt;
  std::optional<Values> mask = std::nullopt;
  std::optional<Values> documents = std::nullopt;

  std::int64_t columns() const { return rows == 0 ? 0 : static_cast<std::int64_t>(tokens.size()) / rows; }
  IntegerView view(const Values& values) const {
    return {values.data(), IntegerView::Type::kInt64, rows, columns(), columns(), 1};
  }
  TokenBatch batch() const {
    const auto optional_view = [&](const std::optional<Values>& values) {
      return values ? std::optional(view(*values)) : std::nullopt;
    };
    return {view(tokens), optional_view(targets), optional_view(mask), optional_view(documents)};
  }
};

inline const LabelAssignment& set_of(const Grouping& grouping, const std::string& name) {
  for (const auto& set : grouping.sets) {
    if (set.name == name) {
      return set;
    }
  }
  throw std::out_of_range("no label set " + name);
}

/// Label of each position as text: "3.4" for the bigram (3, 4), "-" for none, a space between positions.
inline std::string text_of(const LabelAssignment& set) {
  std::ostringstream text;
  const char* space = "";
  for (const auto row : set.rows) {
    text << std::exchange(space, " ");
    if (row == kNoRow) {
      text << '-';
      continue;
    }
    const char* dot = "";
    for (const auto value : set.table->key(row)) {
      text << std::exchange(dot, ".") << value;
    }
  }
  return text.str();
}

/// Everything that one can ask an index about its tables, for comparing before and after.
inline std::map<std::string, std::vector<Values>> keys_of(const LabelIndex& index,
                                                          const std::vector<std::string>& names) {
  std::map<std::string, std::vector<Values>> keys;
  for (const auto& name : names) {
    if (const auto table = index.table(name)) {
      auto& list = keys[name];
      for (std::int64_t row = 0; row < table->size(); ++row) {
        const auto key = table->key(row);
        list.emplace_back(key.begin(), key.end());
      }
    }
  }
  return keys;
}

}  // namespace infoplane::labels::testing
