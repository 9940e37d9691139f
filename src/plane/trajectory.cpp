#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/draws.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/shown_metric.hpp>
#include <infoplane/plane/trajectory.hpp>
#include <limits>
#include <utility>

namespace infoplane::plane {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double value_of(const Point& point, std::string_view key, std::string_view layer) {
  if (layer.empty()) {
    return key == "loss" ? point.loss : value_at(point.mean, key);
  }
  const auto* found = point.layer(layer);
  return found == nullptr ? kNaN : value_at(found->metrics, key);
}

}  // namespace

Trajectory::Trajectory(std::vector<Point> points) {
  points_.reserve(points.size());
  for (auto& point : points) {
    append(std::move(point));
  }
}

void Trajectory::append(Point point) {
  INFOPLANE_CHECK(points_.empty() || point.split == split_, StateError, "a trajectory of the stream \"", split_,
                  "\" was given a point of \"", point.split, "\": keep one for each stream");
  INFOPLANE_CHECK(points_.empty() || points_.back().step < point.step, StateError,
                  "a trajectory was given the point of step ", point.step, " after that of step ", points_.back().step,
                  ": points come in the order of their steps, each once");
  points_.push_back(std::move(point));
  split_ = points_.back().split;
}

std::vector<std::string> Trajectory::layers() const {
  std::vector<std::string> names;
  if (!empty()) {
    for (const auto& layer : points_.back().layers) {
      names.push_back(layer.name);
    }
  }
  return names;
}

Trajectory Trajectory::window(std::int64_t first, std::int64_t last) const {
  Trajectory part;
  for (const auto& point : points_) {
    if (first <= point.step && point.step <= last) {
      part.append(point);
    }
  }
  return part;
}

Series Trajectory::series(std::string_view key, std::string_view layer) const {
  const auto error_of = [&](const Point& point) {
    if (layer.empty()) {
      return error_within_run(point.mean, key);
    }
    const auto* found = point.layer(layer);
    return found == nullptr ? kNaN : error_within_run(found->metrics, key);
  };
  Series result;
  result.reserve(points_.size());
  for (const auto& point : points_) {
    result.push_back({point.step, value_of(point, key, layer), error_of(point)});
  }
  return result;
}

std::string Trajectory::decisive_key(std::string_view key, std::string_view layer) const {
  return shown_metric(key, points_, {}, layer).key;
}

Change Trajectory::difference(std::int64_t from, std::int64_t to, std::string_view key, std::string_view layer) const {
  const auto values = series(key, layer);
  const auto index_of = [&](std::int64_t step) {
    const auto found =
        std::find_if(points_.begin(), points_.end(), [&](const Point& each) { return each.step == step; });
    INFOPLANE_CHECK(found != points_.end(), ArgumentError, "the trajectory has no point at step ", step);
    return static_cast<std::size_t>(found - points_.begin());
  };
  const auto a = index_of(from);
  const auto b = index_of(to);
  const bool paired = split_ == "heldout" && points_[a].tokens == points_[b].tokens;
  const double errors = std::hypot(values[a].standard_error, values[b].standard_error);
  const double steps = std::sqrt(2.0) * step_noise(values);
  const double noise = paired || std::isnan(errors) ? (std::isnan(steps) ? errors : steps) : errors;
  return {values[b].value - values[a].value, noise};
}

}  // namespace infoplane::plane
