#include "rules.hpp"

#include <cstdio>
#include <utility>

namespace stopping_study {
namespace {

using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::callbacks::Combine;
using infoplane::callbacks::Criterion;
using infoplane::callbacks::DeltaMode;
using infoplane::callbacks::Mode;

/// A metric that rules look at.
struct Watched {
  std::string name;
  std::string key;
  std::vector<Mode> modes;  ///< which way is better; both where nobody says
};

/// What sees a bound's distance, or what the layers hold besides.
std::vector<Watched> of_the_plane() {
  return {{"distance", "distance/unigram/corrected", {Mode::kMin}},
          {"curve gap", "curve_gap/unigram/corrected", {Mode::kMin}},
          {"bound gap", "bound_gap/unigram/corrected", {Mode::kMin, Mode::kMax}},
          {"efficiency", "efficiency/unigram/corrected", {Mode::kMin, Mode::kMax}},
          {"Y/context", "share/output_unigram/corrected", {Mode::kMin, Mode::kMax}},
          {"token/context", "share/input_unigram/corrected", {Mode::kMin, Mode::kMax}},
          {"excess", "excess", {Mode::kMin, Mode::kMax}}};
}

/// What others read off the representation.
std::vector<Watched> of_others() {
  return {{"RankMe", "rankme", {Mode::kMin, Mode::kMax}},
          {"α-ReQ", "alpha_req", {Mode::kMin, Mode::kMax}},
          {"matrix entropy", "matrix_entropy", {Mode::kMin, Mode::kMax}},
          {"local dimension", "local_dimension", {Mode::kMin, Mode::kMax}}};
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string mean_of(std::int64_t smoothing) { return smoothing > 1 ? ", mean of " + std::to_string(smoothing) : ""; }

Criterion endless(const std::string& key, Mode mode, std::int64_t smoothing) {
  return Criterion()
      .monitor(key)
      .mode(mode)
      .patience(infoplane::callbacks::kEndless)
      .min_delta(0)
      .min_delta_mode(DeltaMode::kRelative)
      .smoothing(smoothing);
}

Criterion worse_by(const std::string& key, Mode mode, double share, std::int64_t smoothing) {
  return endless(key, mode, smoothing).worsening(share);
}

Criterion no_trend(const std::string& key, Mode mode, std::int64_t width, double errors) {
  return endless(key, mode, 3).trend(width).trend_errors(errors);
}

Criterion plateau(const std::string& key, Mode mode, std::int64_t patience, double delta, std::int64_t smoothing) {
  return endless(key, mode, smoothing).patience(patience).min_delta(delta);
}

EarlyStoppingOptions all_of(const std::vector<Criterion>& criteria) {
  return EarlyStoppingOptions()
      .criterion(criteria.front())
      .also({criteria.begin() + 1, criteria.end()})
      .combine(Combine::kAll);
}

/// A metric without trend for the better, whichever way that is.
std::vector<Criterion> at_rest(const Watched& watched, std::int64_t width, double errors) {
  std::vector<Criterion> criteria;
  for (const auto mode : watched.modes) {
    criteria.push_back(no_trend(watched.key, mode, width, errors));
  }
  return criteria;
}

std::string no_trend_of(const Watched& watched, std::int64_t width, double errors) {
  return "trend of `" + watched.key + "` over " + std::to_string(width) + " points within " + number(errors) +
         " standard errors";
}

class Rules {
 public:
  void add(const std::string& family, const std::string& description, EarlyStoppingOptions options,
           const std::vector<std::int64_t>& starts = {180, 300}) {
    options.split("heldout").strict(false);
    for (const auto start : starts) {
      rules_.push_back({family, description + ", from step " + std::to_string(start), options.start_from_step(start)});
    }
  }

  /// Best so far.
  void add_plateaus(const Watched& watched) {
    for (const auto mode : watched.modes) {
      for (const std::int64_t patience : {3, 5, 8}) {
        for (const double delta : {0.0, 0.005, 0.01, 0.02}) {
          for (const std::int64_t smoothing : {1, 3}) {
            add(watched.name,
                "`" + watched.key + "`" + (watched.modes.size() > 1 ? mode == Mode::kMin ? " falls" : " rises" : "") +
                    ", patience " + std::to_string(patience) + ", min_delta " + number(delta) + mean_of(smoothing),
                EarlyStoppingOptions().criterion(plateau(watched.key, mode, patience, delta, smoothing)));
          }
        }
      }
    }
  }

  /// No trend over a window.
  void add_slopes(const Watched& watched) {
    for (const std::int64_t width : {6, 8, 10, 12, 16}) {
      for (const double errors : {-2.0, -1.0, 0.0, 1.0, 2.0, 3.0}) {
        add("slope of " + watched.name, no_trend_of(watched, width, errors), all_of(at_rest(watched, width, errors)));
      }
    }
  }

  /// Worse than its best by so much.
  void add_falls(const std::string& family, const Watched& watched, const std::vector<double>& shares, DeltaMode unit) {
    for (const auto mode : watched.modes) {
      for (const double share : shares) {
        for (const std::int64_t smoothing : {1, 3}) {
          add(family, "`" + watched.key + "` worse than its best by " + number(share) + mean_of(smoothing),
              EarlyStoppingOptions().criterion(worse_by(watched.key, mode, share, smoothing).min_delta_mode(unit)));
        }
      }
    }
  }

  /// The loss does not improve, or has risen, and the metric has no trend left.
  void add_loss_and_slope(const Watched& watched) {
    for (const auto& [text, loss] : losses_at_rest()) {
      for (const std::int64_t width : {6, 8, 12}) {
        for (const double errors : {1.0, 2.0, 3.0}) {
          auto criteria = at_rest(watched, width, errors);
          criteria.insert(criteria.begin(), loss);
          add("validation loss and slope of " + watched.name, text + ", and " + no_trend_of(watched, width, errors),
              all_of(criteria), {180});
        }
      }
    }
  }

  /// Neither the loss nor the metric has a trend left.
  void add_two_slopes(const Watched& watched) {
    const Watched loss{"validation loss", "validation_loss", {Mode::kMin}};
    for (const std::int64_t width : {8, 10, 12, 16}) {
      for (const double of_loss : {-2.0, -1.0, 0.0, 1.0, 2.0}) {
        for (const double errors : {1.0, 2.0, 3.0, 4.0}) {
          auto criteria = at_rest(watched, width, errors);
          criteria.insert(criteria.begin(), no_trend(loss.key, Mode::kMin, width, of_loss));
          add("slopes of validation loss and of " + watched.name,
              no_trend_of(loss, width, of_loss) + ", and of `" + watched.key + "` within " + number(errors),
              all_of(criteria), {180});
        }
      }
    }
  }

  /// The loss alone.
  void add_losses() {
    for (const auto& [text, loss] : losses_at_rest()) {
      add("validation loss", text, EarlyStoppingOptions().criterion(loss));
    }
  }

  void add_whole(const std::string& family, EarlyStoppingOptions options) {
    rules_.push_back({family, "as shipped", std::move(options)});
  }

  std::vector<Rule> take() { return std::move(rules_); }

 private:
  static std::vector<std::pair<std::string, Criterion>> losses_at_rest() {
    const std::string key = "validation_loss";
    std::vector<std::pair<std::string, Criterion>> rules;
    for (const std::int64_t smoothing : {1, 3, 5}) {
      for (const std::int64_t patience : {3, 5, 8}) {
        for (const double delta : {0.0, 0.002, 0.005, 0.01}) {
          rules.emplace_back("`" + key + "`, patience " + std::to_string(patience) + ", min_delta " + number(delta) +
                                 mean_of(smoothing),
                             plateau(key, Mode::kMin, patience, delta, smoothing));
        }
      }
      for (const double share : {0.002, 0.005, 0.0075, 0.01, 0.015}) {
        for (const double errors : {0.0, 2.0, 3.0, 4.0}) {
          rules.emplace_back("`" + key + "` above its best by " + number(share) +
                                 (errors > 0 ? " and by " + number(errors) + " errors of its jumps" : "") +
                                 mean_of(smoothing),
                             worse_by(key, Mode::kMin, share, smoothing).worsening_errors(errors));
        }
      }
    }
    return rules;
  }

  std::vector<Rule> rules_;
};

void add_the_planes_own(Rules& rules) {
  const std::vector<double> shares{0.02, 0.03, 0.05, 0.1, 0.15};
  rules.add_falls("fall of expressivity", {"", "I(Y;Z)/output_unigram/corrected", {Mode::kMax}}, shares,
                  DeltaMode::kRelative);
  rules.add_falls("fall of Y/context", {"", "share/output_unigram/corrected", {Mode::kMax}}, shares,
                  DeltaMode::kRelative);
  rules.add_falls("fall of efficiency", {"", "efficiency/unigram/corrected", {Mode::kMax}}, shares,
                  DeltaMode::kRelative);
  const std::vector<double> rises{0.005, 0.01, 0.02, 0.03, 0.05, 0.08};
  rules.add_falls("generalisation of the distance", {"", "generalisation", {Mode::kMin}}, rises, DeltaMode::kAbsolute);
  rules.add_falls("generalisation of the excess", {"", "excess_generalisation", {Mode::kMin}}, rises,
                  DeltaMode::kAbsolute);
  for (const char* width : {"6", "8", "12"}) {
    rules.add(
        "idle compression", std::string("complexity falls over ") + width + " points while expressivity does not rise",
        EarlyStoppingOptions().criterion(endless(std::string("idle") + width, Mode::kMax, 1).stopping_threshold(1)));
  }
}

}  // namespace

std::vector<Rule> all_rules() {
  Rules rules;
  for (const auto& group : {of_the_plane(), of_others()}) {
    for (const auto& watched : group) {
      rules.add_plateaus(watched);
      rules.add_slopes(watched);
      rules.add_loss_and_slope(watched);
      rules.add_two_slopes(watched);
    }
  }
  add_the_planes_own(rules);
  rules.add_losses();
  const Watched loss{"validation loss", "validation_loss", {Mode::kMin}};
  rules.add_slopes(loss);
  rules.add_whole(kShipped, EarlyStopping::compression());
  rules.add_whole(kDefault, EarlyStoppingOptions().split("heldout"));
  return rules.take();
}

}  // namespace stopping_study
