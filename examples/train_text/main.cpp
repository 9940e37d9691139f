#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <infoplane/core/write_file.hpp>
#include <infoplane/infoplane.hpp>
#include <infoplane/report/plane_table.hpp>
#include <infoplane/report/report.hpp>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bound.hpp"
#include "interrupt.hpp"
#include "model.hpp"
#include "options.hpp"
#include "progress_line.hpp"
#include "ranks.hpp"
#include "text.hpp"
#include "training.hpp"

namespace train_text {
namespace {

constexpr std::int64_t kHeldoutRows = 256;

Text load_text(const Options& options) {
  if (!options.tokens.empty()) {
    return load_tokens(options.tokens, options.vocabulary);
  }
  return options.text.empty() ? load_own_headers() : load_bytes(options.text);
}

/// As much of the text as the options ask for.
Text limited(Text text, const Options& options) {
  const bool own = options.text.empty() && options.tokens.empty();
  const auto limit = options.limit.value_or(own ? kOwnTokens : 0);
  return limit > 0 ? cut(std::move(text), limit) : text;
}

/// The model on the device; drawn on the CPU, so that a seed means the same weights everywhere.
GPT make_model(const Options& options, std::int64_t vocabulary, const torch::Device& device) {
  torch::manual_seed(options.seed);
  GPT model(GPTOptions()
                .vocabulary(vocabulary)
                .context(options.context)
                .width(options.width)
                .layers(options.layers)
                .heads(options.heads));
  model->to(device);
  return model;
}

/// Where each layer is on its way over the plane, from the held-out points.
void print_phases(const std::vector<infoplane::plane::Point>& points) {
  infoplane::Trajectory trajectory;
  for (const auto& point : points) {
    if (point.split == "heldout") {
      trajectory.append(point);
    }
  }
  fmt::print("Phases of the held-out complexity, unigrams (change, and how many times its noise)\n");
  for (const auto& layer : trajectory.layers()) {
    fmt::print("{:<18}", layer);
    const char* separator = "";
    for (const auto& phase : infoplane::plane::phases(trajectory, infoplane::plane::PhaseOptions().layer(layer))) {
      fmt::print("{}{} {}–{}", separator, to_string(phase.kind), phase.first_step, phase.last_step);
      if (phase.kind != infoplane::plane::PhaseKind::kUndecided) {
        fmt::print(" ({:+.3f}, {:.0f})", phase.complexity.value, std::abs(phase.complexity.evidence()));
      }
      separator = ", ";
    }
    fmt::print("\n");
  }
}

/// Whether the run ended by the rule, why, and which step was best.
void print_verdict(const Options& options, const std::vector<infoplane::plane::Point>& points,
                   const infoplane::EarlyStopping& stopping) {
  if (!stopping.stopped()) {
    fmt::print("\nStopping: no reason to stop yet; {}\n", stopping.message());
  } else {
    fmt::print("\nStopping: {}stopped at step {} ({}): {}\n", options.stop ? "" : "would have ",
               stopping.stopped_step(), to_string(stopping.reason()), stopping.message());
  }
  const infoplane::plane::Point* best = nullptr;
  const infoplane::plane::Point* lowest = nullptr;
  for (const auto& point : points) {
    if (point.split == "heldout") {
      best = point.step == stopping.best_step() ? &point : best;
      lowest = lowest == nullptr || point.loss < lowest->loss ? &point : lowest;
    }
  }
  if (best == nullptr) {
    return;
  }
  fmt::print("Best step by the rule: {}, with a held-out loss of {:.4f}; at the last point it is {:.4f}\n", best->step,
             best->loss, points.back().loss);
  if (lowest->loss < best->loss) {
    fmt::print("The lowest is {:.4f}, at step {}: better, but not by the {:g} % that count as an improvement\n",
               lowest->loss, lowest->step, 100 * stopping.options().min_delta());
  }
}

/// Beside the run file.
std::string page_of(const Options& options) {
  auto page = std::filesystem::path(options.out).replace_extension(".html").string();
  return page == options.out ? page + ".html" : page;
}

/// @throws std::invalid_argument if the run or its page would be written over the text.
void require_apart(const Options& options) {
  const auto& input = options.tokens.empty() ? options.text : options.tokens;
  for (const auto& output : {options.out, page_of(options)}) {
    if (!input.empty() && infoplane::written_over(output, {input})) {
      throw std::invalid_argument(fmt::format("{} would be written over {}: give another --out", output, input));
    }
  }
}

/// Draws the run beside its file, and returns the page's path.
std::string write_report(const Options& options, const infoplane::EarlyStopping& stopping) {
  infoplane::report::ReportRun run;
  run.file = infoplane::read_run_file(options.out);
  run.source = options.out;
  if (stopping.best_step() >= 0) {
    run.best_step = stopping.best_step();
  }
  if (stopping.stopped()) {
    run.stop_step = stopping.stopped_step();
    run.verdict = fmt::format("The stopping rule {} at step {}: {}.", options.stop ? "stopped" : "would have stopped",
                              stopping.stopped_step(), stopping.message());
  }
  const auto page = page_of(options);
  infoplane::write_file(page, infoplane::report::html_report({run}));
  return page;
}

/// What the run showed, for a person.
void report(const Options& options, const std::vector<infoplane::plane::Point>& points,
            const infoplane::EarlyStopping& stopping, double seconds, double measuring) {
  if (points.empty()) {
    return;
  }
  for (const auto* order : {"unigram", "bigram"}) {
    fmt::print("\nMean over the blocks, {}s\n{}", order,
               infoplane::report::plane_table(points, infoplane::report::PlaneTableOptions().order(order)));
  }
  fmt::print("\nLast held-out point\n{}\n", infoplane::report::layer_table(points.back()));
  print_phases(points);
  print_verdict(options, points, stopping);
  fmt::print("{:.1f} s, of which {:.1f} s measuring; run file {}\n", seconds, measuring, options.out);
  try {
    fmt::print("What happened, as a page: {}\n", write_report(options, stopping));
  } catch (const infoplane::Error& error) {  // such as of --out /dev/null; the training itself went well
    fmt::print("No page: {}\n", error.what());
  }
}

infoplane::MonitorOptions monitor_options(const Options& options, const Text& text, const Ranks& ranks) {
  auto monitor = infoplane::MonitorOptions()
                     .every(options.every)
                     .window(std::min(options.window, options.every))
                     .run("train_text")
                     .details({{"learning_rate", options.learning_rate},
                               {"seed", static_cast<std::int64_t>(options.seed)},
                               {"text", options.tokens.empty() ? options.text : options.tokens}});
  if (auto curve = ranks.first() ? solve_bound(text) : std::nullopt) {  // needed where points are made
    monitor.bound("unigram", std::move(*curve));
  }
  return monitor;
}

int train(const Options& options) {
  at::set_num_threads(options.threads);
  Ranks ranks = Ranks::launched();
  if (options.batch % ranks.size() != 0) {
    throw std::invalid_argument(fmt::format("--batch {} does not divide among {} ranks", options.batch, ranks.size()));
  }
  const bool quiet = options.quiet || !ranks.first();  // one of them speaks and writes
  require_apart(options);
  const Text text = limited(load_text(options), options);
  Batches batches(text.train, options.batch, options.context, options.seed);
  const Batch heldout = ranks.rows_of(even_rows(text.heldout, kHeldoutRows, options.context));
  const torch::Device device = find_device(ranks.device(options.device));
  auto model = make_model(options, text.vocabulary, device);
  const Batch heldout_there = moved(heldout, device);
  auto optimizer = make_optimizer(model, options.learning_rate);

  infoplane::Monitor monitor(model, monitor_options(options, text, ranks), ranks.communicator());
  monitor.add_sink(infoplane::JsonLinesSink(options.out, infoplane::OpenMode::kOverwrite));
  monitor.add_sink(infoplane::ConsoleSink(infoplane::ConsoleSinkOptions().quiet(quiet)));
  infoplane::EarlyStopping stopping(infoplane::EarlyStopping::compression());
  ProgressLine progress(options.steps, !quiet && on_terminal(), std::cerr);
  std::vector<infoplane::plane::Point> points;
  if (!quiet) {
    fmt::print("{}: {} tokens to train on, {} held out{}\n\n{}\n", text.name, text.train.size(), text.heldout.size(),
               ranks.size() > 1 ? fmt::format("; {} ranks", ranks.size()) : "", monitor.describe());
  }

  catch_interrupts();
  int signal = 0;  // of any rank
  const auto start = std::chrono::steady_clock::now();
  // Step s sees the model after s updates, so the last one puts the end of training on record.
  for (std::int64_t step = 0; step <= options.steps && signal == 0; ++step) {
    const Batch batch = ranks.rows_of(batches.next());                      // all draw the same, each takes its rows
    auto observation = monitor.observe(step, batch.inputs, batch.targets);  // labels are made on the host
    const auto [inputs, targets] = moved(batch, device);
    auto loss = cross_entropy(model(inputs), targets);
    if (auto point = monitor.end_step(step, loss)) {
      points.push_back(*point);
      auto heldout_observation = monitor.observe_heldout(step, heldout.inputs, heldout.targets);
      const double validation = heldout_loss(model, heldout_there);
      points.push_back(*monitor.end_heldout(step, validation, infoplane::LossKind::kCrossEntropy));
      if (stopping.update(points.back()) && options.stop) {
        break;
      }
    }
    update(model, optimizer, loss, warmed_up(options.learning_rate, step),
           [&] { signal = ranks.average_gradients(*model, interrupted()); });
    progress.update(step);
  }
  progress.finish();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  if (!quiet) {
    report(options, points, stopping, elapsed.count(), monitor.seconds());
  }
  if (signal != 0) {
    if (ranks.first()) {
      fmt::print(stderr, "train_text: ended by signal {}; {} is complete up to step {}\n", signal, options.out,
                 points.empty() ? 0 : points.back().step);
    }
    return 128 + signal;
  }
  return 0;
}

}  // namespace
}  // namespace train_text

int main(int argc, char** argv) {
  try {
    const auto command_line = train_text::parse_command_line(argc, argv);
    if (!command_line.options) {
      const bool helped = command_line.exit_code == 0;
      fmt::print(helped ? stdout : stderr, "{}{}\n", helped ? "" : "train_text: ", command_line.message);
      return command_line.exit_code;
    }
    return train_text::train(*command_line.options);
  } catch (const train_text::TextError& error) {
    fmt::print(stderr, "train_text: {}\n", error.what());
    return 2;
  } catch (const std::invalid_argument& error) {  // no such device, rows that do not divide, --out over the text
    fmt::print(stderr, "train_text: {}\n", error.what());
    return 2;
  } catch (const infoplane::IoError& error) {  // the run file: sinks only throw when they are added
    fmt::print(stderr, "train_text: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "train_text: {}\n", error.what());
    return 1;
  }
}
