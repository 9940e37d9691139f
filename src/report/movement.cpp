#include "report/movement.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/plane/metric_keys.hpp>
#include <utility>

namespace infoplane::report {
namespace {

using plane::PhaseKind;

/// The means of the main split with what phases look at; steps that do not rise are left out.
plane::Trajectory trajectory_of(const runs::RunFile& run, const std::vector<std::string>& plain) {
  plane::Trajectory trajectory;
  const auto keys = [&] {
    std::vector<std::string> all;
    for (const auto& key : plain) {
      all.insert(all.end(), {key, plane::corrected_key(key), plane::standard_error_key(key)});
    }
    return all;
  }();
  for (const auto* point : runs::points_of(run.points, runs::main_split(run.points))) {
    if (!trajectory.empty() && point->step <= trajectory.points().back().step) {
      continue;
    }
    plane::Point mean;
    mean.step = point->step;
    mean.tokens = point->tokens;
    mean.split = point->split;
    for (const auto& key : keys) {
      if (const auto found = point->mean.find(key); found != point->mean.end()) {
        mean.mean.insert(*found);
      }
    }
    trajectory.append(std::move(mean));
  }
  return trajectory;
}

}  // namespace

bool differ(const runs::Sample& a, const runs::Sample& b) {
  const auto noise = std::isfinite(a.standard_error) && std::isfinite(b.standard_error)
                         ? 2 * std::hypot(a.standard_error, b.standard_error)
                         : 0.0;
  const auto size = std::max(std::abs(a.value), std::abs(b.value));
  return std::abs(a.value - b.value) > std::max(noise, 0.02 * size);
}

namespace {

/// `key`: of what moves; it stands in the place of the order's complexity.
Movement movement(const runs::RunFile& run, const std::string& order, const std::string& key) {
  constexpr std::int64_t kLeastValues = 5;
  Movement moved;
  const auto trajectory = trajectory_of(run, {key, plane::expressivity_key(order), plane::mean_direction_key()});
  const auto values = plane::finite(trajectory.series(trajectory.decisive_key(key)));
  if (values.empty()) {
    return moved;
  }
  moved.values = static_cast<std::int64_t>(values.size());
  moved.first = moved.turn = values.front();
  moved.last = values.back();
  if (moved.values < kLeastValues) {
    moved.kind = Movement::Kind::kTooShort;
    return moved;
  }
  moved.phases = plane::phases(trajectory, plane::PhaseOptions().order(order).metric(key));
  const plane::Phase *now = nullptr, *before = nullptr;  // the last two that are decided
  for (const auto& phase : moved.phases) {
    if (phase.kind != PhaseKind::kUndecided) {
      before = std::exchange(now, &phase);
    }
  }
  if (now == nullptr) {
    moved.kind = Movement::Kind::kStill;
    return moved;
  }
  const bool falls = now->kind == PhaseKind::kCompression;
  const auto from = before == nullptr ? now->first_step : before->last_step;
  moved.until = from;
  moved.since = now->first_step;
  moved.kind = !falls              ? Movement::Kind::kExpansion
               : before == nullptr ? Movement::Kind::kCompression
                                   : Movement::Kind::kBoth;
  bool found = false;
  for (const auto& sample : values) {
    const bool further = falls ? sample.value > moved.turn.value : sample.value < moved.turn.value;
    if (from <= sample.step && sample.step <= now->first_step && (!found || further)) {
      moved.turn = sample;
      found = true;
    }
  }
  return moved;
}

}  // namespace

Movement movement_of(const runs::RunFile& run, const std::string& order) {
  return movement(run, order, plane::complexity_key(order));
}

Movement movement_of_metric(const runs::RunFile& run, const std::string& key) { return movement(run, "unigram", key); }

std::vector<ReportPhase> phases_of(const ReportRun& run, const std::string& order) {
  if (!run.phases.empty()) {
    return run.phases;
  }
  std::vector<ReportPhase> phases;
  for (const auto& phase : movement_of(run.file, order).phases) {
    phases.push_back({plane::to_string(phase.kind), phase.first_step, phase.last_step});
  }
  return phases;
}

}  // namespace infoplane::report
