#pragma once

#include <cstdint>
#include <string>

#include "core/differences.hpp"
#include "core/state.hpp"

namespace infoplane::estimator {

/// Of the layout of saved accumulators. From kVersionWithRowEntropies on it has Σ H(p) over all tokens, and from
/// kVersionWithEntropiesOfSums on that of each sum, which the version between had only where labels could be dropped or
/// did not weigh as their tokens. From kVersionWithDirections on it has the
/// sums of unit vectors, the centre, and documents.
inline constexpr std::uint32_t kStateVersion = 5;
inline constexpr std::uint32_t kVersionWithDirections = 5;
inline constexpr std::uint32_t kVersionWithRowEntropies = 3;
inline constexpr std::uint32_t kVersionWithEntropiesOfSums = 4;

/// What the values of an accumulator depend on beside its tokens: two that differ in it cannot be added.
struct Measure {
  std::int64_t m = 0;
  std::int64_t d = 0;
  double epsilon = 0;
  std::uint64_t seed = 0;
  std::string seed_rule;
  std::int64_t max_labels = 0;
  bool known_generator = true;

  void put(state::Writer& out) const {
    out.put(m);
    out.put(d);
    out.put(epsilon);
    out.put(seed);
    out.put_text(seed_rule);
    out.put(max_labels);
    out.put(static_cast<std::uint8_t>(known_generator ? 1 : 0));
  }
  /// @throws IoError if the content ends before.
  static Measure get(state::Reader& in) {
    Measure result;
    result.m = in.get<std::int64_t>();
    result.d = in.get<std::int64_t>();
    result.epsilon = in.get<double>();
    result.seed = in.get<std::uint64_t>();
    result.seed_rule = in.get_text();
    result.max_labels = in.get<std::int64_t>();
    result.known_generator = in.get_flag();
    return result;
  }
};

inline void compare(Differences& differences, const Measure& mine, const Measure& theirs) {
  differences.compare("m", mine.m, theirs.m);
  differences.compare("d", mine.d, theirs.d);
  differences.compare("epsilon", mine.epsilon, theirs.epsilon);
  differences.compare("seed", mine.seed, theirs.seed);
  differences.compare("seed rule", mine.seed_rule, theirs.seed_rule);
  differences.compare("max_labels", mine.max_labels, theirs.max_labels);
  differences.compare("known generator of LibTorch", mine.known_generator, theirs.known_generator);
}

}  // namespace infoplane::estimator
