// infoplane_draws_study: what the draw of the anchors does to values that are compared between models. A model that is
// turned, which changes nothing that it says, is the same as another draw. So one representation is measured with many
// draws, and two "models" are two groups of them that share none.
//
//   infoplane_draws_study                                                     # a made representation
//   infoplane_draws_study --activations b12.f32 --tokens seqs.npy
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/draws.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/ranking.hpp>
#include <string>
#include <vector>

#include "activation_files.hpp"

namespace {

using infoplane::estimator::SoftEntropyAccumulator;
using infoplane::estimator::SoftEntropyOptions;
using infoplane::plane::LayerPoint;
using infoplane::plane::Measured;

struct Settings {
  std::string activations, tokens;
  std::int64_t width = 64;
  std::int64_t length = 64;
  std::int64_t most = 65536;
  std::int64_t draws = 96;  // of m = 100; fewer of larger m
};

struct Data {
  at::Tensor z;       // float32 [B, T, d]
  at::Tensor tokens;  // int64 [B, T]
};

/// A common direction, a cluster for each of 512 tokens of Zipf frequency, and a part from the context.
Data made(const Settings& settings) {
  const auto generator = at::detail::createCPUGenerator(7);
  const auto rows = settings.most / settings.length;
  const auto weights = at::arange(1, 513, at::kDouble).reciprocal();
  const auto tokens = at::multinomial(weights, rows * settings.length, true, generator).view({rows, settings.length});
  const auto clusters = at::randn({512, settings.width}, generator, at::kFloat);
  const auto context = at::randn({rows, settings.length, settings.width}, generator, at::kFloat);
  const auto common = at::randn({settings.width}, generator, at::kFloat);
  return {1.2 * common + clusters.index_select(0, tokens.flatten()).view_as(context) + 0.8 * context, tokens};
}

Data load(const Settings& settings) {
  if (settings.activations.empty()) {
    return made(settings);
  }
  const auto all = infoplane::simulation::read_tokens(settings.tokens, settings.length);
  const auto rows = std::min(all.size(0), settings.most / all.size(1));
  return {infoplane::simulation::LayerFile(settings.activations, all).rows(0, rows), all.slice(0, 0, rows)};
}

LayerPoint measure(const Data& data, std::int64_t anchors, std::uint64_t seed) {
  auto next = at::full_like(data.tokens, -1);
  next.slice(1, 0, -1).copy_(data.tokens.slice(1, 1));
  SoftEntropyAccumulator accumulator(data.z.size(-1), SoftEntropyOptions().anchors(anchors).seed(seed));
  const auto pieces = std::max<std::int64_t>(1, data.tokens.numel() / 8192);
  const auto z = data.z.chunk(pieces), x = data.tokens.chunk(pieces), y = next.chunk(pieces);
  for (std::size_t i = 0; i < z.size(); ++i) {
    accumulator.update(z[i], {{"input_unigram", x[i]}, {"output_unigram", y[i]}});
  }
  return infoplane::plane::layer_point("layer", accumulator.estimate());
}

/// What a comparison of two models sees, each measured with k draws.
struct Seen {
  double spread = 0;     // of the value between models, of itself
  double error = 0;      // that is reported, of the value
  double different = 0;  // share of the pairs that are called different
  double found = 0;      // the same where one of the two has 10 % less
};

Seen look(const std::vector<LayerPoint>& draws, std::size_t k, const std::string& key, double degrees) {
  std::vector<Measured> models;
  Seen seen;
  double sum = 0, squares = 0;
  for (std::size_t first = 0; first + k <= draws.size(); first += k) {
    const auto begin = draws.begin() + static_cast<std::ptrdiff_t>(first);
    const auto layer = infoplane::plane::mean_over_draws({begin, begin + static_cast<std::ptrdiff_t>(k)});
    models.push_back(infoplane::plane::measured_across_models(layer.metrics, key + "/corrected", degrees,
                                                              static_cast<std::int64_t>(k)));
    sum += models.back().value;
    squares += models.back().value * models.back().value;
    seen.error += models.back().standard_error;
  }
  const auto count = static_cast<double>(models.size());
  const double mean = sum / count;
  seen.spread = std::sqrt(std::max(0.0, squares / count - mean * mean) * count / (count - 1)) / mean;
  seen.error /= count * mean;
  double pairs = 0;
  for (std::size_t i = 0; i < models.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto differ = [](const Measured& one, const Measured& other) {
        return infoplane::plane::rank({one, other}, true)[1].verdict == infoplane::plane::Verdict::kWorse ? 1.0 : 0.0;
      };
      auto less = models[j];
      less.value *= 0.9;
      less.standard_error *= 0.9;
      seen.different += differ(models[i], models[j]);
      seen.found += differ(models[i], less);
      ++pairs;
    }
  }
  seen.different /= pairs;
  seen.found /= pairs;
  return seen;
}

void study(const Settings& settings) {
  const auto data = load(settings);
  const double degrees = static_cast<double>(data.z.size(0)) - 1;
  std::printf("%lld tokens in %lld sequences, d = %lld\n\n", static_cast<long long>(data.tokens.numel()),
              static_cast<long long>(data.z.size(0)), static_cast<long long>(data.z.size(2)));
  std::printf(
      "| metric | m | draws | cost | spread %% | reported error %% | copies called different %% | 10 %% less found %% "
      "|\n"
      "|---|---|---|---|---|---|---|---|\n");
  double unit = 0;
  for (const std::int64_t m : {100, 200, 400}) {
    std::vector<LayerPoint> draws;
    const auto start = std::chrono::steady_clock::now();
    const auto count = settings.draws * 100 / m;
    for (std::int64_t draw = 0; draw < count; ++draw) {
      draws.push_back(measure(data, m, 1000 + static_cast<std::uint64_t>(draw)));
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / static_cast<double>(count);
    unit = unit > 0 ? unit : seconds;
    for (const std::string key : {"I(X;Z)/context", "I(X;Z)/input_unigram", "I(Y;Z)/output_unigram",
                                  "optimality/unigram", "share/output_unigram"}) {
      for (const std::size_t k : {1U, 2U, 4U, 8U, 16U}) {
        if (draws.size() / k < 4 || m * static_cast<std::int64_t>(k) > 1600) {
          continue;
        }
        const auto seen = look(draws, k, key, degrees);
        if (!(seen.spread > 0 && seen.spread < 0.5)) {  // nothing is said, so nothing is compared
          continue;
        }
        std::printf("| `%s` | %lld | %zu | %.1f | %.1f | %.1f | %.0f | %.0f |\n", key.c_str(),
                    static_cast<long long>(m), k, seconds * static_cast<double>(k) / unit, 100 * seen.spread,
                    100 * seen.error, 100 * seen.different, 100 * seen.found);
        std::fflush(stdout);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("What the draw of the anchors does to comparisons between models.", "infoplane_draws_study");
  app.add_option("--activations", settings.activations, "float32 [tokens, d], little endian");
  app.add_option("--tokens", settings.tokens, "int32 [tokens], or a table of NumPy's")->needs("--activations");
  app.add_option("--width", settings.width, "d of the made representation")->capture_default_str();
  app.add_option("--length", settings.length, "Tokens of a sequence")->capture_default_str();
  app.add_option("--most", settings.most, "Tokens that are measured")->capture_default_str();
  app.add_option("--draws", settings.draws, "Draws of 100 anchors")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    at::set_num_threads(1);
    study(settings);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "infoplane_draws_study: %s\n", error.what());
    return 1;
  }
}
