#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace infoplane::estimator {

/// The m points W on the unit sphere of d dimensions that representations are softly assigned to.
///
/// `randn({m, d})` in float32 from a CPU generator of their own, rows normalised; LibTorch's default generator is never
/// drawn from. The draw is a function of (rule, seed, m, d) alone. Of the seed, LibTorch's generator uses the lower 32
/// bits; `kMixed` folds all 64 into them.
class Anchors {
 public:
  /// How the seed becomes that of the generator.
  enum class Rule : std::uint8_t {
    kMixed,  ///< the generator's seed is a fixed mix of the asked one, so no model shares the stream
    kRaw,    ///< the generator's seed is the asked one: the reference's anchors
  };

  /// @throws ArgumentError unless m ≥ 2 and d ≥ 2.
  Anchors(std::int64_t m, std::int64_t d, std::uint64_t seed = 0, Rule rule = Rule::kMixed);

  /// Number of anchors m.
  std::int64_t size() const noexcept { return size_; }
  /// Dimension d of the representations.
  std::int64_t dimension() const noexcept { return dimension_; }
  /// The seed that was asked for.
  std::uint64_t seed() const noexcept { return seed_; }
  /// How it became that of the generator.
  Rule rule() const noexcept { return rule_; }
  /// "mixed" or "raw".
  const char* rule_name() const noexcept { return rule_ == Rule::kMixed ? "mixed" : "raw"; }

  /// W, float32 [m, d], contiguous, CPU, rows of norm 1. Shared, not a copy: do not write to it.
  const at::Tensor& weight() const noexcept { return weight_; }

  /// 16 hexadecimal digits over what identifies the draw: rule, seed, m, d, and whether the generator is the known one.
  /// Equal across machines and LibTorch releases whose last bits differ.
  const std::string& identity() const noexcept { return identity_; }

  /// False where this LibTorch's generator gives other values than the releases that values were published with
  /// (compared loosely); the identity then differs too, so that comparisons with other runs are refused.
  bool known_generator() const noexcept { return known_generator_; }

  /// The draw before normalisation, float32 [m, d] on the CPU.
  at::Tensor raw() const;

 private:
  std::int64_t size_;
  std::int64_t dimension_;
  std::uint64_t seed_;
  Rule rule_;
  bool known_generator_;
  std::string identity_;
  at::Tensor weight_;
};

}  // namespace infoplane::estimator
