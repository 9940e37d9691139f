#include "estimator/label_sums/shared_replicates.hpp"

#include <algorithm>
#include <utility>

namespace infoplane::estimator {

std::shared_ptr<const DealtReplicates> SharedReplicates::find(const labels::LabelAssignment& labels,
                                                              const UsedTokens& batch, const History& before) {
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : last_[labels.name]) {
    if (entry.dealt && entry.before == before && entry.table == labels.table &&
        entry.sequences_before == batch.sequences_before && entry.length == batch.length && entry.ids == labels.rows &&
        std::equal(entry.units.begin(), entry.units.end(), batch.units.begin(), batch.units.end()) &&
        std::equal(entry.used.begin(), entry.used.end(), batch.used.begin(), batch.used.end())) {
      return entry.dealt;
    }
  }
  return nullptr;
}

void SharedReplicates::add(const labels::LabelAssignment& labels, const UsedTokens& batch, const History& before,
                           std::shared_ptr<const DealtReplicates> dealt) {
  Entry entry{before,
              labels.table,
              labels.rows,
              {batch.used.begin(), batch.used.end()},
              batch.sequences_before,
              batch.length,
              {batch.units.begin(), batch.units.end()},
              std::move(dealt)};
  const std::lock_guard lock(mutex_);
  auto& [last, second_last] = last_[labels.name];
  second_last = std::exchange(last, std::move(entry));
}

}  // namespace infoplane::estimator
