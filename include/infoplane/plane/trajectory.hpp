#pragma once

#include <cstddef>
#include <cstdint>
#include <infoplane/plane/point.hpp>
#include <infoplane/plane/series.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane::plane {

/// The way of a run over the information plane: the points of one split in the order of their steps.
class Trajectory {
 public:
  Trajectory() = default;
  /// @throws StateError as append().
  explicit Trajectory(std::vector<Point> points);

  /// @throws StateError if the step isn't above the last one's, or the split is another. Nothing has changed then.
  void append(Point point);

  /// All points, in the order of their steps.
  const std::vector<Point>& points() const noexcept { return points_; }
  /// Number of points.
  std::size_t size() const noexcept { return points_.size(); }
  /// Whether there is none.
  bool empty() const noexcept { return points_.empty(); }
  /// Of all points; empty before the first.
  const std::string& split() const noexcept { return split_; }
  /// Names of the layers of the last point, in their order.
  std::vector<std::string> layers() const;

  /// The points with first ≤ step ≤ last.
  Trajectory window(std::int64_t first, std::int64_t last) const;

  /// A metric of one layer, or with no layer of the mean over blocks ("loss" is the trainer's); NaN in points that lack
  /// it. Its standard errors are the metric `K/standard_error`,
  /// for a key K/corrected as well as for K.
  Series series(std::string_view key, std::string_view layer = {}) const;

  /// The key that a verdict goes by, see shown_metric: `key` with "/corrected" behind it where at least half of the
  /// points that have the key have that, else the key.
  std::string decisive_key(std::string_view key, std::string_view layer = {}) const;

  /// value(to) − value(from) for two steps of the trajectory. Where both points were measured on the same tokens (the
  /// split `heldout`, which is a fixed batch, with equal counts) the noise of the tokens cancels, and what is left is
  /// √2 step_noise(); else it is √(s² + s'²) of the two standard errors, or √2 step_noise() where the points have none.
  /// @throws ArgumentError if there is no point at one of the steps.
  Change difference(std::int64_t from, std::int64_t to, std::string_view key, std::string_view layer = {}) const;

 private:
  std::vector<Point> points_;
  std::string split_;
};

}  // namespace infoplane::plane

namespace infoplane {
using plane::Trajectory;
}  // namespace infoplane
