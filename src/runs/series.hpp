#pragma once

#include <cstdint>
#include <infoplane/plane/point.hpp>
#include <infoplane/plane/series.hpp>
#include <infoplane/plane/shown_metric.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// What figures and reports take out of the points of a run.
namespace infoplane::runs {

using plane::Sample;

/// Points of one split, in their order.
using Points = std::vector<const plane::Point*>;

/// Streams that have points: those of `first`, then others as they appear.
std::vector<std::string> splits_of(const std::vector<plane::Point>& points,
                                   std::vector<std::string> first = {"heldout", "train"});

/// The split that tells what happened: "heldout" if there is one, else the first.
std::string main_split(const std::vector<plane::Point>& points);

/// Orders of which a mean has both coordinates: unigram, bigram, trigram, quadgram, then others by name; then output
/// sets of the trainer's own ("output:class").
std::vector<std::string> orders_of(std::span<const plane::Point> points);
/// The order that a user calls so: "class" is "output:class" where the points have that. Unigram, which users need not
/// ask for, is the first of the output sets where the points have no orders beside these; output_set("") where they
/// have nothing but the context.
std::string order_of(std::span<const plane::Point> points, const std::string& name);
/// How users call them.
std::string names_of(const std::vector<std::string>& orders);

/// Layers as they first appear.
std::vector<std::string> layers_of(const std::vector<plane::Point>& points);

/// The layers of each point by their names: Point::layer searches, which takes too long for each of many names.
using LayersByName = std::unordered_map<std::string_view, const plane::LayerPoint*>;
std::vector<LayersByName> layers_by_name(const Points& points);

Points points_of(const std::vector<plane::Point>& points, const std::string& split);

/// Every k-th so that at most `most` are left, the first and the last among them; `most` is at least 2.
Points thinned(const Points& points, std::size_t most);

/// Those with layers: a long run may have been read without most of them.
Points with_layers(const Points& points);

/// Which value of a metric is shown of several runs side by side: `<key>/corrected` where each run that has the metric
/// has that, see plane::shown_metric; else the key. On one split, or over all.
plane::ShownMetric common_metric(const std::string& key, const std::vector<const std::vector<plane::Point>*>& runs,
                                 const std::string& split = "");

/// Value and error in a layer's or a mean's metrics; NaN where there is none.
Sample sample_of(std::int64_t step, const plane::Metrics& metrics, const plane::ShownMetric& shown);

/// Means of a metric over the points.
plane::Series means_of(const Points& points, const plane::ShownMetric& shown);
plane::Series losses_of(const Points& points);

/// How a metric stands at the last point of a split. What was defined earlier is told with its step, never as the end.
struct Ending {
  std::int64_t step = -1;              ///< of the last point; −1 without one
  std::optional<Sample> last_defined;  ///< the last finite sample
  std::string reason;                  ///< why the last point has none; empty where it has

  bool defined() const noexcept { return reason.empty() && step >= 0; }
};
Ending ending_of(const Points& points, const plane::ShownMetric& shown);
Ending ending_of_loss(const Points& points);

/// Why a point's mean has no finite value of the key: a block and its reason, where the point tells.
std::string undefined_reason(const plane::Point& point, const std::string& key);

/// First and last finite samples; nullptr where none is finite.
const Sample* first_finite(const plane::Series& samples);
const Sample* last_finite(const plane::Series& samples);

/// The sample that is best by two of its standard errors, so that none is best by its noise alone: that with the
/// smallest value + 2 errors, or the largest value − 2 errors. Those without an error count as they are where none has
/// one, else not at all.
const Sample* surest(const plane::Series& samples, bool smaller_is_better);

/// The error above which a value is too vague to set a figure's scale: the range of the middle 80 % of the values. It
/// is drawn all the same, at the figure's edge. Infinite where errors are unknown or the values do not differ.
double vague_error(const plane::Series& samples);

/// "complexity", "expressivity", "optimality", "distance" → the key of an order; throws ArgumentError otherwise.
std::string metric_key(const std::string& metric, const std::string& order);

}  // namespace infoplane::runs
