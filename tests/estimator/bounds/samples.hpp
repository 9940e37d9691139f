#pragma once

#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/labels/label_index.hpp>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {

/// A grouping of tokens [sequences, length].
inline std::shared_ptr<const labels::Grouping> grouped(labels::LabelIndex& index,
                                                       const std::vector<std::int64_t>& tokens,
                                                       std::int64_t sequences) {
  const auto length = static_cast<std::int64_t>(tokens.size()) / sequences;
  return index.group({labels::IntegerView(tokens.data(), sequences, length)});
}

/// Nothing says more than the whole context, in this very sample: to the last bit, over the positions of each set, and
/// to rounding over all.
inline void check_bounded_by_context(const Estimate& estimate) {
  for (const InformationEstimate& set : estimate.sets) {
    CAPTURE(set.name, set.information_nats, set.context_nats);
    CHECK(set.information_nats <= set.context_nats);
    CHECK(set.context_nats <= set.entropy_nats + 1e-6);
    if (set.tokens == estimate.tokens && set.labels == set.labels_kept) {
      CHECK(std::abs(set.context_nats - estimate.context_nats) < 2e-6);
    }
  }
  for (const ThroughEstimate& through : estimate.through) {
    CAPTURE(through.output, through.information_nats, through.complexity_nats);
    if (!std::isnan(through.information_nats)) {
      CHECK(through.information_nats <= through.complexity_nats + 1e-6);
      CHECK(through.information_nats >= -1e-6);
    }
  }
}

}  // namespace infoplane::estimator
