#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/state.hpp"
#include "estimator/label_sums/label_set.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// A row that can be in the common sample of several accumulators.
struct Candidate {
  Reservoir::Row row;
  std::size_t source = 0;              ///< whose it is
  std::uint32_t index = 0;             ///< in the sample of its source, where that is here
  std::size_t number = 0;              ///< among those of its source
  std::vector<std::uint8_t> labelled;  ///< a bit for each label set: whether it has a label of the set
  std::shared_ptr<float[]> values;     ///< of `row`, where nobody else holds them
};

/// The rows of a sample that can be in one of `rows` rows in all, by priority. `sets`: null where there is none.
std::vector<Candidate> candidates_of(const Reservoir& sample, std::uint64_t rows, std::span<const LabelSet* const> sets,
                                     std::size_t source);
void put_candidates(const std::vector<Candidate>& candidates, std::int64_t anchors, state::Writer& out);
/// Appends what `put_candidates` wrote, with sequences that begin at `first_sequence`.
void take_candidates(std::vector<Candidate>& candidates, std::size_t source, std::int64_t first_sequence,
                     std::int64_t anchors, std::size_t sets, state::Reader& in);

/// The sample of all rows, as a sample of each source's.
struct CommonSample {
  /// `candidates`: of all sources.
  CommonSample(std::vector<Candidate> candidates, std::int64_t anchors, std::uint64_t stream,
               const Reservoir::Drawn& drawn);

  /// Of each row of the sample, whether it has a label of set number `set`.
  std::vector<bool> labelled(std::size_t set) const;
  /// Where the `size` rows of the sample of `source` are in this one, or Reservoir::kNone.
  std::vector<std::uint32_t> index_of(std::size_t source, std::size_t size) const;

  std::vector<Candidate> taken;
  Reservoir sample;
};

}  // namespace infoplane::estimator
