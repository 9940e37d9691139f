#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/labels/grouping.hpp>
#include <infoplane/labels/key_table.hpp>
#include <infoplane/labels/token_batch.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane::labels {

/// Which n-gram label sets are made of the tokens.
struct LabelOptions {
  /// Orders n (1 to 4) of the input labels: the n tokens that end at the position.
  INFOPLANE_ARG(std::vector<int>, input_orders) = {1, 2};
  /// Orders n (1 to 4) of the output labels: the n tokens that start behind the position.
  INFOPLANE_ARG(std::vector<int>, output_orders) = {1, 2};
  /// The reference's rule: only the positions n_max−1 … L−n_max−1 of a document of L positions count, for every set,
  /// whatever its order, and for H(Z). n_max is the largest order of both lists; targets add no position.
  INFOPLANE_ARG(bool, common_positions) = false;
  /// The input and the output set of an order have labels only where both have one, so that their ratio compares the
  /// same positions: for masked language models, whose targets are few. Sets of an order that one side alone has are
  /// left as they are.
  INFOPLANE_ARG(bool, same_positions) = false;
  /// A document number means one document wherever it comes: in other rows, micro-batches and ranks of a window. Then a
  /// text that is spread over rows is one unit of independence. False: numbers may start anew in each row, as 0, 1, 2 …
  /// of packed sequences do, and a document is the positions of one row with one number. Needs documents with every
  /// micro-batch.
  INFOPLANE_ARG(bool, documents_span_rows) = false;
};

/// Name of an n-gram label set: "input_unigram", "output_quadgram", …
/// @throws ArgumentError unless 1 ≤ order ≤ 4.
std::string input_label_name(int order);
std::string output_label_name(int order);

/// Integer labels other than n-grams, one for each position (rows × columns like the tokens); −1 and −100: no label. A
/// label of a whole sequence, such as rejected 0 / preferred 1, is a view with a column stride of 0.
struct NamedLabels {
  std::string name;    ///< of the label set
  IntegerView values;  ///< a label for each position
};

/// Turns micro-batches into groupings and remembers which label has which row.
///
/// Let a segment be a maximal run of unmasked positions of one document in a row, and y_i the token that follows
/// position i. The input label of order n at i is (t_{i−n+1} … t_i), the output label (y_i … y_{i+n−1}); both exist
/// only where all of i−n+1 … i, or all of i … i+n that lie in the row, belong to the segment of i, and no y is missing.
///
/// Rows are numbered in order of first appearance (row-major over the positions), so equal streams give equal rows. Not
/// synchronised; it can be moved but not copied, because the groupings it made share its tables.
class LabelIndex {
 public:
  /// @throws ArgumentError unless every order is 1 to 4 and stands once in its list.
  explicit LabelIndex(LabelOptions options = {});
  LabelIndex(LabelIndex&&) noexcept = default;
  LabelIndex& operator=(LabelIndex&&) noexcept = default;
  LabelIndex(const LabelIndex&) = delete;
  LabelIndex& operator=(const LabelIndex&) = delete;
  ~LabelIndex() = default;

  /// Labels of one micro-batch: the input sets in the order of the options, the output sets, then `others` as given.
  /// Named sets may come and go between batches and keep their rows. Runs on the host, O(positions · sets); either
  /// happens whole or, when it throws, leaves the index as it was.
  /// @throws ShapeError if a view is not rows × columns of the tokens.
  /// @throws ArgumentError if documents span rows and there are none; if a name is empty, given twice, or that of an
  /// n-gram set, whether watched or not; if an unmasked position has a negative token, or a negative target other than
  /// −1 and −100.
  /// @throws StateError if a set would have more than 2^31 − 1 labels.
  std::shared_ptr<const Grouping> group(const TokenBatch& batch, const std::vector<NamedLabels>& others = {});

  /// Table of a label set; null for a name that never came.
  std::shared_ptr<const KeyTable> table(std::string_view name) const noexcept;

  /// What it was made with.
  const LabelOptions& options() const noexcept { return options_; }

  /// Bytes held by all tables.
  std::int64_t memory_bytes() const noexcept;

 private:
  struct Set {
    std::string name;
    std::shared_ptr<KeyTable> table;
  };

  const Set* find(std::string_view name) const noexcept;

  LabelOptions options_;
  std::vector<Set> sets_;  // input sets, output sets, named sets in order of first appearance
};

}  // namespace infoplane::labels
