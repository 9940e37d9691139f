// What hooks cost a training step of the demo's model (d 64, 3 blocks, 16 rows of 64 tokens), on one thread. The
// variants take turns within each repetition, in changing order, so that what else the machine does hits all alike.
//
//     infoplane_bench_hooks [repetitions]           prints
//     infoplane_bench_hooks --check [repetitions]   exits with 1 if hooks cost more than they may
//     infoplane_bench_hooks --measuring [blocks] [width …]   what measuring costs, orders 1 and 2 in and out, at widths
//                                                   64 and 256 or those given; from 256 on also whether that is what is
//                                                   promised
//     infoplane_bench_hooks --measuring-busy [blocks]   the same in processor time on one thread: on a busy machine

#include <ATen/Parallel.h>
#include <torch/nn/functional/loss.h>
#include <torch/optim/adamw.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/hooks/watch.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

#include "model.hpp"

namespace {

using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::hooks::Scope;
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;

/// The demo's model with its optimizer and one batch.
struct Training {
  explicit Training(std::int64_t width = 64) {
    torch::manual_seed(1);
    model = train_text::GPT(train_text::GPTOptions().width(width));
    optimizer.emplace(model->parameters(), torch::optim::AdamWOptions(1e-3));
    tokens = torch::randint(256, {16, 65});
  }

  torch::Tensor forward() {
    const auto logits = model(tokens.slice(1, 0, 64));
    return torch::nn::functional::cross_entropy(logits.flatten(0, 1), tokens.slice(1, 1).flatten());
  }

  void backward(const torch::Tensor& loss) {
    optimizer->zero_grad();
    loss.backward();
    optimizer->step();
  }

  train_text::GPT model{nullptr};
  std::optional<torch::optim::AdamW> optimizer;
  torch::Tensor tokens;
};

constexpr double kMayCost = 1.03;  ///< of a step, by lower quartiles, with every stream observed or none
constexpr int kRounds = 3;         ///< a busy machine gets as many chances

infoplane::hooks::Capture nothing() {
  return [](const Site& /*site*/, const at::Tensor& /*stream*/) {};
}

/// Losses are bit-identical, and each of the four streams comes once a step.
bool verify() {
  Training plain;
  Training watched;
  Watcher watcher(*watched.model);
  for (int step = 0; step < 3; ++step) {
    const auto expected = plain.forward();
    plain.backward(expected);
    int captures = 0;
    auto scope = watcher.observe([&](const Site& /*site*/, const at::Tensor& stream) {
      captures += stream.sizes() == at::IntArrayRef({16, 64, 64}) ? 1 : 0;
    });
    const auto loss = watched.forward();
    watched.backward(loss);
    scope.finish();
    if (captures != 4 || !at::equal(loss, expected)) {
      std::fprintf(stderr, "step %d: %d streams, loss %.9g instead of %.9g\n", step, captures, loss.item<double>(),
                   expected.item<double>());
      return false;
    }
  }
  watcher.verify();
  return true;
}

double milliseconds(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double processor_milliseconds(const std::function<void()>& run) {
  const std::clock_t start = std::clock();
  run();
  return 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

double tap_nanoseconds(const at::Tensor& x) {
  constexpr int kCalls = 10'000'000;
  const double took = milliseconds([&] {
    for (int i = 0; i < kCalls; ++i) {
      infoplane::tap("blocks", x);
    }
  });
  return took * 1e6 / kCalls;
}

using Times = std::vector<std::vector<double>>;

struct Variant {
  const char* name;
  bool is_checked;  ///< may cost a step no more than kMayCost
  std::function<void()> run;
};

Times measure(const std::vector<Variant>& variants, int repetitions) {
  Times times(variants.size());
  for (int repetition = -3; repetition < repetitions; ++repetition) {  // the first three warm up, and learn the model
    for (std::size_t i = 0; i < variants.size(); ++i) {
      const auto turn = (i + static_cast<std::size_t>(repetition + 3)) % variants.size();
      const double took = milliseconds(variants[turn].run);
      if (repetition >= 0) {
        times[turn].push_back(took);
      }
    }
  }
  return times;
}

/// The ratio of variant `i` to the first.
double ratio(const Times& times, std::size_t i, double q) { return quantile(times[i], q) / quantile(times[0], q); }

void print(const std::vector<Variant>& variants, const Times& times) {
  std::printf("%zu repetitions; ratios to the first line, of medians and of lower quartiles\n", times[0].size());
  for (std::size_t i = 0; i < variants.size(); ++i) {
    std::printf("%-42s %7.2f ms   %.3f   %.3f\n", variants[i].name, quantile(times[i], 0.5), ratio(times, i, 0.5),
                ratio(times, i, 0.25));
  }
}

/// Names the variants that cost too much.
bool is_cheap(const std::vector<Variant>& variants, const Times& times) {
  bool cheap = true;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    if (variants[i].is_checked && ratio(times, i, 0.25) > kMayCost) {
      std::printf("too slow: %s takes %.3f of a step, more than %.2f\n", variants[i].name, ratio(times, i, 0.25),
                  kMayCost);
      cheap = false;
    }
  }
  return cheap;
}

/// Whether a step that takes `measured` of one without keeps what is promised. `own`: by the monitor's own clock, which
/// counts the time of other programs too, and says nothing beside processor time.
const char* verdict(double promised, double measured, double noise, double own, bool busy) {
  if (measured - noise > promised) {
    return "NOT MET";
  }
  if (measured + noise <= promised) {
    return "met";
  }
  if (busy) {
    return "not settled, the noise is too large";
  }
  return own <= promised ? "met by its own clock, the noise is too large for the other"
                         : "NOT MET by its own clock, the noise is too large for the other";
}

/// Milliseconds of ten steps of each variant in turn, at one width of the model: no monitor, then monitors that log
/// every so many steps and sum up all steps between.
void print_measuring(std::int64_t width, int blocks, double (*clock)(const std::function<void()>&)) {
  constexpr int kSteps = 10;
  Training training(width);
  const auto inputs = training.tokens.slice(1, 0, 64);
  const auto targets = training.tokens.slice(1, 1);
  std::vector<std::unique_ptr<Monitor>> monitors;
  const auto add = [&](std::int64_t every, std::int64_t window) {
    monitors.push_back(std::make_unique<Monitor>(*training.model, MonitorOptions().every(every).window(window)));
  };
  add(1, 1);
  add(10, 1);
  add(10, 10);
  const std::array names = {"every(1): each step measured and logged", "every(10): one step of ten measured",
                            "every(10).window(10): each step measured"};
  constexpr std::array kPromised = {1.02, 1.002, 1.02};  // from width 256 on
  std::vector<std::vector<double>> times(2 + monitors.size());
  std::vector<double> inside(monitors.size());
  std::int64_t step = 0;
  for (int block = -1; block < blocks; ++block) {  // the first warms up, and learns the model
    const std::int64_t first = step;
    for (std::size_t v = 0; v < times.size(); ++v) {
      Monitor* const monitor = v < 2 ? nullptr : monitors[v - 2].get();
      const double before = monitor == nullptr ? 0 : monitor->seconds();
      const double took = clock([&] {
        for (step = first; step < first + kSteps; ++step) {
          if (monitor == nullptr) {
            training.backward(training.forward());
            continue;
          }
          const auto observation = monitor->observe(step, inputs, targets);
          const auto loss = training.forward();
          training.backward(loss);
          monitor->end_step(step, loss);
        }
      });
      if (block >= 0) {
        times[v].push_back(took);
        if (monitor != nullptr) {
          inside[v - 2] += (monitor->seconds() - before) * 1000 / (blocks * kSteps);
        }
      }
    }
  }
  const double plain = quantile(times[0], 0.25);
  std::printf("width %ld: a step takes %.1f ms; the same again %.3f of it (noise)\n", static_cast<long>(width),
              plain / kSteps, quantile(times[1], 0.25) / plain);
  for (std::size_t v = 0; v < monitors.size(); ++v) {
    const double measured = quantile(times[v + 2], 0.25) / plain;
    const double own = 1 + inside[v] * kSteps / plain;
    std::printf("  %-42s %.3f of a step; by the monitor's own clock %.2f ms a step, %.3f\n", names[v], measured,
                inside[v], own);
    if (width >= 256) {
      std::printf("  %-42s promised at most %.3f: %s\n", "", kPromised[v],
                  verdict(kPromised[v], measured, std::abs(quantile(times[1], 0.25) / plain - 1), own,
                          clock == processor_milliseconds));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool busy = argc > 1 && std::string_view(argv[1]) == "--measuring-busy";
  const bool measures = busy || (argc > 1 && std::string_view(argv[1]) == "--measuring");
  if (!measures || busy) {
    at::set_num_threads(1);
  }
  if (!verify()) {
    std::fprintf(stderr, "wrong result: nothing to time\n");
    return 1;
  }
  if (measures) {
    const int blocks = std::max(1, std::atoi(argc > 2 ? argv[2] : "5"));
    std::vector<std::int64_t> widths;
    std::transform(argv + std::min(argc, 3), argv + argc, std::back_inserter(widths),
                   [](const char* text) { return std::max<std::int64_t>(64, std::atoll(text) / 64 * 64); });
    if (widths.empty()) {
      widths = {64, 256};
    }
    for (const std::int64_t width : widths) {
      print_measuring(width, blocks, busy ? processor_milliseconds : milliseconds);
    }
    return 0;
  }
  const bool checks = argc > 1 && std::string_view(argv[1]) == "--check";
  const char* count = argc > (checks ? 2 : 1) ? argv[checks ? 2 : 1] : "150";
  const int repetitions = std::max(1, std::atoi(count));
  Training training;
  Watcher watcher(*training.model);
  Monitor resting(*training.model, MonitorOptions().every(1'000'000'000));
  Monitor measuring(*training.model, MonitorOptions().every(1));
  const auto inputs = training.tokens.slice(1, 0, 64);
  std::int64_t step = 0;
  const std::vector<Variant> variants = {
      {"without infoplane", false, [&] { training.backward(training.forward()); }},
      {"the same again (noise)", false, [&] { training.backward(training.forward()); }},
      {"monitor, step not observed", true,
       [&] {
         ++step;
         const auto observation = resting.observe(step, inputs);
         const auto loss = training.forward();
         training.backward(loss);
         resting.end_step(step, loss);
       }},
      {"empty capture, scope over the forward", true,
       [&] {
         Scope scope = watcher.observe(nothing());
         const auto loss = training.forward();
         scope.finish();
         training.backward(loss);
       }},
      {"empty capture, scope over the step", true,
       [&] {
         Scope scope = watcher.observe(nothing());
         training.backward(training.forward());
         scope.finish();
       }},
      {"monitor, every step measured and logged", false,
       [&] {
         ++step;
         const auto observation = measuring.observe(step, inputs);
         const auto loss = training.forward();
         training.backward(loss);
         measuring.end_step(step, loss);
       }},
  };
  for (int round = 1;; ++round) {
    const auto times = measure(variants, repetitions);
    print(variants, times);
    if (!checks || is_cheap(variants, times)) {
      break;
    }
    if (round == kRounds) {
      return 1;
    }
  }
  std::printf("a tap outside of scopes: %.2f ns\n", tap_nanoseconds(inputs));
  return 0;
}
