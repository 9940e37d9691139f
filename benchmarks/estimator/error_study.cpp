// infoplane_error_study: how far reported standard errors differ where the tokens do not: the same tokens of a layer in
// other orders of the batches, and with other samples of 4096 rows.
//
//   infoplane_error_study --activations FOLDER --layer b12    # FOLDER/act/b12.f32 and FOLDER/seqs.npy
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <infoplane/core/hash.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "activation_files.hpp"

namespace {

using infoplane::estimator::SoftEntropyAccumulator;
using infoplane::estimator::SoftEntropyOptions;

void study(const std::string& folder, const std::string& name, std::int64_t most, int repetitions) {
  const at::Tensor tokens = infoplane::simulation::read_tokens(folder + "/seqs.npy");
  infoplane::simulation::LayerFile layer(folder + "/act/" + name + ".f32", tokens);
  constexpr std::int64_t kSequences = 32;
  const std::int64_t batches = std::min(tokens.size(0), most / tokens.size(1)) / kSequences;
  std::vector<SoftEntropyAccumulator> accumulators;
  std::vector<std::vector<std::int64_t>> orders;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    const auto seed = static_cast<std::uint64_t>(repetition);
    accumulators.emplace_back(layer.dimension(), SoftEntropyOptions().stream(seed));
    auto& order = orders.emplace_back(static_cast<std::size_t>(batches));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [seed](std::int64_t a, std::int64_t b) {
      const auto key = [seed](std::int64_t batch) {
        return infoplane::splitmix64(1000 * seed + static_cast<std::uint64_t>(batch));
      };
      return key(a) < key(b);
    });
  }
  std::map<std::string, std::vector<double>> errors;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    auto& accumulator = accumulators[static_cast<std::size_t>(repetition)];
    for (const std::int64_t batch : orders[static_cast<std::size_t>(repetition)]) {
      accumulator.update(
          layer.rows(batch * kSequences, kSequences),
          infoplane::simulation::labels_of(tokens.slice(0, batch * kSequences, (batch + 1) * kSequences)));
    }
    const auto estimate = accumulator.estimate();
    accumulator.reset();
    errors["H(Z)"].push_back(estimate.entropy_standard_error_nats);
    errors["context"].push_back(estimate.context_standard_error_nats);
    for (const auto& set : estimate.sets) {
      errors[set.name].push_back(set.standard_error_nats);
    }
  }
  std::printf("%s, %lld tokens in %lld sequences, %d repetitions\n", name.c_str(),
              static_cast<long long>(batches * kSequences * tokens.size(1)),
              static_cast<long long>(batches * kSequences), repetitions);
  std::printf(
      "| value | mean error, nats | least | most | most / least | 95th / 5th percentile "
      "|\n|---|---|---|---|---|---|\n");
  for (auto& [value, of] : errors) {
    std::sort(of.begin(), of.end());
    const auto at = [&of](double share) {
      return of[static_cast<std::size_t>(share * static_cast<double>(of.size() - 1) + 0.5)];
    };
    std::printf("| %s | %.5f | %.5f | %.5f | %.2f | %.2f |\n", value.c_str(),
                std::accumulate(of.begin(), of.end(), 0.0) / static_cast<double>(of.size()), of.front(), of.back(),
                of.back() / of.front(), at(0.95) / at(0.05));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder, layer = "b12";
  std::int64_t most = 327680;
  int repetitions = 20;
  CLI::App app("How far reported errors of the same tokens differ.", "infoplane_error_study");
  app.add_option("--activations", folder, "A folder of a model's activations and tokens")->required();
  app.add_option("--layer", layer, "Which of its layers")->capture_default_str();
  app.add_option("--most", most, "Tokens that are measured")->capture_default_str();
  app.add_option("--repetitions", repetitions, "Samples and orders")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (infoplane::simulation::activation_files(folder).empty()) {
    std::printf("skipped: there is no %s/act/<layer>.f32\n", folder.c_str());
    return 0;
  }
  try {
    at::set_num_threads(1);
    study(folder, layer, most, repetitions);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "infoplane_error_study: %s\n", error.what());
    return 1;
  }
}
