#pragma once

#include <cstdint>
#include <infoplane/plane/point.hpp>
#include <infoplane/plane/ranking.hpp>
#include <string_view>
#include <vector>

namespace infoplane::plane {

/// One layer, measured on the same tokens with several draws of the anchors. Each metric is its mean over the draws;
/// with k draws, v the variance of `K/corrected` between them and s the errors of each,
///
///     K/draw_error = √(v / k)        K/standard_error = √(mean s² + v / k)
///
/// A metric that is not defined in one draw is not defined, for the reason that it has there. Of one draw the layer as
/// it is, without draw errors.
/// @throws ArgumentError if there is none, or the layers do not have the same name.
LayerPoint mean_over_draws(const std::vector<LayerPoint>& draws);

/// Standard error of K, or of K/corrected, between points of one run: √(standard_error² − draw_error²). Those are
/// measured with the same anchors, on a model that turns slowly if at all. NaN where the error is not known.
double error_within_run(const Metrics& metrics, std::string_view key);

/// K, or K/corrected, for a comparison with another model: with the whole error, and the degrees of freedom of its two
/// parts (Welch and Satterthwaite): `degrees` of the tokens', NaN for many, and draws − 1 of the draws'.
Measured measured_across_models(const Metrics& metrics, std::string_view key, double degrees, std::int64_t draws);

}  // namespace infoplane::plane
