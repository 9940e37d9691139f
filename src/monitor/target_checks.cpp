#include "monitor/target_checks.hpp"

#include <infoplane/core/error.hpp>

namespace infoplane {

namespace {

/// A micro-batch with targets, of which some positions count.
class Batch {
 public:
  explicit Batch(const labels::TokenBatch& batch)
      : batch_(batch), rows_(batch.tokens.rows()), columns_(batch.tokens.columns()) {}

  /// `visit(row, column)` of each position that has a target, until it returns false; whether it never did.
  template <typename Visit>
  bool all(const Visit& visit) const {
    for (std::int64_t row = 0; row < rows_; ++row) {
      for (std::int64_t column = 0; column < columns_; ++column) {
        if (counts(row, column) && target(row, column) >= 0 && !visit(row, column)) {
          return false;
        }
      }
    }
    return true;
  }

  bool counts(std::int64_t row, std::int64_t column) const noexcept {
    return row < rows_ && column < columns_ && (!batch_.mask || batch_.mask->at(row, column) != 0);
  }
  std::int64_t token(std::int64_t row, std::int64_t column) const noexcept { return batch_.tokens.at(row, column); }
  std::int64_t target(std::int64_t row, std::int64_t column) const noexcept { return batch_.targets->at(row, column); }

  /// Whether the token behind a position is known to follow it.
  bool goes_on(std::int64_t row, std::int64_t column) const noexcept {
    const bool same_document =
        !batch_.documents ||
        (column + 1 < columns_ && batch_.documents->at(row, column) == batch_.documents->at(row, column + 1));
    return counts(row, column + 1) && same_document;
  }

  bool differs_from_next(std::int64_t row, std::int64_t column) const noexcept {
    return goes_on(row, column) && target(row, column) != token(row, column + 1);
  }

  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t columns() const noexcept { return columns_; }

 private:
  const labels::TokenBatch& batch_;
  std::int64_t rows_;
  std::int64_t columns_;
};

/// By chance a few labels agree, such as those of the masked tokens of a small micro-batch.
constexpr std::int64_t kNoChance = 8;

void check_shifted(const Batch& batch) {
  std::int64_t labelled = 0;
  std::int64_t differ_from_next = 0;
  const bool repeat = batch.all([&](std::int64_t row, std::int64_t column) {
    ++labelled;
    differ_from_next += batch.differs_from_next(row, column) ? 1 : 0;
    return batch.target(row, column) == batch.token(row, column);
  });
  if (!repeat || differ_from_next == 0) {
    return;
  }
  std::int64_t counted = 0;
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    for (std::int64_t column = 0; column < batch.columns(); ++column) {
      counted += batch.counts(row, column) ? 1 : 0;
    }
  }
  INFOPLANE_CHECK(labelled < counted && differ_from_next < kNoChance, ArgumentError,
                  "the targets are the tokens at all ", labelled,
                  " positions that have one: targets are the tokens that follow. Leave them out, or give ",
                  "observe(step, tokens.slice(1, 0, -1), tokens.slice(1, 1)); if the model does learn to repeat its "
                  "input, MonitorOptions().targets_repeat_tokens(true)");
}

void check_axes(const Batch& batch, bool time_major) {
  std::int64_t compared = 0;
  std::int64_t differ = 0;  // from the token that follows, so that this is no chance
  const bool follow_rows = batch.all([&](std::int64_t row, std::int64_t column) {
    differ += batch.differs_from_next(row, column) ? 1 : 0;
    if (!batch.counts(row + 1, column)) {
      return true;
    }
    ++compared;
    return batch.target(row, column) == batch.token(row + 1, column);
  });
  INFOPLANE_CHECK(!follow_rows || compared < kNoChance || differ == 0, ArgumentError,
                  "the targets follow the tokens along the ", time_major ? "second" : "first",
                  " axis, not along that of time: tokens and targets seem to be ",
                  time_major ? "[B, T]: leave MonitorOptions::time_major(true) out"
                             : "[T, B]: say MonitorOptions().time_major(true)");
  if (batch.rows() != batch.columns()) {
    return;
  }
  compared = differ = 0;
  const bool fit_exchanged = batch.all([&](std::int64_t row, std::int64_t column) {
    differ += batch.differs_from_next(row, column) ? 1 : 0;
    if (!batch.goes_on(row, column)) {
      return true;
    }
    ++compared;
    return batch.target(column, row) == batch.token(row, column + 1);
  });
  INFOPLANE_CHECK(!fit_exchanged || compared < kNoChance || differ == 0, ArgumentError,
                  "the targets are those of the tokens with exchanged axes: give targets.t()");
}

}  // namespace

void check_targets(const labels::TokenBatch& batch, bool time_major, bool may_repeat) {
  const bool comparable =
      batch.targets && batch.targets->rows() == batch.tokens.rows() &&
      batch.targets->columns() == batch.tokens.columns() &&
      (!batch.mask || (batch.mask->rows() == batch.tokens.rows() && batch.mask->columns() == batch.tokens.columns())) &&
      (!batch.documents ||
       (batch.documents->rows() == batch.tokens.rows() && batch.documents->columns() == batch.tokens.columns()));
  if (!comparable) {
    return;  // an error of its own
  }
  const Batch positions(batch);
  if (!may_repeat) {
    check_shifted(positions);
  }
  check_axes(positions, time_major);
}

}  // namespace infoplane
