#include "trace.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/plane/curve_gap.hpp>
#include <infoplane/plane/trajectory.hpp>
#include <infoplane/runs/run_file.hpp>
#include <limits>

namespace stopping_study {
namespace {

using infoplane::bound::IbCurve;
using infoplane::plane::Point;
using infoplane::plane::Series;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Of each sample: slope over the last `width` ones in its own standard errors; 0 before there are so many.
std::vector<double> evidence(const Series& all, std::size_t width) {
  std::vector<double> slopes(all.size(), 0);
  for (std::size_t i = width - 1; i < all.size(); ++i) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    slopes[i] = infoplane::plane::trend(Series(end - static_cast<std::ptrdiff_t>(width), end)).evidence();
  }
  return slopes;
}

}  // namespace

std::size_t Trace::earliest() const {
  std::size_t index = 0;
  while (excess(index) > 0.02) {
    ++index;
  }
  return index;
}

Trace read_trace(const Run& run, const std::string& folder) {
  const auto file = infoplane::read_run_file(folder + "/" + run.name() + ".jsonl");
  const auto curve = IbCurve::load(folder + "/" + run.text() + ".curve.json");
  Trace trace{run, file.split("heldout"), {}, 0};
  for (auto& point : trace.points) {
    infoplane::plane::add_curve_gap(point, "unigram", curve, file.header.anchors);
  }
  const infoplane::plane::Trajectory heldout(trace.points);
  const auto train = file.split("train");
  for (std::size_t i = 0; i < trace.points.size(); ++i) {
    const auto& point = trace.points[i];
    trace.best = point.loss < trace.loss(trace.best) ? i : trace.best;
    infoplane::plane::Metrics derived{{"validation_loss", point.loss}};
    for (const std::string suffix : {"", "/corrected"}) {
      const auto same =
          std::find_if(train.begin(), train.end(), [&](const Point& each) { return each.step == point.step; });
      derived["generalisation" + suffix] =
          infoplane::plane::value_at(point.mean, "distance/unigram" + suffix) -
          (same == train.end() ? kNaN : infoplane::plane::value_at(same->mean, "distance/unigram" + suffix));
    }
    trace.derived.push_back(std::move(derived));
  }
  for (const std::size_t width : {6U, 8U, 12U}) {
    const auto x = evidence(heldout.series("I(X;Z)/input_unigram/corrected"), width);
    const auto y = evidence(heldout.series("I(Y;Z)/output_unigram/corrected"), width);
    for (std::size_t i = 0; i < x.size(); ++i) {
      trace.derived[i]["idle" + std::to_string(width)] = x[i] < -3 && y[i] < 1 ? 1 : 0;
    }
  }
  return trace;
}

}  // namespace stopping_study
