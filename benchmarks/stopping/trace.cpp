#include "trace.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <infoplane/plane/trajectory.hpp>
#include <infoplane/runs/run_file.hpp>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace stopping_study {
namespace {

using infoplane::plane::Metrics;
using infoplane::plane::Point;
using infoplane::plane::Series;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kReach = 2;  // points on either side

/// Of each sample: slope over the last `width` ones in its own standard errors; 0 before there are so many.
std::vector<double> evidence(const Series& all, std::size_t width) {
  std::vector<double> slopes(all.size(), 0);
  for (std::size_t i = width - 1; i < all.size(); ++i) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    slopes[i] = infoplane::plane::trend(Series(end - static_cast<std::ptrdiff_t>(width), end)).evidence();
  }
  return slopes;
}

/// The lines of a `.beside.csv`, each as its columns by name.
std::vector<Metrics> read_beside(const std::string& path) {
  std::ifstream in(path);
  const auto fields_of = [](const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream text(line);
    for (std::string field; std::getline(text, field, ',');) {
      fields.push_back(field);
    }
    return fields;
  };
  std::string line;
  std::getline(in, line);
  const auto names = fields_of(line);
  std::vector<Metrics> rows;
  while (std::getline(in, line)) {
    const auto fields = fields_of(line);
    if (fields.size() != names.size()) {
      throw std::runtime_error(path + " has a line of another length than its head: remove it and its run");
    }
    Metrics row;
    for (std::size_t i = 0; i < names.size(); ++i) {
      row[names[i]] = std::stod(fields[i]);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

double excess_of(const Metrics& mean) {
  return infoplane::plane::value_at(mean, "I(X;Z)/context/corrected") -
         infoplane::plane::value_at(mean, "I(Y;Z)/output_unigram/corrected");
}

void derive(Trace& trace, const std::vector<Point>& train) {
  for (const auto& point : trace.points) {
    const auto same =
        std::find_if(train.begin(), train.end(), [&](const Point& each) { return each.step == point.step; });
    const auto distance = [](const Metrics& mean) {
      return infoplane::plane::value_at(mean, "distance/unigram/corrected");
    };
    auto& derived = trace.derived.emplace_back();
    derived["excess"] = excess_of(point.mean);
    derived["generalisation"] = distance(point.mean) - (same == train.end() ? kNaN : distance(same->mean));
    derived["excess_generalisation"] = excess_of(point.mean) - (same == train.end() ? kNaN : excess_of(same->mean));
  }
  const infoplane::plane::Trajectory heldout(trace.points);
  for (const std::size_t width : {6U, 8U, 12U}) {
    const auto x = evidence(heldout.series("I(X;Z)/input_unigram/corrected"), width);
    const auto y = evidence(heldout.series("I(Y;Z)/output_unigram/corrected"), width);
    for (std::size_t i = 0; i < x.size(); ++i) {
      trace.derived[i]["idle" + std::to_string(width)] = x[i] < -3 && y[i] < 1 ? 1 : 0;
    }
  }
}

void find_best(Trace& trace) {
  for (std::size_t i = 0; i < trace.points.size(); ++i) {
    trace.derived[i]["validation_loss"] = trace.loss(i);
    trace.best = trace.loss(i) < trace.loss(trace.best) ? i : trace.best;
  }
}

/// Mean loss of the points around one.
double level(const Trace& trace, std::size_t index) {
  const auto first = index - std::min(index, kReach);
  const auto last = std::min(index + kReach, trace.points.size() - 1);
  double sum = 0;
  for (std::size_t i = first; i <= last; ++i) {
    sum += trace.loss(i);
  }
  return sum / static_cast<double>(last - first + 1);
}

double lowest_level(const Trace& trace, std::size_t first, std::size_t end) {
  double lowest = level(trace, first);
  for (std::size_t i = first + 1; i < end; ++i) {
    lowest = std::min(lowest, level(trace, i));
  }
  return lowest;
}

/// Of two levels, by how the loss jumps from point to point.
double noise_of_difference(const Trace& trace) {
  Series series;
  for (const auto& point : trace.points) {
    series.push_back({point.step, point.loss, kNaN});
  }
  return infoplane::plane::step_noise(series) * std::sqrt(2.0 / (2 * kReach + 1));
}

}  // namespace

std::size_t Trace::earliest() const {
  std::size_t index = 0;
  while (excess(index) > 0.02) {
    ++index;
  }
  return index;
}

bool Trace::still_falls(std::size_t index) const {
  return level(*this, index) - lowest_level(*this, index, points.size()) > 2 * noise_of_difference(*this);
}

bool Trace::gets_better(std::size_t index) const {
  return lowest_level(*this, 0, index + 1) - lowest_level(*this, index, points.size()) > 2 * noise_of_difference(*this);
}

std::array<Trace, 2> read_traces(const Run& run, const std::string& folder) {
  const auto path = folder + "/" + run.name();
  const auto file = infoplane::read_run_file(path + ".jsonl");
  const auto beside = read_beside(path + ".beside.csv");
  Trace own{run, Yardstick::kWeights, file.split("heldout"), {}, 0};
  if (own.points.size() != beside.size()) {
    throw std::runtime_error(path + ".beside.csv does not fit " + path + ".jsonl: remove both");
  }
  derive(own, file.split("train"));
  for (std::size_t i = 0; i < beside.size(); ++i) {
    own.derived[i].insert(beside[i].begin(), beside[i].end());
  }
  auto averaged = own;
  averaged.yardstick = Yardstick::kAveraged;
  for (std::size_t i = 0; i < beside.size(); ++i) {
    averaged.points[i].loss = beside[i].at("averaged_loss");
  }
  find_best(own);
  find_best(averaged);
  return {std::move(own), std::move(averaged)};
}

}  // namespace stopping_study
