#pragma once

#include <cstdint>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/plane/point.hpp>
#include <string_view>

namespace infoplane::plane {

/// Adds to a layer how far it is from the Information Bottleneck curve of its data, as efficiencies. The paper's way:
///   * `curve_gap/<order>` = I_IB(complexity) − expressivity, of the plug-in values;
///   * `curve_gap/<order>/null`, of the nulls, where the layer has them: what labels without information would show;
///   * `curve_gap/<order>/corrected`, of the corrected values, where the layer has them; NaN where they are, and where
///     `distance/<order>/corrected` is, with the same reason: complexity cannot be told from its null;
///   * `curve_gap/<order>/standard_error` = √(s_y² − 2 r c + r² s_x²) of the corrected one, with r = dI_IB/dR there and
///     the covariance c that the errors of complexity, expressivity and optimality give; s_y + r s_x without the last.
/// and, of what goes through X, two that keep to the bound:
///   * `bound_gap/<order>` = I_IB(I(X;B̄)) − I(Y;B̄), over the positions that have both labels. Where the curve is that
///     of the measured tokens, the plug-in is never below −`curve.tolerance()`,
///     in any sample;
///   * `efficiency/<order>` = I(Y;B̄) / I_IB(I(X;B̄)), then in [0, 1] but for that tolerance; NaN where the bound is 0;
/// each with `/null`, `/corrected` and `/standard_error`. A curve of another text bounds them only as far as the texts
/// are alike.
///
/// `curve_gap` is negative where Z has seen more context than X: reported as it is. Does nothing where the layer lacks
/// a coordinate. `curve` is solved on the joint of the same label sets, `anchors` is m.
/// @throws ArgumentError if anchors is below 2.
void add_curve_gap(LayerPoint& layer, std::string_view order, const bound::IbCurve& curve, std::int64_t anchors);

/// The same for every layer of a point, and the means over its blocks, as mean_over_blocks takes them: means of the
/// gaps, where the error, being of the same tokens, is the mean of the errors.
void add_curve_gap(Point& point, std::string_view order, const bound::IbCurve& curve, std::int64_t anchors);

}  // namespace infoplane::plane
