#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/shown_metric.hpp>
#include <infoplane/report/report.hpp>

#include "report/draw.hpp"
#include "report/forgotten.hpp"
#include "report/layer_sentences.hpp"
#include "report/movement.hpp"
#include "report/words.hpp"

namespace infoplane::report {
namespace {

std::string span(const std::vector<plane::Point>& points, const Words& words) {
  std::int64_t first = points.front().step, last = first;
  for (const auto& point : points) {
    first = std::min(first, point.step);
    last = std::max(last, point.step);
  }
  std::string out = first == last ? fmt::format("The run was measured at step {} only", first)
                                  : fmt::format("The run was measured from step {} to step {}", first, last);
  const char* before = ": ";
  for (const auto& split : runs::splits_of(points)) {
    const auto count = runs::points_of(points, split).size();
    const auto* what = split == "heldout" ? words.heldout : split == "train" ? "the training batches" : nullptr;
    out += fmt::format("{}{} time{} on {}", before, count, count == 1 ? "" : "s",
                       what != nullptr ? what : "the stream " + split);
    before = ", ";
  }
  return out + ".";
}

/// A metric over a split.
struct Course {
  std::string name;  ///< as a sentence's subject
  plane::Series samples;
  runs::Ending ending;
  bool plug_in = false;

  const runs::Sample* first() const { return runs::first_finite(samples); }
  const runs::Sample* last() const { return runs::last_finite(samples); }
  /// "5.00 at first, 2.00 at the end", with steps where the ends have no value.
  std::string values() const {
    return fmt::format("{} {}, {} {}", number(first()->value),
                       first()->step == samples.front().step ? "at first" : fmt::format("at step {}", first()->step),
                       number(last()->value), end());
  }
  std::string end() const { return ending.defined() ? "at the end" : fmt::format("at step {}", last()->step); }
  /// A sentence where the last point has no value.
  std::string missing_end() const {
    return ending.defined() || samples.empty()
               ? ""
               : fmt::format(" It is not defined at the last point, step {} ({}).", ending.step, ending.reason);
  }
};

const char* verb(const Course& course, const char* less, const char* more) {
  const auto *first = course.first(), *last = course.last();
  return !differ(*first, *last) ? "hardly changed" : last->value > first->value ? more : less;
}

std::string loss_sentence(const Course& loss) {
  const auto *first = loss.first(), *last = loss.last();
  if (first == nullptr) {
    return "";  // none was given
  }
  if (first == last) {
    return loss.ending.defined() ? ""
                                 : fmt::format("{} was {} at step {}.{}", loss.name, number(first->value), first->step,
                                               loss.missing_end());
  }
  return fmt::format("{} {}: {}.{}", loss.name, verb(loss, "fell", "rose"), loss.values(), loss.missing_end());
}

/// What a reader has to know of a ratio beside its bound: Z has seen more than the tokens that complexity counts.
std::string optimality_now(const Words& words, const Course& optimality) {
  if (optimality.last() == nullptr) {
    return "";
  }
  if (!optimality.ending.defined()) {
    return fmt::format(" How much of what it keeps helps to predict {} is not defined at the last point, step {} ({}).",
                       words.next, optimality.ending.step, optimality.ending.reason);
  }
  const auto now = optimality.last()->value;
  if (!words.is_text) {
    return fmt::format(" Of each bit that it keeps about what it read {} bit is about {}; it cannot be more than 1.",
                       number(now), words.next);
  }
  return fmt::format(
      " For each bit that it keeps about what it read it now holds {} bit about what comes next{}", number(now),
      now > 1
          ? ": more than 1, the Information Bottleneck bound for what knows those tokens alone, which the model can "
            "pass because it has read the text before them, too."
          : "; 1 is the Information Bottleneck bound for what knows those tokens alone.");
}

/// What it keeps about what it read, as the beginning of a sentence; empty where that is unknown.
std::string what_it_keeps(const Movement& moved, const std::string& read) {
  using Kind = Movement::Kind;
  const auto less = [&] { return fmt::format("{:.0f} % less", 100 * (1 - moved.last.value / moved.turn.value)); };
  const std::string out = "While it trained, ";
  switch (moved.kind) {
    case Kind::kTooShort:
      return fmt::format("The run has {} measurement{} so far, too few to tell how the model moves", moved.values,
                         moved.values == 1 ? "" : "s");
    case Kind::kStill:
      return out + fmt::format("what the model keeps about {} changed by no more than noise", read);
    case Kind::kExpansion:
      return out + fmt::format("the model took in more and more about {}; by step {} it has not begun to compress that",
                               read, moved.last.step);
    case Kind::kCompression:
      return out + fmt::format("the model compressed: at step {} it kept {} about {} than at step {}", moved.last.step,
                               less(), read, moved.turn.step);
    case Kind::kBoth:
      return out + fmt::format(
                       "the model first took in more and more about {}, up to step {}; from step {} on it compressed: "
                       "at step "
                       "{} it kept {} of that than at its peak",
                       read, moved.until, moved.since, moved.last.step, less());
    case Kind::kUnknown:
      break;
  }
  return "";
}

/// What it knows about what comes next, as the end of that sentence.
std::string what_it_knows(const Words& words, const Course& expressivity) {
  const auto *first = expressivity.first(), *last = expressivity.last();
  if (first == nullptr || first == last) {
    return "";
  }
  const auto until = expressivity.ending.defined() ? "" : fmt::format(" up to step {}", last->step);
  if (!differ(*first, *last)) {
    return fmt::format(", and what it knows about {} hardly changed{}", words.next, until);
  }
  if (last->value <= first->value) {
    return fmt::format(", and it knows less about {} than at first{}", words.next, until);
  }
  const auto times = first->value > 0 ? last->value / first->value : 0;
  return times >= 1.1 ? fmt::format(", and what it knows about {} grew {:.1f}-fold{}", words.next, times, until)
                      : fmt::format(", and what it knows about {} grew{}", words.next, until);
}

/// The run in one or two sentences, without a term of the field.
std::string headline(const Movement& moved, const std::string& read, const Words& words, const Course& expressivity,
                     const Course& optimality) {
  auto out = what_it_keeps(moved, read);
  if (out.empty()) {
    return out;
  }
  out += what_it_knows(words, expressivity) + '.' + (words.has_output ? optimality_now(words, optimality) : "");
  if (expressivity.plug_in || optimality.plug_in) {
    out +=
        " All these are plug-in values, which labels seen only a few times raise: the file has none that are "
        "corrected for that.";
  }
  return out;
}

/// The phases with their values.
std::string complexity_sentence(const Movement& moved, const Words& words, const Course& complexity) {
  if (moved.kind == Movement::Kind::kUnknown) {
    return "";
  }
  std::string out = fmt::format("What the layers keep about {} ({})", words.read,
                                words.is_text ? "complexity" : "the context's information");
  if (moved.values == 1) {
    return complexity.ending.defined() ? fmt::format("{} is {}.", out, number(moved.last.value))
                                       : fmt::format("{} was {} at step {}.{}", out, number(moved.last.value),
                                                     moved.last.step, complexity.missing_end());
  }
  const bool starts = !complexity.samples.empty() && moved.first.step == complexity.samples.front().step;
  out += fmt::format(" was {} {} and {} {} {}", number(moved.first.value),
                     starts ? "at first" : fmt::format("at step {}", moved.first.step),
                     complexity.ending.defined() ? "is" : "was", number(moved.last.value),
                     complexity.ending.defined() ? "at the end" : fmt::format("at step {}", moved.last.step));
  if (moved.kind == Movement::Kind::kTooShort) {
    return out + "; phases show from 5 measurements on." + complexity.missing_end();
  }
  if (moved.kind == Movement::Kind::kStill) {
    return out + ", without a change that stands out of its noise." + complexity.missing_end();
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
  return out + "." + complexity.missing_end();
}

std::string expressivity_sentence(const Words& words, const Course& expressivity) {
  if (expressivity.first() == nullptr || expressivity.first() == expressivity.last()) {
    return "";
  }
  return fmt::format("What they hold about {} (expressivity) {}: {}.{}", words.next,
                     verb(expressivity, "shrank", "grew"), expressivity.values(), expressivity.missing_end());
}

/// As the beginning of a sentence.
std::string name_of_optimality(const std::string& order) {
  const Words words(order);
  return words.is_text ? "Optimality (expressivity / complexity) "
                       : fmt::format("The share of that which is about {} ", words.next);
}

std::string optimality_sentence(const Course& optimality, const ReportRun& run, const std::string& order) {
  const auto *first = optimality.first(), *last = optimality.last();
  if (first == nullptr) {
    return fmt::format("Optimality is defined nowhere. At the last point, step {}: {}.", optimality.ending.step,
                       optimality.ending.reason);
  }
  std::string out = name_of_optimality(order);
  if (first != last) {
    out += fmt::format("{}: {}.", verb(optimality, "fell", "rose"), optimality.values());
  } else {
    out += optimality.ending.defined() ? fmt::format("is {}.", number(last->value))
                                       : fmt::format("was {} at step {}.", number(last->value), last->step);
  }
  out += optimality.missing_end();
  const auto nearest = best_step_of(run.file, order);
  const auto at = std::find_if(optimality.samples.begin(), optimality.samples.end(),
                               [&](const runs::Sample& each) { return nearest && each.step == *nearest; });
  const bool beyond = at != optimality.samples.end() && at->value > 1;
  if (nearest && *nearest == last->step && optimality.ending.defined()) {
    out += fmt::format(" The last measurement, step {}, was {}.", *nearest,
                       beyond ? "the furthest beyond the bound of 1" : "the nearest to the bound");
  } else if (nearest) {
    out += beyond ? fmt::format(" Furthest beyond the bound of 1 was step {}.", *nearest)
                  : fmt::format(" Nearest to the bound was step {}{}.", *nearest,
                                optimality.ending.defined() ? "; training beyond it brought the mean no nearer" : "");
  }
  if (run.best_step && run.best_step != nearest) {
    out += fmt::format(" Marked as best is step {}: the later ones were not better by as much as the rule asks for.",
                       *run.best_step);
  }
  return out;
}

/// How far the layers are from the IB curve, where the run knows that.
std::string curve_sentence(const Course& gap, const std::string& order) {
  const auto* last = gap.last();
  if (last == nullptr) {
    return "";
  }
  const auto what = fmt::format("the most that {} can tell about what comes next (the IB curve)",
                                order == "unigram" ? "one token alone" : "one " + order + " alone");
  const auto when = gap.ending.defined() ? std::string("At the end") : fmt::format("At step {}", last->step);
  const auto* verb = gap.ending.defined() ? "are" : "were";
  const runs::Sample none{last->step, 0, last->standard_error};
  if (std::isfinite(last->standard_error) && !differ(*last, none)) {
    return fmt::format("{} the layers {} at {}: the gap of {} is within its noise.{}", when, verb, what,
                       number(last->value), gap.missing_end());
  }
  return last->value > 0
             ? fmt::format("{} the layers hold {} less than {}.{}", when, number(last->value), what, gap.missing_end())
             : fmt::format("{} the layers hold {} more than {}, because they see the text before it too.{}", when,
                           number(-last->value), what, gap.missing_end());
}

/// What the reader should know before trusting the rest.
std::string caveats(const runs::RunFile& run) {
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

/// The surest distance, see best_step_of.
std::optional<runs::Sample> best_distance(const runs::RunFile& run, const plane::ShownMetric& shown) {
  for (const auto& split : runs::splits_of(run.points)) {
    const auto samples = runs::means_of(runs::points_of(run.points, split), shown);
    if (const auto* best = runs::surest(samples, true)) {
      return *best;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> best_step_of(const runs::RunFile& run, const std::string& order) {
  const auto key = plane::distance_key(runs::order_of(run.points, order));
  const auto best = best_distance(run, plane::shown_metric(key, run.points));
  return best ? std::optional(best->step) : std::nullopt;
}

std::optional<std::int64_t> best_step_of(const ReportRun& run, const std::string& order) {
  return run.best_step ? run.best_step : best_step_of(run.file, order);
}

std::string best_step_line(const runs::RunFile& run, const std::string& order) {
  const auto shown = plane::shown_metric(plane::distance_key(runs::order_of(run.points, order)), run.points);
  const auto best = best_distance(run, shown);
  return !best ? ""
               : fmt::format("{}: step {}{}", best->value < 0 ? "Furthest beyond the bound" : "Nearest to the bound",
                             best->step, shown.plug_in ? " (by plug-in values)" : "");
}

std::vector<std::string> run_summary(const ReportRun& run, const std::string& called) {
  const auto& points = run.file.points;
  const auto order = runs::order_of(points, called);
  const Words words(order);
  if (points.empty()) {
    return {"The run has no measurement yet."};
  }
  const auto split = runs::main_split(points);
  const auto chosen = runs::points_of(points, split);
  const auto course = [&](const std::string& key) {
    const auto shown = plane::shown_metric(key, points);
    return Course{"", runs::means_of(chosen, shown), runs::ending_of(chosen, shown), shown.plug_in};
  };
  const Course loss{fmt::format("The loss ({})", split_name(split)), runs::losses_of(chosen),
                    runs::ending_of_loss(chosen)};
  const auto expressivity = course(plane::expressivity_key(order)), optimality = course(plane::optimality_key(order));
  const auto moved = movement_of(run.file, order);
  std::vector<std::string> sentences = {
      headline(moved, read_of(run.file, order), words, expressivity, optimality),
      forgotten_sentence(run.file),
      span(points, words),
      loss_sentence(loss),
      complexity_sentence(moved, words, course(plane::complexity_key(order))),
      direction_sentence(moved, run),
      expressivity_sentence(words, expressivity),
      words.has_output ? optimality_sentence(optimality, run, order) : "",
      curve_sentence(course(plane::curve_gap_key(order)), order),
      layers_sentence(run, order, chosen),
      run.verdict,
      caveats(run.file),
  };
  std::erase(sentences, "");
  return sentences;
}

}  // namespace infoplane::report
