#pragma once

#include <cstdint>
#include <infoplane/bound/joint.hpp>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace infoplane::bound {

namespace detail {

/// Counts of pairs of dense ids. Holds what is distinct, plus at most as much again.
class PairCounts {
 public:
  void add(std::uint32_t x, std::uint32_t y, double count);
  Joint joint();

 private:
  using Entry = std::pair<std::uint64_t, double>;
  void compact();

  std::vector<Entry> sorted_;   // by key, each key once
  std::vector<Entry> pending_;  // as they came
};

}  // namespace detail

/// Counts pairs of any integer ids.
class JointBuilder {
 public:
  /// Adds `count` to the pair. A negative x or y is "no label": the pair is passed over.
  /// @throws ArgumentError if the count is negative or not finite.
  void add(std::int64_t x, std::int64_t y, double count = 1);
  /// Adds the pairs (x[i], y[i]).
  /// @throws ArgumentError if the lengths differ.
  void add(std::span<const std::int64_t> x, std::span<const std::int64_t> y);

  /// The joint of the pairs so far; rows and columns in the order in which their ids first came.
  /// @throws StateError if there is none.
  Joint build();

 private:
  std::unordered_map<std::int64_t, std::uint32_t> rows_;
  std::unordered_map<std::int64_t, std::uint32_t> columns_;
  detail::PairCounts counts_;
};

/// Counts pairs of n-grams of a text: x = the `input_order` tokens that end at a position, y = the `output_order`
/// tokens behind it, as the label sets `input_…` and `output_…` do. Keys never collide: an n-gram's id is made from
/// that of its first n − 1 tokens and the last token.
class NgramJointBuilder {
 public:
  /// @throws ArgumentError if an order is not in 1 … 8.
  explicit NgramJointBuilder(std::int64_t input_order = 1, std::int64_t output_order = 1);

  /// Adds the pairs of one document or sequence. A negative token ends a sequence: no n-gram reaches across it.
  void add(std::span<const std::int64_t> tokens);
  /// The same for int32 tokens.
  void add(std::span<const std::int32_t> tokens);
  /// Bytes are tokens 0 … 255.
  void add(std::span<const unsigned char> bytes);

  /// @throws StateError if no pair was added.
  Joint build();

 private:
  template <typename Token>
  void add_tokens(std::span<const Token> tokens);
  /// Ids of the n-grams that end at the current position, for n = 1 … the longest that fits.
  void advance(std::uint64_t token);

  std::size_t input_order_;
  std::size_t output_order_;
  std::unordered_map<std::uint64_t, std::uint32_t> tokens_;
  std::vector<std::unordered_map<std::uint64_t, std::uint32_t>> longer_;  // [n − 2]: (id of n − 1 tokens, token) → id
  std::vector<std::uint32_t> current_;
  std::vector<std::uint32_t> previous_;
  detail::PairCounts counts_;
};

}  // namespace infoplane::bound
