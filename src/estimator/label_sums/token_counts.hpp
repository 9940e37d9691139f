#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "estimator/label_sums/update_plan.hpp"

namespace infoplane::state {
class Reader;
class Writer;
}  // namespace infoplane::state

namespace infoplane::estimator {

class Replicates;

/// How many tokens each sum of a label set is over, and how sharp their assignments are, wherever the sums are.
///
/// A sum is float32 until 512 tokens were added to it, when it is emptied into a float64 one that it has from then on:
/// the error stays at 1e-6 however many tokens come. Such sums are called large.
class TokenCounts {
 public:
  static constexpr std::uint16_t kFloatTokens = 512;

  void clear() noexcept;
  /// Sums that there are, with those that are free.
  std::size_t size() const noexcept { return pending_.size(); }
  std::int64_t tokens(std::uint32_t sum) const noexcept;
  /// Those in the float32 sum.
  std::uint16_t recent_tokens(std::uint32_t sum) const noexcept { return recent_[sum]; }
  /// Σ over sequences of (its tokens of the sequence)².
  float squares(std::uint32_t sum) const noexcept { return squares_[sum]; }
  /// Σ H(p) over its tokens, in nats; NaN where a saved state of an older version did not say.
  double row_entropies(std::uint32_t sum) const noexcept { return row_entropies_[sum]; }
  /// The same over all tokens of sums of which it is not known; NaN where it is not known of these either.
  double all_row_entropies() const noexcept { return all_row_entropies_; }
  void add_row_entropies(double sum) noexcept { all_row_entropies_ += sum; }
  bool is_large(std::uint32_t sum) const noexcept { return (pending_[sum] & kLarge) != 0; }
  std::size_t large() const noexcept { return large_.size(); }
  bool is_free(std::uint32_t sum) const noexcept { return pending_[sum] == kFree; }
  std::int64_t all_tokens() const noexcept;

  /// The number of the next sum that is taken: a free one, or `size()`.
  std::uint32_t next() const noexcept { return free_.empty() ? static_cast<std::uint32_t>(size()) : free_.back(); }
  /// Takes `next()`; it has no token.
  void take();
  /// Whether so many tokens more fit into the float32 sum, with those that are planned.
  bool fits(std::uint32_t sum, std::int64_t tokens) const noexcept {
    return (pending_[sum] & ~kLarge) + tokens < kFloatTokens;
  }
  /// A plan adds a token that fits.
  void plan_token(std::uint32_t sum) noexcept { ++pending_[sum]; }
  /// A plan adds a token that does not fit, and empties the float32 sum of a large sum.
  void plan_flush(std::uint32_t sum) noexcept { pending_[sum] = kLarge; }
  void make_large(std::uint32_t sum);
  /// Counts the tokens of a plan, whose assignments have these entropies.
  void commit(const UpdatePlan& plan, std::span<const float> row_entropies) noexcept;
  /// It has no tokens any more, and is free.
  void release(std::uint32_t sum) noexcept;
  void reserve_for_dropping() { free_.reserve(size()); }

  /// Adds tokens to the float64 sum of a large sum, or to the float32 one, where they fit.
  void add(std::uint32_t sum, std::int64_t tokens, float squares, double row_entropies) noexcept;

  std::int64_t memory_bytes() const noexcept;
  /// All but the tokens of large sums.
  void save(state::Writer& out) const;
  /// What a saved state says of row entropies: version 2 nothing, version 3 mostly only what they are together.
  enum class SavedEntropies { kNone, kTogether, kOfSums };
  /// Each sum is that of one label of `replicates`, or free. @throws IoError
  void load(state::Reader& in, const Replicates& replicates, SavedEntropies saved);
  void save_large(std::uint32_t sum, state::Writer& out) const;
  void load_large(std::uint32_t sum, state::Reader& in);

 private:
  static constexpr std::uint16_t kLarge = 0x8000U;
  static constexpr std::uint16_t kFree = 0x7fffU;

  /// @throws IoError
  void require_each_used_or_free(std::vector<bool> used) const;

  std::vector<std::uint16_t> pending_;  // tokens in the float32 sum when the plans made so far are done, and kLarge
  std::vector<std::uint16_t> recent_;   // tokens in the float32 sum
  std::vector<std::uint16_t> visit_;    // tokens of the sequence that came last
  std::vector<float> squares_;
  std::vector<double> row_entropies_;
  double all_row_entropies_ = 0;
  std::unordered_map<std::uint32_t, std::int64_t> large_;  // tokens in the float64 sum
  std::vector<std::uint32_t> free_;

  void add_row_entropies(std::uint32_t sum, double entropies) noexcept;
};

}  // namespace infoplane::estimator
