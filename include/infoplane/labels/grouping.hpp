#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace infoplane::labels {

class KeyTable;

/// Row number of a position without a label.
inline constexpr std::int32_t kNoRow = -1;

/// The labels of one label set for the positions of one micro-batch, as row numbers of the set's key table.
struct LabelAssignment {
  std::string name;                       ///< such as "input_unigram"
  std::shared_ptr<const KeyTable> table;  ///< row → key; grows with the stream, rows never move
  std::vector<std::int32_t> rows;  ///< row of each position, in row-major [sequence, position] order; kNoRow: none
  std::int64_t row_count = 0;      ///< rows of the table when this was made; every entry of `rows` is below it
  std::int64_t labelled = 0;       ///< positions with a label
};

/// All label sets of a micro-batch: made once on the host, shared by every layer that sees the micro-batch.
struct Grouping {
  std::int64_t positions = 0;         ///< B · T
  std::vector<std::uint8_t> counted;  ///< 1 where the position counts at all (mask, common_positions); empty: all do
  std::vector<LabelAssignment> sets;  ///< the input sets, the output sets, then those that were named
  /// T: positions of a sequence. Tokens of one sequence are not independent, which statistics must know. 0: not known.
  std::int64_t row_length = 0;
  /// Where documents are given: the unit of independence of each position, in the place of its sequence. From 0 to
  /// below `unit_count`: of this micro-batch alone. Below 0: a document that others may go on with (unit_of_document).
  /// Empty: sequences are the units.
  std::vector<std::int64_t> units = {};
  std::int64_t unit_count = 0;  ///< units of this micro-batch alone, also of positions that are elsewhere
};

/// The unit of a document that is known by its number in all micro-batches and ranks: below 0, and another for another
/// number, but for two in 2^63.
std::int64_t unit_of_document(std::int64_t number) noexcept;

}  // namespace infoplane::labels
