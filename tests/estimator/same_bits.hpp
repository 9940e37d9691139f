#pragma once

#include <cstring>
#include <infoplane/estimator/accumulator.hpp>

namespace infoplane::estimator {

inline bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

/// Every value of two estimates, to the last bit.
inline bool same_bits(const Estimate& a, const Estimate& b) {
  bool same =
      a.tokens == b.tokens && a.rejected == b.rejected && a.sequences == b.sequences &&
      same_bits(a.entropy_nats, b.entropy_nats) && same_bits(a.corrected_entropy_nats, b.corrected_entropy_nats) &&
      same_bits(a.entropy_standard_error_nats, b.entropy_standard_error_nats) && a.anchors == b.anchors &&
      same_bits(a.context_nats, b.context_nats) && same_bits(a.corrected_context_nats, b.corrected_context_nats) &&
      same_bits(a.context_standard_error_nats, b.context_standard_error_nats) &&
      same_bits(a.mean_direction, b.mean_direction) && a.centred == b.centred && a.sets.size() == b.sets.size() &&
      a.through.size() == b.through.size();
  for (std::size_t i = 0; same && i < a.sets.size(); ++i) {
    const InformationEstimate& p = a.sets[i];
    const InformationEstimate& q = b.sets[i];
    same = p.name == q.name && p.tokens == q.tokens && p.labels == q.labels && p.labels_kept == q.labels_kept &&
           p.reason == q.reason && p.error_reason == q.error_reason;
    for (const auto field :
         {&InformationEstimate::entropy_nats, &InformationEstimate::conditional_entropy_nats,
          &InformationEstimate::information_nats, &InformationEstimate::corrected_entropy_nats,
          &InformationEstimate::chance_nats, &InformationEstimate::corrected_nats,
          &InformationEstimate::standard_error_nats, &InformationEstimate::context_nats,
          &InformationEstimate::corrected_context_nats, &InformationEstimate::context_standard_error_nats,
          &InformationEstimate::share_1, &InformationEstimate::share_4, &InformationEstimate::share_32}) {
      same = same && same_bits(p.*field, q.*field);
    }
  }
  for (std::size_t i = 0; same && i < a.through.size(); ++i) {
    const ThroughEstimate& p = a.through[i];
    const ThroughEstimate& q = b.through[i];
    same = p.input == q.input && p.output == q.output && p.positions == q.positions && p.reason == q.reason &&
           p.error_reason == q.error_reason;
    for (const auto field :
         {&ThroughEstimate::complexity_nats, &ThroughEstimate::information_nats, &ThroughEstimate::chance_nats,
          &ThroughEstimate::corrected_nats, &ThroughEstimate::standard_error_nats}) {
      same = same && same_bits(p.*field, q.*field);
    }
  }
  return same;
}

}  // namespace infoplane::estimator
