#pragma once

#include <infoplane/estimator/estimate.hpp>
#include <infoplane/plane/point.hpp>
#include <string>
#include <string_view>

#include "plane/layer_writer.hpp"

namespace infoplane::plane {

/// Adds what a layer says of the whole context, what of that each label set is, what goes through X, and where
/// complexity lies; see layer_point.
void add_bounds(LayerPoint& point, LayerWriter& out);

/// Why two sets of an estimate are not over the same positions: more than a tenth of the larger one's has no label of
/// the other, and it is not the ends of sequences that take them. Empty where they are.
std::string other_positions(const estimator::Estimate& estimate, std::size_t input, std::size_t output);

/// Whether a layer's ratios of an order were left out for such a reason.
bool are_of_other_positions(const LayerPoint& layer, std::string_view order);

/// The plug-in ratios of an order are of no use where there is such a reason.
void forget_ratios_of_other_positions(LayerPoint& point, std::string_view order, const std::string& reason);

}  // namespace infoplane::plane
