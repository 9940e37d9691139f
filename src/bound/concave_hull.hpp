#pragma once

#include <infoplane/bound/ib_curve.hpp>
#include <vector>

namespace infoplane::bound {

/// Corners of the upper concave hull of the points and (0, 0), in rising complexity; never falling: the last is the
/// point of the highest expressivity.
std::vector<IbPoint> concave_hull(std::vector<IbPoint> points);

/// How far, at most, the tangents of two neighbours (slopes 1/β) lie above the chord between them.
double tangent_gap(const IbPoint& left, const IbPoint& right);

}  // namespace infoplane::bound
