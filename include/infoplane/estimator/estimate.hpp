#pragma once

#include <cstdint>
#include <infoplane/estimator/statistics/covariance.hpp>
#include <limits>
#include <string>
#include <vector>

namespace infoplane::estimator {

inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// Information between one label set and the representation, over the positions that carry a label of the set.
/// Values in nats; divided by log m they are efficiencies in [0, 1].
///
/// From n tokens of a label H(Z|x) comes out too low, so the plug-in information is too high; `corrected` is what it
/// would be from infinitely many tokens, `chance_nats` what it would be if the labels said nothing. See
/// docs/estimator.md.
struct InformationEstimate {
  std::string name;                     ///< label set, such as "input_unigram"
  std::int64_t tokens = 0;              ///< N: positions with a label of this set
  std::int64_t labels = 0;              ///< distinct labels among them; a multiple of `labels_kept` beyond max_labels
  double entropy_nats = 0;              ///< H(Z) over these positions
  double conditional_entropy_nats = 0;  ///< Σ_x w_x H(Z|x)
  double information_nats = 0;          ///< the plug-in H(Z) − Σ_x w_x H(Z|x); NaN over no tokens
  double corrected_entropy_nats = kUndefined;  ///< H(Z) without its own finite-sample bias
  double chance_nats = kUndefined;             ///< plug-in information that shuffled labels would show
  double corrected_nats = kUndefined;          ///< information without finite-sample bias
  double standard_error_nats = kUndefined;     ///< of `corrected_nats`, between sequences
  /// I(context;Z) = H(Z) − Σ_x w_x mean H(p_i) over these positions: what the whole context says, and so the most that
  /// any label of the position can. The plug-in is never below `information_nats`; NaN where a saved state did not say.
  double context_nats = kUndefined;
  double corrected_context_nats = kUndefined;       ///< without finite-sample bias, which is that of H(Z) alone
  double context_standard_error_nats = kUndefined;  ///< of that, between sequences
  double share_1 = kUndefined;                      ///< share of the tokens whose label was seen once
  double share_4 = kUndefined;                      ///< at least 4 times
  double share_32 = kUndefined;                     ///< at least 32 times
  /// H of the labels themselves, plug-in and with the correction of Miller and Madow, (labels − 1) / (2 tokens); NaN
  /// where labels were dropped.
  double label_entropy_nats = kUndefined;
  double corrected_label_entropy_nats = kUndefined;  ///< see above
  std::int64_t labels_kept = 0;                      ///< labels that H(Z|x) and shares are of: all, or a sample of them
  std::string reason = {};                           ///< why `corrected_nats` is NaN; empty where it is not
  std::string error_reason = {};                     ///< why `standard_error_nats` is NaN; empty where it is not
};

/// What a layer says about an output label through the input label alone, over the positions with a label of both.
/// Values in nats.
///
/// With the soft assignments averaged over the contexts of each label x, p(b|x) = P_x, the labels and B̄ are a Markov
/// chain Y – X – B̄, so
///
///     I(Y;B̄) = H(Z) − Σ_y w_y H(Σ_x p(x|y) P_x) ≤ I_IB(I(X;B̄)) ≤ I(X;B̄)
///
/// holds in every sample for the plug-in values, where I_IB is the Information Bottleneck curve of the joint p(x, y) of
/// these positions. See docs/bound.md. Source of the inequality: Tishby, Pereira and Bialek (physics/0004057).
struct ThroughEstimate {
  std::string input;                                       ///< label set of x
  std::string output;                                      ///< label set of y
  std::int64_t positions = 0;                              ///< with a label of both; −1: not known
  double conditional_entropy_of_inputs_nats = kUndefined;  ///< Σ_x p(x) H(P_x)
  double complexity_nats = kUndefined;   ///< I(X;B̄), plug-in: that of the input set where all its positions are these
  double information_nats = kUndefined;  ///< I(Y;B̄), plug-in
  double chance_nats = kUndefined;       ///< what shuffled output labels would show
  double corrected_nats = kUndefined;    ///< without finite-sample bias
  double standard_error_nats = kUndefined;  ///< of that, between sequences
  std::string reason = {};                  ///< why `corrected_nats` is NaN; empty where it is not
  std::string error_reason = {};            ///< why `standard_error_nats` is NaN; empty where it is not
};

/// What an accumulator says about one layer.
struct Estimate {
  std::int64_t tokens = 0;                          ///< rows that counted
  std::int64_t rejected = 0;                        ///< rows with a NaN, an Inf or norm 0: in no sum
  std::int64_t anchors = 0;                         ///< m
  double entropy_nats = 0;                          ///< H(Z) over all rows that counted; NaN over no tokens
  std::vector<InformationEstimate> sets = {};       ///< one for each label set, in order of first appearance
  std::vector<ThroughEstimate> through = {};        ///< one for each order with n-grams on both sides
  std::int64_t sequences = 0;                       ///< that the rows came from
  double corrected_entropy_nats = kUndefined;       ///< H(Z) without its own finite-sample bias
  double entropy_standard_error_nats = kUndefined;  ///< of `corrected_entropy_nats`, between sequences
  /// I(context;Z) = H(Z) − mean H(p_i), where each position is its own value of X; NaN where a saved state did not say.
  double context_nats = kUndefined;
  double corrected_context_nats = kUndefined;       ///< without finite-sample bias, which is that of H(Z) alone
  double context_standard_error_nats = kUndefined;  ///< of that, between sequences
  Covariance covariance = {};                       ///< empty below 2 sequences
  /// |Σ z_i / |z_i|| / N over the rows that counted, less their centre where there is one: 1 where all point one way,
  /// about 1 / √N where they point nowhere together. NaN over no tokens, or where a saved state did not say.
  double mean_direction = kUndefined;
  bool centred = false;  ///< whether a centre was taken from the rows
  /// [d] c + Σ u_i / Σ 1 / |z_i − c| with the unit vectors u_i of z_i − c: a step of Weiszfeld's from the centre c, at
  /// first 0, towards the geometric median of the rows, which is where the mean direction is 0. For
  /// SoftEntropyAccumulator::set_centre; empty without SoftEntropyOptions::centre, or over no tokens.
  std::vector<double> centre = {};
};

}  // namespace infoplane::estimator
