#include "estimator/statistics/channel.hpp"

#include <array>
#include <tuple>

#include "estimator/statistics/entropy.hpp"
#include "estimator/statistics/label_statistics.hpp"

namespace infoplane::estimator {
namespace {

void add(double* into, double weight, const float* row, std::size_t count) noexcept {
  for (std::size_t b = 0; b < count; ++b) {
    into[b] += weight * static_cast<double>(row[b]);
  }
}

void put(std::vector<float>& rows, const std::vector<double>& sums, std::int64_t tokens) {
  for (const double sum : sums) {
    rows.push_back(static_cast<float>(sum / static_cast<double>(tokens)));
  }
}

}  // namespace

void JointCounts::sort() {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.y, a.replicate, a.x) < std::tie(b.y, b.replicate, b.x);
  });
}

double jensen_shannon(std::span<const double> a, std::span<const double> b, std::vector<double>& middle) {
  middle.resize(a.size());
  double of_a = 0, of_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    of_a += a[i];
    of_b += b[i];
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    middle[i] = a[i] / of_a + b[i] / of_b;
  }
  return entropy_of_sums(middle) - (entropy_of_sums(a) + entropy_of_sums(b)) / 2;
}

Channel::Channel(const LabelSet& inputs, const std::vector<bool>& wanted)
    : m_(static_cast<std::size_t>(inputs.anchors())), of_slot_(wanted.size()) {
  std::array<std::vector<double>, 2> halves;
  std::vector<double> all(m_), scratch;
  std::uint32_t next = 0;
  for (std::uint32_t slot = 0; slot < wanted.size(); ++slot) {
    if (!wanted[slot]) {
      continue;
    }
    const LabelCounts counts = counts_of(inputs, slot);
    std::array<std::int64_t, 2> tokens{};
    halves[0].assign(m_, 0.0);
    halves[1].assign(m_, 0.0);
    for (std::size_t replicate = 0; replicate < Replicates::kCount; ++replicate) {
      if (counts.replicates[replicate] > 0) {
        inputs.add_to(inputs.replicates().sums(slot)[replicate], halves[replicate % 2].data());
        tokens[replicate % 2] += counts.replicates[replicate];
      }
    }
    std::transform(halves[0].begin(), halves[0].end(), halves[1].begin(), all.begin(), std::plus<>());
    OfSlot& of = of_slot_[slot];
    of.entropy = entropy_of_sums(all);
    of.mean = next++;
    put(rows_, all, counts.tokens);
    if (tokens[0] > 0 && tokens[1] > 0) {
      of.divergence = jensen_shannon(halves[0], halves[1], scratch);
      of.halves = next;
      next += 2;
      put(rows_, halves[0], tokens[0]);
      put(rows_, halves[1], tokens[1]);
    }
  }
}

void mix(const JointCounts& joint, const Channel& channel, const std::function<bool(std::uint32_t y)>& wants_halves,
         const std::function<void(std::uint32_t y, const Mixture& mixture)>& use) {
  const std::size_t m = channel.anchors();
  std::array<std::vector<double>, Replicates::kCount> sums;
  sums.fill(std::vector<double>(m));
  std::array<std::vector<double>, 2> halves = {sums[0], sums[0]};
  const auto& entries = joint.entries;
  for (std::size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
    std::array<Mixture::Sum, Replicates::kCount> parts{};
    std::size_t count = 0;
    bool splits = false;
    for (; end < entries.size() && entries[end].y == entries[begin].y; ++end) {
      const JointCounts::Entry& entry = entries[end];
      if (count == 0 || parts[count - 1].replicate != entry.replicate) {
        std::fill(sums[count].begin(), sums[count].end(), 0.0);
        parts[count] = {entry.replicate, 0, 0, sums[count].data()};
        ++count;
      }
      parts[count - 1].tokens += entry.tokens;
      parts[count - 1].row_entropies += static_cast<double>(entry.tokens) * channel.entropy(entry.x);
      add(sums[count - 1].data(), static_cast<double>(entry.tokens), channel.mean(entry.x), m);
      splits = splits || channel.splits(entry.x);
    }
    Mixture mixture{{parts.data(), count}};
    splits = splits && wants_halves(entries[begin].y);
    for (std::size_t which = 0; splits && which < halves.size(); ++which) {
      std::fill(halves[which].begin(), halves[which].end(), 0.0);
      for (std::size_t i = begin; i < end; ++i) {
        add(halves[which].data(), static_cast<double>(entries[i].tokens), channel.half(entries[i].x, which), m);
      }
      mixture.halves[which] = halves[which].data();
    }
    use(entries[begin].y, mixture);
  }
}

}  // namespace infoplane::estimator
