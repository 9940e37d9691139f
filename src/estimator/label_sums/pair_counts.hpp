#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "estimator/label_sums/label_set.hpp"
#include "estimator/label_sums/update_plan.hpp"

namespace infoplane::estimator {

/// How often a label of an input set and one of an output set are at the same position, by the numbers of their sums:
/// the joint p(x, y) of the tokens. 12 bytes a pair that differs, and 8 a token since pairs were last put together.
///
/// Planned and committed like an update. Where a label of either set was dropped the joint is not known any more, and
/// only the number of positions goes on.
class PairCounts {
 public:
  PairCounts(std::string input, std::string output) : input_(std::move(input)), output_(std::move(output)) {}

  const std::string& input() const noexcept { return input_; }
  const std::string& output() const noexcept { return output_; }

  /// Positions with a label of both sets, whether the labels are kept or not; −1: not known.
  std::int64_t positions() const noexcept { return positions_; }
  /// Whether all of them are in the pairs.
  bool complete() const noexcept { return complete_; }

  /// Makes room for a batch of so many tokens.
  void reserve(std::size_t tokens);
  /// Counts the pairs of a batch, for which there is room.
  void commit(const UpdatePlan& input, const UpdatePlan& output) noexcept;
  /// Labels of a set are not kept any more.
  void lose() noexcept;
  /// Not even the number of positions is known.
  void know_nothing() noexcept {
    lose();
    positions_ = -1;
  }

  /// Adds the pairs of another, whose sums have these numbers here: kDropped where the label is not kept.
  void add(const PairCounts& other, std::span<const std::uint32_t> inputs, std::span<const std::uint32_t> outputs);

  struct Pair {
    std::uint32_t input, output;  ///< numbers of their sums
    std::int64_t tokens;
  };
  /// All pairs, in order of their numbers.
  std::vector<Pair> pairs() const;

  std::int64_t memory_bytes() const noexcept;
  void save(state::Writer& out) const;
  /// Of `sets`. @throws IoError if it cannot be.
  static PairCounts load(state::Reader& in, std::span<const std::unique_ptr<LabelSet>> sets);

 private:
  /// `all`: in order.
  void keep(std::span<const Pair> all);

  std::string input_, output_;
  std::int64_t positions_ = 0;
  bool complete_ = true;
  std::vector<std::uint64_t> keys_;    // distinct, in order: number of the input's sum, then that of the output's
  std::vector<std::uint32_t> counts_;  // of the keys
  std::vector<std::uint64_t> recent_;  // in the order of the tokens
};

/// The pairs of sets with n-grams of one order on both sides, among sets of these names: input, output.
std::vector<std::pair<std::size_t, std::size_t>> paired_sets(std::span<const std::string> names);

}  // namespace infoplane::estimator
