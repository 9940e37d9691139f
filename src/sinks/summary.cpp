#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/sinks/report.hpp>

#include "sinks/draw.hpp"
#include "sinks/movement.hpp"

namespace infoplane::sinks {
namespace {

std::string number(double value) {
  const auto size = std::abs(value);
  return size == 0 || (size >= 0.01 && size < 1e4) ? fmt::format("{:.{}f}", value, size < 1 ? 3 : 2)
                                                   : fmt::format("{:.2g}", value);
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

std::string loss_sentence(const plane::Series& losses, const std::string& stream) {
  const auto *first = first_finite(losses), *last = last_finite(losses);
  if (first == nullptr || first == last) {
    return "";
  }
  const auto* verb = !differ(*first, *last) ? "hardly changed" : last->value < first->value ? "fell" : "rose";
  return fmt::format("The loss ({}) {}: {} at first, {} at the end.", stream_name(stream), verb, number(first->value),
                     number(last->value));
}

/// The run in one or two sentences, without a term of the field.
std::string headline(const Movement& moved, const plane::Series& expressivity, const plane::Series& optimality) {
  using Kind = Movement::Kind;
  const auto less = [&] { return fmt::format("{:.0f} % less", 100 * (1 - moved.last.value / moved.turn.value)); };
  std::string out = "While it trained, ";
  switch (moved.kind) {
    case Kind::kUnknown:
      return "";
    case Kind::kTooShort:
      out = fmt::format("The run has {} measurement{} so far, too few to tell how the model moves", moved.values,
                        moved.values == 1 ? "" : "s");
      break;
    case Kind::kStill:
      out += "what the model keeps about the text that it read changed by no more than noise";
      break;
    case Kind::kExpansion:
      out += fmt::format(
          "the model took in more and more about the text that it read; by step {} it has not begun to compress that",
          moved.last.step);
      break;
    case Kind::kCompression:
      out += fmt::format("the model compressed: at step {} it kept {} about the text that it read than at step {}",
                         moved.last.step, less(), moved.turn.step);
      break;
    case Kind::kBoth:
      out += fmt::format(
          "the model first took in more and more about the text that it read, up to step {}; from step {} on it "
          "compressed: at step {} it kept {} of that than at its peak",
          moved.until, moved.since, moved.last.step, less());
      break;
  }
  const auto *first = first_finite(expressivity), *last = last_finite(expressivity);
  if (first != nullptr && first != last) {
    if (!differ(*first, *last)) {
      out += ", and what it knows about what comes next hardly changed";
    } else if (last->value > first->value) {
      const auto times = first->value > 0 ? last->value / first->value : 0;
      out += times >= 1.1 ? fmt::format(", and what it knows about what comes next grew {:.1f}-fold", times)
                          : ", and what it knows about what comes next grew";
    } else {
      out += ", and it knows less about what comes next than at first";
    }
  }
  out += ".";
  if (const auto* now = last_finite(optimality)) {
    out += fmt::format(
        " For each bit that it keeps about what it read it now holds {} bit about what comes next; the limit that "
        "theory sets is 1 (the Information Bottleneck bound).",
        number(now->value));
  }
  return out;
}

/// The phases with their values.
std::string complexity_sentence(const Movement& moved) {
  if (moved.kind == Movement::Kind::kUnknown) {
    return "";
  }
  std::string out = "What the layers keep about the tokens that they read (complexity)";
  if (moved.values == 1) {
    return fmt::format("{} is {}.", out, number(moved.last.value));
  }
  out += fmt::format(" was {} at first and is {} at the end", number(moved.first.value), number(moved.last.value));
  if (moved.kind == Movement::Kind::kTooShort) {
    return out + "; phases show from 5 measurements on.";
  }
  if (moved.kind == Movement::Kind::kStill) {
    return out + ", without a change that stands out of its noise.";
  }
  const char* before = ": ";
  for (const auto& phase : moved.phases) {
    const bool decided = phase.kind != plane::PhaseKind::kUndecided;
    out += fmt::format("{}{} from step {} to {}", before, decided ? plane::to_string(phase.kind) : "no clear change",
                       phase.first_step, phase.last_step);
    out += decided ? fmt::format(" ({}{}, {:.0f} times its noise)", phase.complexity.value < 0 ? "−" : "+",
                                 number(std::abs(phase.complexity.value)), std::abs(phase.complexity.evidence()))
                   : "";
    before = ", then ";
  }
  return out + ".";
}

std::string expressivity_sentence(const plane::Series& samples) {
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

std::string optimality_sentence(const plane::Series& samples, const ReportRun& run, const std::string& order) {
  const auto *first = first_finite(samples), *last = last_finite(samples);
  if (first == nullptr) {
    return "Optimality is undefined: nowhere was complexity above what chance gives.";
  }
  std::string out = first == last
                        ? fmt::format("Optimality (expressivity / complexity) is {}.", number(last->value))
                        : fmt::format("Optimality (expressivity / complexity) {}: {} at first, {} at the end.",
                                      !differ(*first, *last)       ? "hardly changed"
                                      : last->value > first->value ? "rose"
                                                                   : "fell",
                                      number(first->value), number(last->value));
  const auto nearest = best_step_of(run.file, order);
  if (nearest && *nearest == last->step) {
    out += fmt::format(" The last measurement, step {}, was the nearest to the bound.", *nearest);
  } else if (nearest) {
    out += fmt::format(" Nearest to the bound was step {}; training beyond it brought the mean no nearer.", *nearest);
  }
  if (run.best_step && run.best_step != nearest) {
    out += fmt::format(" Marked as best is step {}: the later ones were not better by as much as the rule asks for.",
                       *run.best_step);
  }
  return out;
}

/// How far the layers are from the IB curve, where the run knows that.
std::string curve_sentence(const plane::Series& gaps, const std::string& order) {
  const auto* last = last_finite(gaps);
  if (last == nullptr) {
    return "";
  }
  const auto what = fmt::format("the most that {} can tell about what comes next (the IB curve)",
                                order == "unigram" ? "one token alone" : "one " + order + " alone");
  const Sample none{last->step, 0, last->standard_error};
  if (std::isfinite(last->standard_error) && !differ(*last, none)) {
    return fmt::format("At the end the layers are at {}: the gap of {} is within its noise.", what,
                       number(last->value));
  }
  return last->value > 0 ? fmt::format("At the end the layers hold {} less than {}.", number(last->value), what)
                         : fmt::format(
                               "At the end the layers hold {} more than {}, because they see the text before "
                               "it too.",
                               number(-last->value), what);
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
  const auto moved = movement_of(run.file, order);
  std::vector<std::string> sentences = {
      headline(moved, means(plane::expressivity_key(order)), means(plane::optimality_key(order))),
      span(points),
      loss_sentence(losses_of(chosen), stream),
      complexity_sentence(moved),
      expressivity_sentence(means(plane::expressivity_key(order))),
      optimality_sentence(means(plane::optimality_key(order)), run, order),
      curve_sentence(means(plane::curve_gap_key(order)), order),
      layers_sentence(run, order, stream),
      run.verdict,
      caveats(run.file),
  };
  std::erase(sentences, "");
  return sentences;
}

}  // namespace infoplane::sinks
