#pragma once

#include <array>
#include <cstdint>
#include <infoplane/labels/grouping.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "estimator/label_sums/update_plan.hpp"

namespace infoplane::estimator {

/// What a label set was dealt so far. Two that point to the same have seen the same tokens; null: none.
using History = std::shared_ptr<const char>;

/// The replicates of the tokens of a micro-batch, and what the history is with them.
struct DealtReplicates {
  static constexpr std::uint8_t kReplicate = 3;    ///< bits of the replicate, 0 … 3
  static constexpr std::uint8_t kNewSequence = 4;  ///< the label was last seen in another sequence
  std::vector<std::uint8_t> of_token;              ///< anything where the token has no label that is kept
  History history;
};

/// What the first layer dealt of a micro-batch, for the other layers that see it: accumulators that are copies of one
/// another. A layer that rejected a token, now or before, finds nothing here and deals its own. Thread-safe.
class SharedReplicates {
 public:
  /// What was dealt after this history to the same tokens; null: nothing.
  std::shared_ptr<const DealtReplicates> find(const labels::LabelAssignment& labels, const UsedTokens& batch,
                                              const History& before);
  void add(const labels::LabelAssignment& labels, const UsedTokens& batch, const History& before,
           std::shared_ptr<const DealtReplicates> dealt);

 private:
  struct Entry {
    History before;
    std::shared_ptr<const labels::KeyTable> table;
    std::vector<std::int32_t> ids;
    std::vector<std::uint8_t> used;
    std::int64_t sequences_before = 0;
    std::int64_t length = 0;
    std::vector<std::int64_t> units;
    std::shared_ptr<const DealtReplicates> dealt;
  };

  std::mutex mutex_;
  std::map<std::string, std::array<Entry, 2>> last_;  // a layer's own does not push out that of all others
};

}  // namespace infoplane::estimator
