#include "monitor/target_checks.hpp"

#include <infoplane/core/error.hpp>

namespace infoplane {

namespace {

/// A micro-batch with targets, of which some positions count.
class Batch {
 public:
  explicit Batch(const labels::TokenBatch& batch)
      : batch_(batch), sequences_(batch.tokens.rows()), length_(batch.tokens.columns()) {}

  /// `visit(sequence, position)` of each position that has a target, until it returns false; whether it never did.
  template <typename Visit>
  bool all(const Visit& visit) const {
    for (std::int64_t sequence = 0; sequence < sequences_; ++sequence) {
      for (std::int64_t position = 0; position < length_; ++position) {
        if (counts(sequence, position) && target(sequence, position) >= 0 && !visit(sequence, position)) {
          return false;
        }
      }
    }
    return true;
  }

  bool counts(std::int64_t sequence, std::int64_t position) const noexcept {
    return sequence < sequences_ && position < length_ && (!batch_.mask || batch_.mask->at(sequence, position) != 0);
  }
  std::int64_t token(std::int64_t sequence, std::int64_t position) const noexcept {
    return batch_.tokens.at(sequence, position);
  }
  std::int64_t target(std::int64_t sequence, std::int64_t position) const noexcept {
    return batch_.targets->at(sequence, position);
  }

  /// Whether the token behind a position is known to follow it.
  bool goes_on(std::int64_t sequence, std::int64_t position) const noexcept {
    const bool same_document =
        !batch_.documents || (position + 1 < length_ &&
                              batch_.documents->at(sequence, position) == batch_.documents->at(sequence, position + 1));
    return counts(sequence, position + 1) && same_document;
  }

  bool differs_from_next(std::int64_t sequence, std::int64_t position) const noexcept {
    return goes_on(sequence, position) && target(sequence, position) != token(sequence, position + 1);
  }

  std::int64_t sequences() const noexcept { return sequences_; }
  std::int64_t length() const noexcept { return length_; }

 private:
  const labels::TokenBatch& batch_;
  std::int64_t sequences_;
  std::int64_t length_;
};

/// By chance a few labels agree, such as those of the masked tokens of a small micro-batch.
constexpr std::int64_t kNoChance = 8;

void check_shifted(const Batch& batch) {
  std::int64_t labelled = 0;
  std::int64_t differ_from_next = 0;
  const bool repeat = batch.all([&](std::int64_t sequence, std::int64_t position) {
    ++labelled;
    differ_from_next += batch.differs_from_next(sequence, position) ? 1 : 0;
    return batch.target(sequence, position) == batch.token(sequence, position);
  });
  if (!repeat || differ_from_next == 0) {
    return;
  }
  std::int64_t counted = 0;
  for (std::int64_t sequence = 0; sequence < batch.sequences(); ++sequence) {
    for (std::int64_t position = 0; position < batch.length(); ++position) {
      counted += batch.counts(sequence, position) ? 1 : 0;
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
  const bool follow_sequences = batch.all([&](std::int64_t sequence, std::int64_t position) {
    differ += batch.differs_from_next(sequence, position) ? 1 : 0;
    if (!batch.counts(sequence + 1, position)) {
      return true;
    }
    ++compared;
    return batch.target(sequence, position) == batch.token(sequence + 1, position);
  });
  INFOPLANE_CHECK(!follow_sequences || compared < kNoChance || differ == 0, ArgumentError,
                  "the targets follow the tokens along the ", time_major ? "second" : "first",
                  " axis, not along that of time: tokens and targets seem to be ",
                  time_major ? "[B, T]: leave MonitorOptions::time_major(true) out"
                             : "[T, B]: say MonitorOptions().time_major(true)");
  if (batch.sequences() != batch.length()) {
    return;
  }
  compared = differ = 0;
  const bool fit_exchanged = batch.all([&](std::int64_t sequence, std::int64_t position) {
    differ += batch.differs_from_next(sequence, position) ? 1 : 0;
    if (!batch.goes_on(sequence, position)) {
      return true;
    }
    ++compared;
    return batch.target(position, sequence) == batch.token(sequence, position + 1);
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
