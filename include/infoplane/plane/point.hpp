#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane::plane {

/// Metrics by their key: `H(Z)`, `I(X;Z)/input_unigram`, `I(Y;Z)/output_unigram`, `regularity/input_unigram`,
/// `optimality/unigram`, `distance/unigram` and what belongs to them (see layer_point). Information values are
/// efficiencies (nats / log m); NaN where undefined.
using Metrics = std::map<std::string, double, std::less<>>;

/// The metric; NaN where there is none.
double value_at(const Metrics& metrics, std::string_view key) noexcept;

/// Orders of which the metrics have both coordinates, by name.
std::vector<std::string> orders_of(const Metrics& metrics);

/// Names of the sets that a trainer put on the output side: they have `I(Y;Z)/<name>` and `distance/<name>`.
std::vector<std::string> named_outputs_of(const Metrics& metrics);

/// One layer on the information plane.
struct LayerPoint {
  std::string name;           ///< site: "embedding", "blocks.0", …
  std::int64_t tokens = 0;    ///< rows that counted
  std::int64_t rejected = 0;  ///< rows with a NaN, an Inf or norm 0
  Metrics metrics = {};       ///< all that was measured of it
  /// Key → why it is NaN; not every NaN has one. "tokens": what was observed and is not in `tokens`, and why.
  std::map<std::string, std::string, std::less<>> reasons = {};
  std::int64_t sequences = 0;  ///< that the rows came from, which standard errors rest on; 0: unknown
};

/// Everything measured at one logged step on one split.
struct Point {
  std::int64_t step = 0;        ///< the trainer's step
  std::int64_t tokens = 0;      ///< of the layer that saw the most, whether their rows counted or not
  double time = 0;              ///< seconds since the monitor was made
  double loss = 0;              ///< the trainer's loss at the step; NaN where none was given
  std::string split = "train";  ///< "train" or "heldout"
  /// Sent by all ranks together to measure this point, but for handing it round; 0 where there is one rank.
  std::int64_t bytes_sent = 0;
  std::vector<LayerPoint> layers;  ///< the embedding, then the output of each block, then other sites
  /// Means over the block outputs (the embedding excluded): every key of the layers, where ratios are means of ratios,
  /// plus `optimality_of_means/…` and `distance_of_means/…`, which are ratios of means. Layers see the same tokens, so
  /// their errors move together: a mean of standard errors is the upper bound of that of the mean.
  Metrics mean;
  /// Where sites are of several widths, or read different tokens: the mean of each group, under its name. `mean` is
  /// that of the group with the most blocks, the last of those with as many. Values of two groups do not compare.
  std::vector<LayerPoint> groups = {};
  /// "tokens": what was given to `observe` since the last point of the split and is not in this one, and why. Empty
  /// where everything counts.
  std::map<std::string, std::string, std::less<>> reasons = {};

  /// The layer of that name, or the mean of the group; null where there is none.
  const LayerPoint* layer(std::string_view name) const noexcept;
};

}  // namespace infoplane::plane
