#pragma once

#include <infoplane/estimator/estimate.hpp>
#include <infoplane/plane/point.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane::plane {

/// The layer that means over blocks leave out.
inline constexpr std::string_view kEmbeddingLayer = "embedding";

/// Efficiencies up to this cannot be told from 0: the sums behind them carry float32 rounding of about 2e-7.
inline constexpr double kInformationResolution = 1e-6;

/// A ratio of corrected values is undefined unless its denominator is above so many of its own standard errors.
inline constexpr double kNoiseErrors = 2;

/// Places one layer on the information plane.
///
/// With all values divided by log m:
///   * `H(Z)`, over all rows that counted;
///   * `I(X;Z)/<set>` or `I(Y;Z)/<set>` for each label set (see information_key);
///   * `anchors_in_use` = e^H(Z), with H(Z) in nats, of m; and `mean_direction` = |Σ z_i / |z_i|| / N. Neither is
///     divided by log m, and both are there only where the estimate has a mean direction;
///   * `regularity/<set>` = I(X;Z) / H(Z), with H(Z) over the set's own positions, for each set that is not an output;
///   * `optimality/<order>` = I(Y;Z) / I(X;Z) and `distance/<order>` = 1 − optimality (the diagonal bound), for each
///     order with an input and an output set.
///   * `I(X;Z)/context` = H(Z) − mean H(p_i): each position is its own value of X. Bounds every other information;
///   * `share/<set>` = information / context over the positions of the set, in [0, 1]; and for a set that a trainer put
///     on the output side `distance/<name>` = 1 − share;
///   * `I(Y;Z)/through_<order>` = I(Y;B̄), `optimality_through/<order>` = I(Y;B̄) / I(X;B̄), in [0, 1], with
///     `I(X;Z)/paired_<order>` = I(X;B̄) (see estimator::ThroughEstimate), and `I(Y;Z)/from_context_<order>` = I(Y;Z) −
///     I(Y;B̄);
///   * `I(X;Z)/input_bigram|unigram` and so on, on both sides: what an order says beyond the one below; and
///     `I(X;Z)/context|<highest order>`: what the context says beyond that.
/// These are plug-in values. Beside each key K but H(Z) stand `K/null` (what labels without information would show),
/// `K/corrected` (without finite-sample bias) and `K/standard_error` (of the corrected value, between sequences; of
/// ratios by the delta method over paired tokens); beside H(Z) and the context the last two; beside
/// `I(X;Z)/paired_…` none. For each set `tokens/<set>`,
/// `labels/<set>`, and `share_1/<set>`, `share_4/<set>`, `share_32/<set>`: the share of the tokens whose label was seen
/// once, at least 4 and at least 32 times.
///
/// What compares two sets is over positions that have both, but for a tenth of them; beyond that it is NaN.
///
/// NaN over no tokens; a ratio is NaN unless its denominator is above kInformationResolution, and a ratio of corrected
/// values unless its denominator is also above kNoiseErrors standard errors. Nothing is clamped. `reasons` says of
/// these keys why they are NaN.
/// Source: Conklin et al., arXiv 2604.07569; keys as in the reference implementation `soft-entropy`.
/// @throws ArgumentError if the estimate has fewer than 2 anchors or names a label set twice.
LayerPoint layer_point(std::string name, const estimator::Estimate& estimate);

/// Arithmetic mean over all layers but kEmbeddingLayer of every key that one of them has, so ratios are means of
/// ratios; plus `optimality_of_means/<order>` = mean I(Y;Z) / mean I(X;Z) and `distance_of_means/<order>` = 1 − that,
/// each with `/null`, `/corrected` and `/standard_error` where the layers have them. Errors of layers are taken as
/// fully dependent, because they are measured on the same tokens: those of means are upper bounds.
///
/// A key that is NaN in one block, or missing there, is NaN in the mean: a mean over fewer blocks would jump when a
/// block drops out. Empty without a block.
Metrics mean_over_blocks(const std::vector<LayerPoint>& layers);

}  // namespace infoplane::plane
