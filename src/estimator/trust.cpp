#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/trust.hpp>
#include <numeric>
#include <random>
#include <span>

namespace infoplane::estimator {
namespace {

constexpr double kNinety = 1.645;

/// A value with its error, of one set in one trial.
struct Outcome {
  double value = kUndefined;
  double error = kUndefined;
  bool defined() const noexcept { return std::isfinite(value) && std::isfinite(error); }
};

at::Tensor rows_of(const at::Tensor& tensor, std::span<const std::int64_t> rows) {
  return tensor.index_select(0, at::tensor(at::ArrayRef<std::int64_t>(rows.data(), rows.size())).to(tensor.device()));
}

std::vector<Outcome> measure(const at::Tensor& z, const NamedLabelTensors& labels, const SoftEntropyOptions& options) {
  SoftEntropyAccumulator accumulator(z.size(2), options);
  constexpr int kSteps = 3;
  for (int step = 0; options.centre() && step < kSteps; ++step) {
    accumulator.update(z);
    const auto centre = accumulator.estimate().centre;
    accumulator.clear();
    accumulator.set_centre(at::tensor(centre, at::kDouble));
  }
  accumulator.update(z, labels);
  const auto estimate = accumulator.estimate();
  const double unit = std::log(static_cast<double>(options.anchors()));
  std::vector<Outcome> outcomes;
  for (const auto& set : estimate.sets) {
    outcomes.push_back({set.corrected_nats / unit, set.standard_error_nats / unit});
  }
  return outcomes;
}

std::vector<Outcome> measure(const at::Tensor& z, const NamedLabelTensors& labels, std::span<const std::int64_t> rows,
                             const SoftEntropyOptions& options) {
  NamedLabelTensors some;
  for (const auto& [name, tensor] : labels) {
    some.emplace_back(name, rows_of(tensor, rows));
  }
  return measure(rows_of(z, rows), some, options);
}

/// The labels of other sequences, each turned by a step of its own.
NamedLabelTensors shuffled(const NamedLabelTensors& labels, std::span<const std::int64_t> rows,
                           std::mt19937_64& random) {
  NamedLabelTensors dealt;
  for (const auto& [name, tensor] : labels) {
    const auto moved = rows_of(tensor, rows);
    std::vector<at::Tensor> turned;
    for (std::int64_t row = 0; row < moved.size(0); ++row) {
      turned.push_back(
          moved[row].roll(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(moved.size(1)))));
    }
    dealt.emplace_back(name, at::stack(turned));
  }
  return dealt;
}

struct Moments {
  double count = 0, sum = 0, squares = 0;
  void add(double value) {
    ++count;
    sum += value;
    squares += value * value;
  }
  double mean() const { return count > 0 ? sum / count : kUndefined; }
  double deviation() const {
    return count > 1 ? std::sqrt(std::fmax(0.0, squares - sum * sum / count) / (count - 1)) : kUndefined;
  }
};

/// Of one set.
struct Trials {
  Moments draws, halves, covered, shuffled, errors, alarms;
  std::int64_t undefined = 0;

  void add_halves(const Outcome& one, const Outcome& other) {
    if (!one.defined() || !other.defined()) {
      undefined += (one.defined() ? 0 : 1) + (other.defined() ? 0 : 1);
      return;
    }
    halves.add((one.value + other.value) / 2);
    covered.add(std::abs(one.value - other.value) <= kNinety * std::hypot(one.error, other.error) ? 1 : 0);
  }
  void add_shuffled(const Outcome& outcome) {
    if (!outcome.defined()) {
      ++undefined;
      return;
    }
    shuffled.add(outcome.value);
    errors.add(outcome.error);
    alarms.add(outcome.value > kNinety * outcome.error ? 1 : 0);
  }
};

void check(const at::Tensor& z, const NamedLabelTensors& labels, const TrustOptions& options) {
  INFOPLANE_CHECK(z.defined() && z.dim() == 3, ShapeError, "trust() takes activations as [B, T, d], got ",
                  z.defined() ? detail::concat("[", detail::join(z.sizes()), "]") : std::string("none"));
  INFOPLANE_CHECK(z.size(1) >= 1, ShapeError, "trust() takes sequences of at least 1 position, got 0");
  for (const auto& [name, tensor] : labels) {
    INFOPLANE_CHECK(tensor.defined() && tensor.dim() == 2 && tensor.sizes() == z.sizes().slice(0, 2), ShapeError,
                    "trust() takes labels as [B, T] = [", z.size(0), ", ", z.size(1), "], got ", name, " as ",
                    tensor.defined() ? detail::concat("[", detail::join(tensor.sizes()), "]") : std::string("none"));
  }
  INFOPLANE_CHECK(z.size(0) >= 4, ArgumentError, "trust() needs at least 4 sequences to deal into halves, got ",
                  z.size(0));
  INFOPLANE_CHECK(!labels.empty(), ArgumentError, "trust() needs at least one label set");
  INFOPLANE_CHECK(options.trials() >= 2 && options.draws() >= 2, ArgumentError,
                  "trust() needs at least 2 trials and 2 draws, got ", options.trials(), " and ", options.draws());
}

}  // namespace

std::vector<Trust> trust(const at::Tensor& z, const NamedLabelTensors& labels, const TrustOptions& options) {
  check(z, labels, options);
  const auto whole = measure(z, labels, options.estimator());
  std::vector<Trials> trials(whole.size());
  for (std::int64_t draw = 0; draw < options.draws(); ++draw) {
    auto drawn = options.estimator();
    const auto outcomes =
        draw == 0 ? whole : measure(z, labels, drawn.seed(drawn.seed() + static_cast<std::uint64_t>(draw)));
    for (std::size_t set = 0; set < trials.size(); ++set) {
      if (std::isfinite(outcomes[set].value)) {
        trials[set].draws.add(outcomes[set].value);
      } else {
        ++trials[set].undefined;
      }
    }
  }
  std::mt19937_64 random(options.seed());
  std::vector<std::int64_t> rows(static_cast<std::size_t>(z.size(0)));
  std::iota(rows.begin(), rows.end(), 0);
  for (std::int64_t trial = 0; trial < options.trials(); ++trial) {
    for (std::size_t i = rows.size(); i > 1; --i) {  // as std::shuffle, but the same everywhere
      std::swap(rows[i - 1], rows[random() % i]);
    }
    const std::span<const std::int64_t> all(rows);
    const auto half = all.size() / 2;
    const auto one = measure(z, labels, all.first(half), options.estimator());
    const auto other = measure(z, labels, all.subspan(half, half), options.estimator());
    const auto nothing = measure(z, shuffled(labels, all, random), options.estimator());
    for (std::size_t set = 0; set < trials.size(); ++set) {
      trials[set].add_halves(one[set], other[set]);
      trials[set].add_shuffled(nothing[set]);
    }
  }
  std::vector<Trust> sets;
  for (std::size_t set = 0; set < trials.size(); ++set) {
    const auto& of = trials[set];
    sets.push_back({labels[set].first, whole[set].value, whole[set].error, of.draws.deviation(),
                    of.halves.mean() - whole[set].value, of.covered.mean(), of.shuffled.mean(), of.shuffled.deviation(),
                    of.errors.mean(), of.alarms.mean(), of.undefined});
  }
  return sets;
}

std::string to_text(const std::vector<Trust>& sets) {
  const auto shown = [](double value) { return detail::concat(std::round(1e4 * value) / 1e4); };
  const auto percent = [](double share) { return detail::concat(std::round(100 * share), " %"); };
  std::string text;
  for (const auto& set : sets) {
    text += detail::concat(
        set.name, ": ", shown(set.value), " ± ", shown(set.error), "; between draws of the anchors ",
        shown(set.draw_spread), "; halves: bias ", shown(set.half_bias), ", ", percent(set.half_cover),
        " differ by less than 1.645 errors; shuffled labels: ", shown(set.shuffled_mean), " ± ",
        shown(set.shuffled_spread), ", reported ± ", shown(set.shuffled_error), ", ", percent(set.false_alarms),
        " false alarms", set.undefined > 0 ? detail::concat("; ", set.undefined, " not defined") : std::string(), "\n");
  }
  return text;
}

}  // namespace infoplane::estimator
