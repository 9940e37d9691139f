#pragma once

#include <cstdint>
#include <infoplane/labels/grouping.hpp>
#include <memory>
#include <span>

namespace infoplane::labels {

/// Stands for no position, but one that belongs to the unit of that place.
constexpr std::int64_t beside(std::int64_t place) noexcept { return -1 - place; }

/// The labels, flags and units of these places of a grouping, in rows of `row_length`. `beside` a place nothing counts,
/// and there is no label.
std::shared_ptr<Grouping> picked(const Grouping& grouping, std::int64_t row_length,
                                 std::span<const std::int64_t> places);

}  // namespace infoplane::labels
