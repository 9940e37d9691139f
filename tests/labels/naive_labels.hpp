#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "labels/support.hpp"

namespace infoplane::labels::testing {

/// The definition of labels, word by word and position by position; shares no code with the library.
class NaiveIndex {
 public:
  struct Result {
    std::vector<std::int32_t> rows;
    std::int64_t labelled = 0;
    std::int64_t row_count = 0;
  };

  explicit NaiveIndex(int common_order = 0) : common_order_(common_order) {}

  Result input(const OwnedBatch& batch, int order, const std::string& set) {
    return number(set, batch, [&](std::int64_t row, std::int64_t i) -> std::optional<Values> {
      Values key;
      for (auto j = i - order + 1; j <= i; ++j) {
        if (!same_text(batch, row, i, j)) {
          return std::nullopt;
        }
        key.push_back(at(batch, batch.tokens, row, j));
      }
      return key;
    });
  }

  Result output(const OwnedBatch& batch, int order, const std::string& set) {
    return number(set, batch, [&](std::int64_t row, std::int64_t i) -> std::optional<Values> {
      Values key;
      for (auto j = i; j < i + order; ++j) {
        const bool next_in_row = j + 1 < batch.columns();
        if (!same_text(batch, row, i, j) || (next_in_row && !same_text(batch, row, i, j + 1))) {
          return std::nullopt;
        }
        if (batch.targets) {
          const auto target = at(batch, *batch.targets, row, j);
          if (target == -1 || target == -100) {
            return std::nullopt;
          }
          key.push_back(target);
        } else if (next_in_row) {
          key.push_back(at(batch, batch.tokens, row, j + 1));
        } else {
          return std::nullopt;
        }
      }
      return key;
    });
  }

  Result named(const OwnedBatch& batch, const Values& values, const std::string& set) {
    return number(set, batch, [&](std::int64_t row, std::int64_t i) -> std::optional<Values> {
      const auto value = at(batch, values, row, i);
      return value == -1 || value == -100 ? std::nullopt : std::optional(Values{value});
    });
  }

  bool counts(const OwnedBatch& batch, std::int64_t row, std::int64_t i) const {
    if (!same_text(batch, row, i, i)) {
      return false;
    }
    if (common_order_ == 0) {
      return true;
    }
    // Positions of the segment before and behind i.
    std::int64_t before = 0;
    std::int64_t behind = 0;
    while (same_text(batch, row, i, i - before - 1)) {
      ++before;
    }
    while (same_text(batch, row, i, i + behind + 1)) {
      ++behind;
    }
    const auto length = before + 1 + behind;
    return before >= common_order_ - 1 && before <= length - common_order_ - 1;
  }

  /// Key → row of a set.
  const std::map<Values, std::int32_t>& keys(const std::string& set) { return tables_[set]; }

 private:
  static std::int64_t at(const OwnedBatch& batch, const Values& values, std::int64_t row, std::int64_t column) {
    return values.at(static_cast<std::size_t>(row * batch.columns() + column));
  }

  /// True if all positions from i to j (either way) lie in the row, count and belong to the document of i.
  static bool same_text(const OwnedBatch& batch, std::int64_t row, std::int64_t i, std::int64_t j) {
    for (auto k = std::min(i, j); k <= std::max(i, j); ++k) {
      if (k < 0 || k >= batch.columns() || (batch.mask && at(batch, *batch.mask, row, k) == 0) ||
          (batch.documents && at(batch, *batch.documents, row, k) != at(batch, *batch.documents, row, i))) {
        return false;
      }
    }
    return true;
  }

  template <typename Label>
  Result number(const std::string& set, const OwnedBatch& batch, const Label& label) {
    auto& table = tables_[set];
    Result result;
    for (std::int64_t row = 0; row < batch.rows; ++row) {
      for (std::int64_t i = 0; i < batch.columns(); ++i) {
        const auto key = counts(batch, row, i) ? label(row, i) : std::nullopt;
        if (!key) {
          result.rows.push_back(-1);
          continue;
        }
        const auto next = static_cast<std::int32_t>(table.size());
        result.rows.push_back(table.emplace(*key, next).first->second);
        ++result.labelled;
      }
    }
    result.row_count = static_cast<std::int64_t>(table.size());
    return result;
  }

  int common_order_;
  std::map<std::string, std::map<Values, std::int32_t>> tables_;
};

}  // namespace infoplane::labels::testing
