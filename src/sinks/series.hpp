#pragma once

#include <cstdint>
#include <infoplane/plane/point.hpp>
#include <infoplane/plane/series.hpp>
#include <string>
#include <vector>

// What figures and reports take out of the points of a run.
namespace infoplane::sinks {

using plane::Sample;

/// Points of one stream, in their order.
using Points = std::vector<const plane::Point*>;

/// Streams that have points: those of `first`, then others as they appear.
std::vector<std::string> streams_of(const std::vector<plane::Point>& points,
                                    std::vector<std::string> first = {"heldout", "train"});

/// The stream that tells what happened: "heldout" if there is one, else the first.
std::string main_stream(const std::vector<plane::Point>& points);

/// Orders of which a mean has both coordinates: unigram, bigram, trigram, quadgram, then others by name.
std::vector<std::string> orders_of(const std::vector<plane::Point>& points);

/// Layers as they first appear.
std::vector<std::string> layers_of(const std::vector<plane::Point>& points);

Points points_of(const std::vector<plane::Point>& points, const std::string& stream);

/// Every k-th so that at most `most` are left, the first and the last among them; `most` is at least 2.
Points thinned(const Points& points, std::size_t most);

/// Those with layers: a long run may have been read without most of them.
Points with_layers(const Points& points);

/// `<key>/corrected` where any mean has it, else the key.
std::string shown_key(const std::vector<plane::Point>& points, const std::string& key);

/// Value and error in a layer's or a mean's metrics; NaN where there is none.
Sample sample_of(std::int64_t step, const plane::Metrics& metrics, const std::string& shown, const std::string& key);

/// Means of a metric over the points.
plane::Series means_of(const Points& points, const std::string& shown, const std::string& key);
plane::Series losses_of(const Points& points);

/// First and last finite samples, and that with the largest or smallest value; nullptr where none is finite.
const Sample* first_finite(const plane::Series& samples);
const Sample* last_finite(const plane::Series& samples);
const Sample* largest(const plane::Series& samples);
const Sample* smallest(const plane::Series& samples);

/// The error above which a value is too vague to set a figure's scale: the range of the middle 80 % of the values. It
/// is drawn all the same, at the figure's edge. Infinite where errors are unknown or the values do not differ.
double vague_error(const plane::Series& samples);

/// "complexity", "expressivity", "optimality", "distance" → the key of an order; throws ArgumentError otherwise.
std::string metric_key(const std::string& metric, const std::string& order);

}  // namespace infoplane::sinks
