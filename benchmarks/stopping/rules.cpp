#include "rules.hpp"

#include <algorithm>
#include <cstdio>

namespace stopping_study {
namespace {

using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::callbacks::Combine;
using infoplane::callbacks::Criterion;
using infoplane::callbacks::DeltaMode;
using infoplane::callbacks::Mode;

constexpr double kClose = 0.02;
constexpr double kMargin = 0.015;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

Criterion fall_of_expressivity(const std::string& key, double share, std::int64_t smoothing) {
  return Criterion()
      .monitor(key)
      .mode(Mode::kMax)
      .patience(infoplane::callbacks::kEndless)
      .min_delta(0)
      .min_delta_mode(DeltaMode::kRelative)
      .worsening(share)
      .smoothing(smoothing);
}

Criterion no_trend(const std::string& key, std::int64_t width, double errors) {
  return Criterion()
      .monitor(key)
      .patience(infoplane::callbacks::kEndless)
      .min_delta(0)
      .smoothing(3)
      .trend(width)
      .trend_errors(errors);
}

class Rules {
 public:
  void add(const std::string& family, const std::string& description, EarlyStoppingOptions options) {
    options.split("heldout").strict(false);
    for (const std::int64_t start : {180, 300}) {
      rules_.push_back({family, description + ", from step " + std::to_string(start), options.start_from_step(start)});
    }
  }

  /// Best so far, of a metric that is better when lower; alone and guarded.
  void add_plateaus(const std::string& family, const std::string& key, const std::vector<double>& deltas,
                    DeltaMode mode) {
    for (const std::int64_t patience : {3, 5, 8}) {
      for (const double delta : deltas) {
        for (const std::int64_t smoothing : {1, 3}) {
          const auto options =
              EarlyStoppingOptions().monitor(key).patience(patience).min_delta(delta).min_delta_mode(mode).smoothing(
                  smoothing);
          const auto text = "`" + key + "`, patience " + std::to_string(patience) + ", min_delta " + number(delta) +
                            (smoothing > 1 ? ", mean of " + std::to_string(smoothing) : "");
          add(family, text, options);
          if (family == "validation loss") {
            continue;
          }
          for (const double share : {0.05, 0.1, 0.15}) {
            add(family + " or fall of expressivity", text + "; or a fall of expressivity by " + number(share),
                EarlyStoppingOptions(options).also(
                    {fall_of_expressivity("I(Y;Z)/output_unigram/corrected", share, smoothing)}));
          }
        }
      }
    }
  }

  /// No trend over a window; alone, guarded, and only where the validation loss has none either.
  void add_slopes(const std::string& family, const std::string& key) {
    for (const std::int64_t width : {6, 8, 10, 12, 16}) {
      for (const double errors : {0.0, 1.0, 2.0, 3.0}) {
        const auto none = " over " + std::to_string(width) + " points within " + number(errors) + " standard errors";
        const auto options = EarlyStoppingOptions().criterion(no_trend(key, width, errors));
        add(family, "trend of `" + key + "`" + none, options);
        if (key == "validation_loss") {
          continue;
        }
        for (const double share : {0.1, 0.15}) {
          add(family + " or fall of expressivity",
              "trend of `" + key + "`" + none + "; or a fall of expressivity by " + number(share),
              EarlyStoppingOptions(options).also({fall_of_expressivity("I(Y;Z)/output_unigram/corrected", share, 3)}));
        }
        add(family + " and of validation loss", "trends of `" + key + "` and `validation_loss`" + none,
            EarlyStoppingOptions(options).also({no_trend("validation_loss", width, errors)}).combine(Combine::kAll));
      }
    }
  }

  /// The loss has not improved for some checks, and the distance has no trend left.
  void add_loss_and_slope(const std::string& key) {
    for (const std::int64_t width : {6, 8, 10, 12}) {
      for (const double errors : {0.0, 1.0, 2.0, 3.0}) {
        for (const std::int64_t patience : {3, 5, 8}) {
          for (const double delta : {0.0, 0.002, 0.005, 0.01}) {
            add("validation loss and slope of distance",
                "`validation_loss`, patience " + std::to_string(patience) + ", min_delta " + number(delta) +
                    ", and trend of `" + key + "` over " + std::to_string(width) + " points within " + number(errors) +
                    " standard errors",
                EarlyStoppingOptions()
                    .monitor("validation_loss")
                    .patience(patience)
                    .min_delta(delta)
                    .min_delta_mode(DeltaMode::kRelative)
                    .also({no_trend(key, width, errors)})
                    .combine(Combine::kAll));
          }
        }
      }
    }
  }

  std::vector<Rule> take() { return std::move(rules_); }

 private:
  std::vector<Rule> rules_;
};

}  // namespace

std::vector<Rule> all_rules() {
  Rules rules;
  const std::vector<double> deltas{0, 0.002, 0.005, 0.01};
  for (const std::string suffix : {"", "/corrected"}) {
    rules.add_plateaus("distance", "distance/unigram" + suffix, deltas, DeltaMode::kAbsolute);
    rules.add_plateaus("curve gap", "curve_gap/unigram" + suffix, {0, 0.0005, 0.001, 0.002}, DeltaMode::kAbsolute);
    rules.add_slopes("slope of distance", "distance/unigram" + suffix);
    rules.add_slopes("slope of curve gap", "curve_gap/unigram" + suffix);
    for (const std::int64_t smoothing : {1, 3}) {
      const auto mean = smoothing > 1 ? ", mean of 3" : "";
      for (const double share : {0.02, 0.03, 0.05, 0.1, 0.15}) {
        const auto key = "I(Y;Z)/output_unigram" + suffix;
        rules.add("fall of expressivity", "`" + key + "` falls by " + number(share) + mean,
                  EarlyStoppingOptions().criterion(fall_of_expressivity(key, share, smoothing)));
      }
      for (const double rise : {0.01, 0.02, 0.03, 0.05, 0.08}) {
        rules.add("generalisation", "held-out less training distance" + suffix + " rises by " + number(rise) + mean,
                  EarlyStoppingOptions()
                      .monitor("generalisation" + suffix)
                      .patience(infoplane::callbacks::kEndless)
                      .min_delta(0)
                      .worsening(rise)
                      .smoothing(smoothing));
      }
    }
  }
  rules.add_loss_and_slope("distance/unigram/corrected");
  for (const char* width : {"6", "8", "12"}) {
    rules.add("idle compression",
              std::string("complexity falls over ") + width + " points while expressivity does not rise",
              EarlyStoppingOptions()
                  .monitor(std::string("idle") + width)
                  .mode(Mode::kMax)
                  .patience(infoplane::callbacks::kEndless)
                  .stopping_threshold(1));
  }
  rules.add_plateaus("validation loss", "validation_loss", {0, 0.002, 0.005, 0.01}, DeltaMode::kRelative);
  rules.add_slopes("slope of validation loss", "validation_loss");
  auto all = rules.take();
  all.push_back({kShipped, "as shipped", EarlyStopping::compression()});
  return all;
}

Outcome apply(const Rule& rule, const Trace& trace) {
  EarlyStopping stopping(rule.options);
  Outcome outcome;
  outcome.end = trace.points.size() - 1;
  for (std::size_t i = 0; i < trace.points.size(); ++i) {
    if (stopping.update(trace.points[i], trace.derived[i])) {
      outcome.fired = true;
      outcome.end = i;
      break;
    }
  }
  outcome.excess = trace.excess(outcome.end);
  outcome.at_best = outcome.excess;
  outcome.seen = outcome.excess;
  for (std::size_t i = 0; i <= outcome.end; ++i) {
    outcome.seen = std::min(outcome.seen, trace.excess(i));
    outcome.at_best = trace.points[i].step == stopping.best_step() ? trace.excess(i) : outcome.at_best;
  }
  outcome.saved =
      1 - static_cast<double>(trace.points[outcome.end].step) / static_cast<double>(trace.points.back().step);
  return outcome;
}

void Summary::add(const Summary& other) {
  const auto all = static_cast<double>(runs + other.runs);
  const auto mix = [&](double& mine, double theirs) {
    mine += (theirs - mine) * static_cast<double>(other.runs) / all;
  };
  mix(mean, other.mean);
  mix(best_mean, other.best_mean);
  mix(seen_mean, other.seen_mean);
  mix(saved, other.saved);
  worst = std::max(worst, other.worst);
  best_worst = std::max(best_worst, other.best_worst);
  seen_worst = std::max(seen_worst, other.seen_worst);
  runs += other.runs;
  within += other.within;
  with_margin += other.with_margin;
  fired += other.fired;
  best_within += other.best_within;
}

Summary summarise(const Rule& rule, const std::vector<Trace>& traces) {
  Summary summary;
  summary.runs = traces.size();
  const auto count = static_cast<double>(traces.size());
  for (const auto& trace : traces) {
    const auto outcome = apply(rule, trace);
    summary.within += outcome.excess <= kClose ? 1 : 0;
    summary.with_margin += outcome.excess <= kMargin ? 1 : 0;
    summary.fired += outcome.fired ? 1 : 0;
    summary.best_within += outcome.at_best <= kClose ? 1 : 0;
    summary.mean += outcome.excess / count;
    summary.worst = std::max(summary.worst, outcome.excess);
    summary.best_mean += outcome.at_best / count;
    summary.best_worst = std::max(summary.best_worst, outcome.at_best);
    summary.seen_mean += outcome.seen / count;
    summary.seen_worst = std::max(summary.seen_worst, outcome.seen);
    summary.saved += outcome.saved / count;
  }
  return summary;
}

}  // namespace stopping_study
