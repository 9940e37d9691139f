#pragma once

#include <infoplane/plane/point.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane::plane {

/// Which value of a metric K a person is shown, and a verdict goes by: `K/corrected`, else the plug-in value, which is
/// biased upwards where labels are seen only a few times, and then says that it is one.
struct ShownMetric {
  std::string key;       ///< of Metrics
  bool plug_in = false;  ///< the key is that of a plug-in estimate

  /// `name`, with " (plug-in)" behind it where it is one.
  std::string label(std::string_view name) const;
};

/// `K/corrected` where the metrics have that, finite or not; else K.
ShownMetric shown_metric(std::string_view key, const Metrics& metrics);

/// The same for a point: its mean, or without blocks its layers.
ShownMetric shown_metric(std::string_view key, const Point& point);

/// The same for points that are shown together: `K/corrected` where at least half of those that have K have it, because
/// the two kinds do not mix. Over their means, or those of one layer; over all splits, or one.
ShownMetric shown_metric(std::string_view key, const std::vector<Point>& points, std::string_view split = {},
                         std::string_view layer = {});

/// Whether the key is that of an estimate before its correction: `H(Z)`, an information, or a coordinate made of these,
/// without `/corrected`, `/null`, `/standard_error` or `/draw_error` behind it.
bool is_plug_in(std::string_view key) noexcept;

}  // namespace infoplane::plane
