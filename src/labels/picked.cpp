#include "labels/picked.hpp"

#include <algorithm>

namespace infoplane::labels {

std::shared_ptr<Grouping> picked(const Grouping& grouping, std::int64_t row_length,
                                 std::span<const std::int64_t> places) {
  const auto at = [](const auto& values, std::int64_t place) { return values[static_cast<std::size_t>(place)]; };
  auto result = std::make_shared<Grouping>();
  result->row_length = row_length;
  result->positions = static_cast<std::int64_t>(places.size());
  result->unit_count = grouping.unit_count;
  const bool all_are_there = std::none_of(places.begin(), places.end(), [](std::int64_t place) { return place < 0; });
  if (!grouping.counted.empty() || !all_are_there) {
    for (const auto place : places) {
      const bool counts = place >= 0 && (grouping.counted.empty() || at(grouping.counted, place) != 0);
      result->counted.push_back(counts ? 1 : 0);
    }
  }
  if (!grouping.units.empty()) {
    for (const auto place : places) {
      result->units.push_back(at(grouping.units, place < 0 ? beside(place) : place));
    }
  }
  for (const auto& set : grouping.sets) {
    auto& labels = result->sets.emplace_back(LabelAssignment{set.name, set.table, {}, set.row_count, 0});
    labels.rows.reserve(places.size());
    for (const auto place : places) {
      labels.rows.push_back(place < 0 ? kNoRow : at(set.rows, place));
      labels.labelled += labels.rows.back() != kNoRow ? 1 : 0;
    }
  }
  return result;
}

}  // namespace infoplane::labels
