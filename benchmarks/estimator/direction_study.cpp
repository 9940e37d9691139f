// infoplane_direction_study: what a direction that all rows have in common does to values, with and without a centre.
// Adding c times the mean row loses nothing, as c · mean can be taken off again; nor does a rotation.
//
//   infoplane_direction_study --activations FOLDER    # FOLDER/act/<layer>.f32 and FOLDER/seqs.npy
//   infoplane_direction_study                         # along a training of a small transformer
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/nn.h>
#include <torch/optim/adam.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <exception>
#include <infoplane/infoplane.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <string>
#include <utility>
#include <vector>

#include "activation_files.hpp"

namespace {

namespace plane = infoplane::plane;
using infoplane::estimator::SoftEntropyAccumulator;
using infoplane::estimator::SoftEntropyOptions;

const std::array<std::pair<const char*, std::string>, 6> kKeys = {{{"direction", "mean_direction"},
                                                                   {"anchors", "anchors_in_use/corrected"},
                                                                   {"headroom", "I(X;Z)/context/corrected"},
                                                                   {"complexity", "I(X;Z)/input_unigram/corrected"},
                                                                   {"expressivity", "I(Y;Z)/output_unigram/corrected"},
                                                                   {"optimality", "optimality/unigram/corrected"}}};

/// A change that loses nothing: z + `more` · mean, or z turned.
struct Change {
  std::string name;
  double more = 0;
  at::Tensor rotation;  // [d, d], or none
  at::Tensor of(const at::Tensor& z, const at::Tensor& mean) const {
    const at::Tensor moved = more != 0 ? z.add(mean.mul(more)) : z;
    return rotation.defined() ? moved.matmul(rotation) : moved;
  }
};

struct Rows {
  at::Tensor earlier;  // whose mean is the centre
  at::Tensor z;
  at::Tensor tokens;
};

/// `steps`: windows before this one that the centre had to be found in; 0: no centre.
plane::Metrics measure(const Rows& rows, const Change& change, int steps) {
  const at::Tensor mean = rows.earlier.mean(at::IntArrayRef{0, 1});
  SoftEntropyAccumulator accumulator(rows.z.size(2), SoftEntropyOptions().centre(steps > 0));
  for (int step = 0; step < steps; ++step) {
    accumulator.update(change.of(rows.earlier, mean));
    const auto centre = accumulator.estimate().centre;
    accumulator.clear();
    accumulator.set_centre(at::tensor(centre, at::kDouble));
  }
  constexpr std::int64_t kSequences = 32;
  for (std::int64_t first = 0; first < rows.z.size(0); first += kSequences) {
    const std::int64_t last = std::min(first + kSequences, rows.z.size(0));
    accumulator.update(change.of(rows.z.slice(0, first, last), mean),
                       infoplane::simulation::labels_of(rows.tokens.slice(0, first, last)));
  }
  return plane::layer_point("layer", accumulator.estimate()).metrics;
}

std::vector<Change> changes(std::int64_t d) {
  std::vector<Change> result = {{"none", 0, {}}, {"+ 1 mean", 1, {}}, {"+ 2 mean", 2, {}}};
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto generator = at::detail::createCPUGenerator(seed);
    const at::Tensor turned = std::get<0>(at::linalg_qr(at::randn({d, d}, generator, at::kFloat)));
    result.push_back({"rotation " + std::to_string(seed), 0, turned});
  }
  return result;
}

void study_layers(const std::string& folder, std::int64_t most) {
  const at::Tensor tokens = infoplane::simulation::read_tokens(folder + "/seqs.npy");
  std::printf("| layer | change | steps |");
  for (const auto& [name, key] : kKeys) {
    std::printf(" %s |", name);
  }
  std::printf("\n|---|---|---|---|---|---|---|---|---|\n");
  for (const auto& file : infoplane::simulation::activation_files(folder)) {
    infoplane::simulation::LayerFile layer(file, tokens);
    const std::int64_t half = std::min(tokens.size(0) / 2, most / tokens.size(1));
    const Rows rows{layer.rows(0, half), layer.rows(half, half), tokens.slice(0, half, 2 * half)};
    for (const Change& change : changes(layer.dimension())) {
      for (const int steps : {0, 1, 3}) {
        const auto metrics = measure(rows, change, steps);
        std::printf("| %s | %s | %d |", file.stem().c_str(), change.name.c_str(), steps);
        for (const auto& [name, key] : kKeys) {
          std::printf(" %.4g |", plane::value_at(metrics, key));
        }
        std::printf("\n");
        std::fflush(stdout);
      }
    }
  }
}

struct BlockImpl : torch::nn::Module {
  explicit BlockImpl(std::int64_t d)
      : ln1(register_module("ln1", torch::nn::LayerNorm(torch::nn::LayerNormOptions({d})))),
        mix(register_module("mix", torch::nn::Linear(d, d))),
        ln2(register_module("ln2", torch::nn::LayerNorm(torch::nn::LayerNormOptions({d})))),
        up(register_module("up", torch::nn::Linear(d, 4 * d))),
        down(register_module("down", torch::nn::Linear(4 * d, d))) {}
  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor normed = ln1(x);
    const at::Tensor scores = normed.matmul(normed.transpose(1, 2)) / std::sqrt(static_cast<double>(x.size(2)));
    const auto future = at::ones({x.size(1), x.size(1)}, at::kBool).triu(1);
    const auto y = x + mix(at::softmax(scores.masked_fill(future, -1e9), 2).matmul(normed));
    return y + down(at::gelu(up(ln2(y))));
  }
  torch::nn::LayerNorm ln1;
  torch::nn::Linear mix;
  torch::nn::LayerNorm ln2;
  torch::nn::Linear up, down;
};
TORCH_MODULE(Block);

struct NetImpl : torch::nn::Module {
  NetImpl(std::int64_t vocabulary, std::int64_t d, int count)
      : embedding(register_module("embedding", torch::nn::Embedding(vocabulary, d))),
        blocks(register_module("blocks", torch::nn::ModuleList())),
        ln(register_module("ln", torch::nn::LayerNorm(torch::nn::LayerNormOptions({d})))),
        head(register_module("head", torch::nn::Linear(d, vocabulary))) {
    for (int i = 0; i < count; ++i) {
      blocks->push_back(Block(d));
    }
  }
  at::Tensor forward(const at::Tensor& tokens) {
    auto x = embedding(tokens);
    for (const auto& block : *blocks) {
      x = block->as<Block>()->forward(x);
    }
    return head(ln(x));
  }
  torch::nn::Embedding embedding;
  torch::nn::ModuleList blocks;
  torch::nn::LayerNorm ln;
  torch::nn::Linear head;
};
TORCH_MODULE(Net);

/// A Markov chain over 200 tokens of Zipf frequency, each of which is followed by some of the others.
at::Tensor text(std::int64_t rows, std::int64_t length, at::Generator generator) {
  constexpr std::int64_t kVocabulary = 200;
  const auto made = at::detail::createCPUGenerator(11);
  const at::Tensor next =
      (at::randn({kVocabulary, kVocabulary}, made, at::kFloat).mul(2).exp()) / at::arange(1, kVocabulary + 1);
  at::Tensor now = at::randint(kVocabulary, {rows}, generator, at::kLong);
  std::vector<at::Tensor> columns = {now};
  for (std::int64_t i = 1; i < length; ++i) {
    now = at::multinomial(next.index_select(0, now), 1, false, generator).squeeze(1);
    columns.push_back(now);
  }
  return at::stack(columns, 1);
}

void study_training(std::int64_t steps) {
  torch::manual_seed(1);
  auto generator = at::detail::createCPUGenerator(3);
  Net net(200, 64, 3);
  torch::optim::Adam optimizer(net->parameters(), torch::optim::AdamOptions(2e-3));
  const auto options = infoplane::MonitorOptions().every(std::max<std::int64_t>(1, steps / 30));
  infoplane::Monitor plain(*net, options);
  infoplane::Monitor centred(*net, infoplane::MonitorOptions(options).estimator(SoftEntropyOptions().centre(true)));
  const at::Tensor heldout = text(128, 64, generator);
  std::printf(
      "| step | loss | direction | complexity | expressivity | centred: direction | complexity | "
      "expressivity |\n|---|---|---|---|---|---|---|---|\n");
  for (std::int64_t step = 0; step <= steps; ++step) {
    const at::Tensor tokens = text(16, 65, generator);
    const auto loss_of = [&](const at::Tensor& logits, const at::Tensor& targets) {
      return at::cross_entropy_loss(logits.flatten(0, 1), targets.flatten());
    };
    optimizer.zero_grad();
    const at::Tensor loss = loss_of(net->forward(tokens.slice(1, 0, 64)), tokens.slice(1, 1, 65));
    loss.backward();
    optimizer.step();
    if (!plain.logs(step)) {
      continue;
    }
    std::vector<plane::Metrics> means;
    for (auto* const monitor : {&plain, &centred}) {
      const at::NoGradGuard no_gradients;
      {
        const auto observation = monitor->observe_heldout(step, heldout);
        net->forward(heldout);
      }
      means.push_back(monitor->end_heldout(step)->mean);
    }
    std::printf("| %lld | %.3f |", static_cast<long long>(step), loss.item<double>());
    for (const auto& mean : means) {
      std::printf(" %.3f | %.3f | %.3f |", plane::value_at(mean, "mean_direction"),
                  plane::value_at(mean, "I(X;Z)/input_unigram/corrected"),
                  plane::value_at(mean, "I(Y;Z)/output_unigram/corrected"));
    }
    std::printf("\n");
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder;
  std::int64_t most = 32768, steps = 600;
  CLI::App app("What a common direction does to values, with and without a centre.", "infoplane_direction_study");
  app.add_option("--activations", folder, "A folder of a model's activations and tokens");
  app.add_option("--most", most, "Tokens that are measured, and as many before them for the centre")
      ->capture_default_str();
  app.add_option("--steps", steps, "Steps of the training, without activations")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    at::set_num_threads(1);
    if (folder.empty()) {
      study_training(steps);
    } else if (infoplane::simulation::activation_files(folder).empty()) {
      std::printf("skipped: there is no %s/act/<layer>.f32\n", folder.c_str());
    } else {
      study_layers(folder, most);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "infoplane_direction_study: %s\n", error.what());
    return 1;
  }
}
