#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/phases.hpp>
#include <limits>

namespace infoplane::plane {
namespace {

/// Indices of the extrema between which the values run by more than `threshold`, the ends of the outermost runs
/// included. Empty if they run nowhere.
std::vector<std::size_t> turning_points(const Series& values, double threshold) {
  std::vector<std::size_t> turns;
  std::size_t lowest = 0;
  std::size_t highest = 0;
  int direction = 0;  // of the run that is going on
  for (std::size_t i = 1; i < values.size(); ++i) {
    const double now = values[i].value;
    if (now > values[highest].value) {
      highest = i;
    }
    if (now < values[lowest].value) {
      lowest = i;
    }
    if (direction <= 0 && now - values[lowest].value > threshold) {
      turns.push_back(lowest);
      direction = 1;
      highest = i;
    } else if (direction >= 0 && values[highest].value - now > threshold) {
      turns.push_back(highest);
      direction = -1;
      lowest = i;
    }
  }
  if (direction != 0) {
    turns.push_back(direction > 0 ? highest : lowest);
  }
  return turns;
}

class Parts {
 public:
  Parts(const Series& complexity, Series expressivity, Series direction, double noise)
      : complexity_(complexity),
        expressivity_(std::move(expressivity)),
        direction_(std::move(direction)),
        noise_(noise),
        expressivity_noise_(std::sqrt(2.0) * step_noise(expressivity_)),
        direction_noise_(std::sqrt(2.0) * std::max(step_noise(direction_), kInformationResolution)) {}

  void add(PhaseKind kind, std::size_t first, std::size_t last) {
    if (first < last) {
      found_.push_back({kind,
                        complexity_[first].step,
                        complexity_[last].step,
                        {complexity_[last].value - complexity_[first].value, noise_},
                        {expressivity_[last].value - expressivity_[first].value, expressivity_noise_},
                        {direction_[last].value - direction_[first].value, direction_noise_}});
    }
  }

  std::vector<Phase> take() { return std::move(found_); }

 private:
  const Series& complexity_;
  Series expressivity_;
  Series direction_;
  double noise_;
  double expressivity_noise_;
  double direction_noise_;
  std::vector<Phase> found_;
};

/// Whether a point has the metric, finite or not.
bool measured(const Trajectory& trajectory, std::string_view key, std::string_view layer) {
  return std::any_of(trajectory.points().begin(), trajectory.points().end(), [&](const Point& point) {
    const auto* of_layer = layer.empty() ? nullptr : point.layer(layer);
    return layer.empty() ? point.mean.contains(key) : of_layer != nullptr && of_layer->metrics.contains(key);
  });
}

}  // namespace

const char* to_string(PhaseKind kind) noexcept {
  switch (kind) {
    case PhaseKind::kExpansion:
      return "expansion";
    case PhaseKind::kCompression:
      return "compression";
    case PhaseKind::kUndecided:
      break;
  }
  return "not decided";
}

bool Phase::goes_with_direction() const noexcept {
  constexpr double kEvidence = 4;
  const double moved = mean_direction.value;
  return kind != PhaseKind::kUndecided && std::abs(moved) >= kDirectionChange &&
         std::abs(mean_direction.evidence()) >= kEvidence && (moved > 0) == (complexity.value < 0);
}

std::vector<Phase> phases(const Trajectory& trajectory, const PhaseOptions& options) {
  if (trajectory.empty()) {
    return {};
  }
  const auto& layer = options.layer();
  const auto key =
      trajectory.decisive_key(options.metric().empty() ? complexity_key(options.order()) : options.metric(), layer);
  const auto all = trajectory.series(key, layer);
  const auto complexity = finite(all);
  INFOPLANE_CHECK(!complexity.empty() || measured(trajectory, key, layer), ArgumentError,
                  "no point of the trajectory has a defined ", key, layer.empty() ? "" : " of " + layer,
                  options.metric().empty()
                      ? ": phases need the label sets input_" + options.order() + " and output_" + options.order()
                      : "");
  const double deviation = std::max(step_noise(complexity), kInformationResolution);
  const double noise = std::sqrt(2.0) * deviation;
  if (complexity.size() < 5) {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    return {{PhaseKind::kUndecided, all.front().step, all.back().step, {kNaN, kNaN}, {kNaN, kNaN}, {kNaN, kNaN}}};
  }
  const auto expressivity_key_now = trajectory.decisive_key(expressivity_key(options.order()), layer);
  const auto beside = [&](std::string_view other) {
    Series result;
    const auto series = trajectory.series(other, layer);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (std::isfinite(all[i].value)) {
        result.push_back(series[i]);
      }
    }
    return result;
  };
  const auto n = static_cast<double>(complexity.size());
  const double evidence = std::max(options.evidence(), 2 * std::sqrt(std::log(n)) + 1);
  const auto turns = turning_points(complexity, evidence * noise);
  const auto near = [&](std::size_t index, std::size_t turn) {
    return std::abs(complexity[index].value - complexity[turn].value) <= 2 * noise;
  };
  Parts parts(complexity, beside(expressivity_key_now), beside(mean_direction_key()), noise);
  std::size_t reached = 0;
  for (std::size_t i = 0; i + 1 < turns.size(); ++i) {
    auto first = turns[i];
    while (first + 1 < turns[i + 1] && near(first + 1, turns[i])) {
      ++first;
    }
    auto last = turns[i + 1];
    for (auto earlier = last; earlier > first; --earlier) {
      last = near(earlier, turns[i + 1]) ? earlier : last;
    }
    parts.add(PhaseKind::kUndecided, reached, first);
    const bool rises = complexity[turns[i + 1]].value > complexity[turns[i]].value;
    parts.add(rises ? PhaseKind::kExpansion : PhaseKind::kCompression, first, last);
    reached = last;
  }
  parts.add(PhaseKind::kUndecided, reached, complexity.size() - 1);
  return parts.take();
}

}  // namespace infoplane::plane
