#pragma once

#include <cstdint>
#include <infoplane/labels/token_batch.hpp>
#include <string_view>
#include <vector>

namespace infoplane::labels {

/// A stretch of one row in which labels may be made. All members are flat row-major position numbers.
struct Run {
  std::int64_t begin, end;    // no label uses a value outside
  std::int64_t first, limit;  // only positions in [first, limit) get a label
};

/// A micro-batch on its way to labels: values in row-major order, and where labels may lie.
struct Layout {
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> targets;  // empty: the next token serves
  std::vector<Run> inputs;            // over `tokens`: the segments
  std::vector<Run> outputs;           // over `targets`, or over `tokens` moved by one
  std::vector<std::uint8_t> counted;  // as in Grouping

  /// First of the tokens that follow each position.
  const std::int64_t* following() const noexcept {
    return targets.empty() ? tokens.data() + (tokens.empty() ? 0 : 1) : targets.data();
  }
};

/// True for the two values that mean "no label".
constexpr bool is_missing(std::int64_t value) noexcept { return value == -1 || value == -100; }

/// @throws ShapeError unless the view has the shape of the tokens; `what` names it.
void check_shape(const IntegerView& view, const IntegerView& tokens, std::string_view what);

/// Parts of `runs` without a missing value.
std::vector<Run> without_missing(const std::vector<Run>& runs, const std::vector<std::int64_t>& values);

/// Checks a micro-batch and lays it out.
/// @param margin n_max of the common_positions rule; 0 if every set counts where it is defined.
/// @throws ShapeError, ArgumentError as LabelIndex::group.
Layout lay_out(const TokenBatch& batch, int margin);

}  // namespace infoplane::labels
