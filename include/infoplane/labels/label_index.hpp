#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/labels/grouping.hpp>
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
  /// The reference's rule: every set counts only the positions n_max−1 … L−n_max−1 of a document, whatever its order.
  INFOPLANE_ARG(bool, common_positions) = false;
};

/// Name of an n-gram label set: "input_unigram", "output_quadgram", …
/// @throws ArgumentError unless 1 ≤ order ≤ 4.
std::string input_label_name(int order);
std::string output_label_name(int order);

/// Integer labels other than n-grams, one for each position (rows × columns like the tokens); −1 and −100: no label.
struct NamedLabels {
  std::string name;
  IntegerView values;
};

/// Turns micro-batches into groupings and remembers which label has which row.
class LabelIndex {
 public:
  explicit LabelIndex(LabelOptions options = {});

  /// Labels of one micro-batch. Runs on the host, O(positions · sets); either happens whole or, when it throws, leaves
  /// the index as it was.
  /// @throws ShapeError if a view is not rows × columns of the tokens.
  /// @throws ArgumentError if a name is empty, given twice, or that of an n-gram set.
  std::shared_ptr<const Grouping> group(const TokenBatch& batch, const std::vector<NamedLabels>& others = {});

  const LabelOptions& options() const noexcept { return options_; }

 private:
  struct Set;
  LabelOptions options_;
  std::vector<Set> sets_;
};

}  // namespace infoplane::labels
