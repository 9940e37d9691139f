#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/sinks/report.hpp>

#include "sinks/draw.hpp"

namespace infoplane::sinks {
namespace {

std::string number(double value) {
  const auto size = std::abs(value);
  return size == 0 || (size >= 0.01 && size < 1e4) ? fmt::format("{:.{}f}", value, size < 1 ? 3 : 2)
                                                   : fmt::format("{:.2g}", value);
}

/// Whether two values differ by more than noise, or by more than 2 % where that is unknown.
bool differ(const Sample& a, const Sample& b) {
  const auto noise = std::isfinite(a.error) && std::isfinite(b.error) ? 2 * std::hypot(a.error, b.error) : 0.0;
  const auto size = std::max(std::abs(a.value), std::abs(b.value));
  return std::abs(a.value - b.value) > std::max(noise, 0.02 * size);
}

std::string span(const std::vector<plane::Point>& points) {
  std::int64_t first = points.front().step, last = first;
  for (const auto& point : points) {
    first = std::min(first, point.step);
    last = std::max(last, point.step);
  }
  std::string out = first == last ? fmt::format("The run was measured at step {} only", first)
                                  : fmt::format("The run was measured from step {} to step {}", first, last);
  const char* before = ": ";
  for (const auto& stream : streams_of(points)) {
    const auto count = points_of(points, stream).size();
    const auto* what = stream == "heldout" ? "held-out text" : stream == "train" ? "the training batches" : nullptr;
    out += fmt::format("{}{} time{} on {}", before, count, count == 1 ? "" : "s",
                       what != nullptr ? what : "the stream " + stream);
    before = ", ";
  }
  return out + ".";
}

std::string loss_sentence(const std::vector<Sample>& losses, const std::string& stream) {
  const auto *first = first_finite(losses), *last = last_finite(losses);
  if (first == nullptr || first == last) {
    return "";
  }
  const auto* verb = !differ(*first, *last) ? "hardly changed" : last->value < first->value ? "fell" : "rose";
  return fmt::format("The loss ({}) {}: {} at first, {} at the end.", stream_name(stream), verb, number(first->value),
                     number(last->value));
}

std::string complexity_sentence(const std::vector<Sample>& samples) {
  const auto *first = first_finite(samples), *last = last_finite(samples), *peak = largest(samples);
  if (first == nullptr || first == last) {
    return "";
  }
  const bool rose = peak != first && differ(*first, *peak), fell = peak != last && differ(*peak, *last);
  const auto change = 100 * (last->value - peak->value) / std::abs(peak->value);
  if (rose && fell) {
    return fmt::format(
        "First expansion, then compression: until step {} the layers kept more and more about the tokens that they "
        "read (complexity rose from {} to {}); from then on they forgot what they did not need (it fell to {}, {:.0f} "
        "%).",
        peak->step, number(first->value), number(peak->value), number(last->value), change);
  }
  if (rose) {
    return fmt::format(
        "The layers kept more and more about the tokens that they read: complexity rose from {} to {}. No compression "
        "has begun.",
        number(first->value), number(last->value));
  }
  if (fell) {
    return fmt::format(
        "Compression: the layers forgot part of what they kept at first about the tokens that they read (complexity "
        "fell from {} to {}, {:.0f} %).",
        number(peak->value), number(last->value), change);
  }
  return fmt::format("What the layers keep about the tokens that they read (complexity) hardly changed: {}.",
                     number(last->value));
}

std::string expressivity_sentence(const std::vector<Sample>& samples) {
  const auto *first = first_finite(samples), *last = last_finite(samples);
  if (first == nullptr || first == last) {
    return "";
  }
  return fmt::format("What they hold about what comes next (expressivity) {}: {} at first, {} at the end.",
                     !differ(*first, *last)       ? "hardly changed"
                     : last->value > first->value ? "grew"
                                                  : "shrank",
                     number(first->value), number(last->value));
}

std::string optimality_sentence(const std::vector<Sample>& samples, const std::optional<std::int64_t>& best) {
  const auto *first = first_finite(samples), *last = last_finite(samples);
  if (first == nullptr) {
    return "Optimality is undefined: complexity is not above what chance gives.";
  }
  std::string out = fmt::format(
      "For each bit that they keep about their input they hold {} bit about what comes next (optimality; the bound is "
      "1)",
      number(last->value));
  if (first != last) {
    out += fmt::format(", {} at first", number(first->value));
  }
  out += ".";
  if (best && *best == last->step) {
    out +=
        fmt::format(" The last measurement, step {}, was the nearest to the bound: more training might help.", *best);
  } else if (best) {
    out += fmt::format(" Nearest to the bound was step {}; training beyond it brought no layer mean nearer.", *best);
  }
  return out;
}

std::string layers_sentence(const ReportRun& run, const std::string& order, const std::string& stream) {
  const auto points = with_layers(points_of(run.file.points, stream));
  if (points.empty()) {
    return "";
  }
  const auto key = plane::optimality_key(order);
  const auto shown = shown_key(run.file.points, key);
  const plane::LayerPoint *nearest = nullptr, *farthest = nullptr;
  const auto value = [&](const plane::LayerPoint& layer) { return sample_of(0, layer.metrics, shown, key).value; };
  for (const auto& layer : points.back()->layers) {
    if (std::isfinite(value(layer))) {
      nearest = nearest == nullptr || value(layer) > value(*nearest) ? &layer : nearest;
      farthest = farthest == nullptr || value(layer) < value(*farthest) ? &layer : farthest;
    }
  }
  if (nearest == farthest) {
    return "";
  }
  return fmt::format("At the end {} is nearest to the bound (optimality {}), {} farthest from it ({}).", nearest->name,
                     number(value(*nearest)), farthest->name, number(value(*farthest)));
}

/// What the reader should know before trusting the rest.
std::string caveats(const RunFile& run) {
  std::string out;
  if (!run.resumed.empty()) {
    out += fmt::format("The run was resumed {} time{}. ", run.resumed.size(), run.resumed.size() == 1 ? "" : "s");
  }
  if (run.cut) {
    out += "The last line of its file was cut off and is left out. ";
  }
  std::int64_t rejected = 0;
  for (const auto& point : run.points) {
    for (const auto& layer : point.layers) {
      rejected += layer.rejected;
    }
  }
  if (rejected > 0) {
    out += fmt::format("{} activation rows held NaN, infinity or only zeros and were left out. ", rejected);
  }
  if (!out.empty()) {
    out.pop_back();
  }
  return out;
}

}  // namespace

std::optional<std::int64_t> best_step_of(const RunFile& run, const std::string& order) {
  const auto key = plane::distance_key(order);
  const auto shown = shown_key(run.points, key);
  for (const auto& stream : streams_of(run.points)) {
    const auto samples = means_of(points_of(run.points, stream), shown, key);
    if (const auto* best = smallest(samples)) {
      return best->step;
    }
  }
  return std::nullopt;
}

std::vector<std::string> run_summary(const ReportRun& run, const std::string& order) {
  const auto& points = run.file.points;
  if (points.empty()) {
    return {"The run has no measurement yet."};
  }
  const auto stream = main_stream(points);
  const auto chosen = points_of(points, stream);
  const auto means = [&](const std::string& key) { return means_of(chosen, shown_key(points, key), key); };
  std::vector<std::string> sentences = {
      span(points),
      loss_sentence(losses_of(chosen), stream),
      complexity_sentence(means(plane::complexity_key(order))),
      expressivity_sentence(means(plane::expressivity_key(order))),
      optimality_sentence(means(plane::optimality_key(order)),
                          run.best_step ? run.best_step : best_step_of(run.file, order)),
      layers_sentence(run, order, stream),
      run.verdict,
      caveats(run.file),
  };
  std::erase(sentences, "");
  return sentences;
}

}  // namespace infoplane::sinks
