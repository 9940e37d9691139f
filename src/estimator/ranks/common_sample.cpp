#include "estimator/ranks/common_sample.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace infoplane::estimator {
namespace {

std::size_t bytes_of(std::size_t sets) noexcept { return (sets + 7) / 8; }

/// Those with the lowest priorities, in order.
std::vector<Candidate> lowest(std::vector<Candidate> candidates) {
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.row.priority, a.source, a.number) < std::tie(b.row.priority, b.source, b.number);
  });
  candidates.resize(std::min<std::size_t>(candidates.size(), Reservoir::kCapacity));
  return candidates;
}

Reservoir sample_of(const std::vector<Candidate>& candidates, std::int64_t anchors, std::uint64_t stream,
                    const Reservoir::Drawn& drawn) {
  std::vector<Reservoir::Row> rows;
  for (const Candidate& candidate : candidates) {
    rows.push_back(candidate.row);
  }
  return Reservoir::of(anchors, stream, rows, drawn);
}

}  // namespace

std::vector<Candidate> candidates_of(const Reservoir& sample, std::uint64_t rows, std::span<const LabelSet* const> sets,
                                     std::size_t source) {
  std::vector<Candidate> result;
  for (const auto& [priority, index] : sample.candidates(rows)) {
    Candidate& candidate = result.emplace_back();
    candidate.row = {priority, sample.sequence(index), sample.row(index)};
    candidate.source = source;
    candidate.index = index;
    candidate.number = result.size() - 1;
    candidate.labelled.assign(bytes_of(sets.size()), 0);
    for (std::size_t s = 0; s < sets.size(); ++s) {
      if (sets[s] != nullptr && sets[s]->has_label(index)) {
        candidate.labelled[s / 8] = static_cast<std::uint8_t>(candidate.labelled[s / 8] | 1U << s % 8);
      }
    }
  }
  return result;
}

void put_candidates(const std::vector<Candidate>& candidates, std::int64_t anchors, state::Writer& out) {
  out.put(static_cast<std::uint32_t>(candidates.size()));
  for (const Candidate& candidate : candidates) {
    out.put(candidate.row.priority);
    out.put(candidate.row.sequence);
    out.put_values(candidate.labelled.data(), candidate.labelled.size());
    out.put_values(candidate.row.values, static_cast<std::size_t>(anchors));
  }
}

void take_candidates(std::vector<Candidate>& candidates, std::size_t source, std::int64_t first_sequence,
                     std::int64_t anchors, std::size_t sets, state::Reader& in) {
  const auto m = static_cast<std::size_t>(anchors);
  const auto count = in.get<std::uint32_t>();
  for (std::uint32_t number = 0; number < count; ++number) {
    Candidate& candidate = candidates.emplace_back();
    candidate.source = source;
    candidate.number = number;
    candidate.row.priority = in.get<std::uint64_t>();
    candidate.row.sequence = in.get<std::int64_t>();
    candidate.row.sequence += candidate.row.sequence < 0 ? 0 : first_sequence;
    candidate.labelled.resize(bytes_of(sets));
    in.get_values(candidate.labelled.data(), candidate.labelled.size());
    candidate.values = std::make_shared_for_overwrite<float[]>(m);
    in.get_values(candidate.values.get(), m);
    candidate.row.values = candidate.values.get();
  }
}

CommonSample::CommonSample(std::vector<Candidate> candidates, std::int64_t anchors, std::uint64_t stream,
                           const Reservoir::Drawn& drawn)
    : taken(lowest(std::move(candidates))), sample(sample_of(taken, anchors, stream, drawn)) {}

std::vector<bool> CommonSample::labelled(std::size_t set) const {
  std::vector<bool> result;
  for (const Candidate& candidate : taken) {
    result.push_back((candidate.labelled[set / 8] >> set % 8 & 1U) != 0);
  }
  return result;
}

std::vector<std::uint32_t> CommonSample::index_of(std::size_t source, std::size_t size) const {
  std::vector<std::uint32_t> result(size, Reservoir::kNone);
  for (std::uint32_t row = 0; row < taken.size(); ++row) {
    if (taken[row].source == source) {
      result[taken[row].index] = row;
    }
  }
  return result;
}

}  // namespace infoplane::estimator
