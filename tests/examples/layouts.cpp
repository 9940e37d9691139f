#include "layouts.hpp"

#include <torch/nn/functional/activation.h>
#include <torch/nn/functional/linear.h>

#include <functional>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <limits>
#include <map>
#include <vector>

#include "model.hpp"
#include "monitor/stage_sites.hpp"

namespace examples_test {
namespace {

namespace F = torch::nn::functional;
using infoplane::BatchDetails;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::distributed::Communicator;
using train_text::GPT;

constexpr std::int64_t kVocabulary = 32, kWidth = 16, kBlocks = 4, kHeads = 4, kRows = 8, kLength = 32, kSteps = 4;

template <typename Impl>
Impl& part(torch::nn::Module& module, const std::string& name) {
  return *module.named_children()[name]->as<Impl>();
}

torch::nn::Module& block_of(torch::nn::Module& model, std::int64_t index) {
  return *part<torch::nn::SequentialImpl>(model, "blocks").ptr(static_cast<std::size_t>(index));
}

GPT make_model() {
  torch::manual_seed(3);
  GPT model(
      train_text::GPTOptions().vocabulary(kVocabulary).context(kLength).width(kWidth).layers(kBlocks).heads(kHeads));
  for (auto& parameter : model->parameters()) {
    parameter.mul_(parameter.dim() > 1 ? 20 : 1);  // so that every block changes its stream
  }
  return model;
}

at::Tensor tokens_of(std::int64_t step) {
  const at::Tensor i = at::arange(kRows * kLength);
  return (i * (step + 5) + i.div(3, "floor") * i.div(7, "floor")).remainder(kVocabulary).view({kRows, kLength});
}

at::Tensor embedded(GPT& model, const at::Tensor& tokens, const at::Tensor& positions) {
  return part<torch::nn::EmbeddingImpl>(*model, "token_embedding").forward(tokens) +
         part<torch::nn::EmbeddingImpl>(*model, "position_embedding").forward(positions);
}

at::Tensor logits(GPT& model, const at::Tensor& x) {
  return part<torch::nn::LinearImpl>(*model, "head").forward(part<torch::nn::LayerNormImpl>(*model, "ln_f").forward(x));
}

at::Tensor mlp(torch::nn::Module& block, const at::Tensor& x) {
  return part<torch::nn::LinearImpl>(block, "contract")
      .forward(F::gelu(part<torch::nn::LinearImpl>(block, "expand")
                           .forward(part<torch::nn::LayerNormImpl>(block, "ln2").forward(x))));
}

/// Keeps of each parameter the shard of this rank; the rest is NaN outside of `whole`.
class Shards {
 public:
  Shards(torch::nn::Module& model, Communicator& communicator) : communicator_(communicator) {
    const std::int64_t rank = communicator.rank(), size = communicator.size();
    for (auto& parameter : model.parameters()) {
      const auto flat = parameter.flatten();
      const auto begin = flat.numel() * rank / size;
      shards_.emplace(parameter.unsafeGetTensorImpl(), flat.slice(0, begin, flat.numel() * (rank + 1) / size).clone());
      parameter.fill_(std::numeric_limits<double>::quiet_NaN());
    }
  }

  at::Tensor whole(torch::nn::Module& module, const std::function<at::Tensor()>& forward) {
    for (auto& parameter : module.parameters()) {
      const auto shards = communicator_.all_gather(shards_.at(parameter.unsafeGetTensorImpl()));
      parameter.copy_(at::cat(shards).view_as(parameter));
    }
    at::Tensor result = forward();
    for (auto& parameter : module.parameters()) {
      parameter.fill_(std::numeric_limits<double>::quiet_NaN());
    }
    return result;
  }

 private:
  Communicator& communicator_;
  std::map<const void*, at::Tensor> shards_;
};

void forward_fsdp(GPT& model, Shards& shards, const at::Tensor& tokens) {
  auto& embedding = part<torch::nn::EmbeddingImpl>(*model, "token_embedding");
  auto& positions = part<torch::nn::EmbeddingImpl>(*model, "position_embedding");
  at::Tensor x = shards.whole(embedding, [&] { return embedding.forward(tokens); }) +
                 shards.whole(positions, [&] { return positions.forward(at::arange(kLength)); });
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    auto& block = block_of(*model, i);
    x = shards.whole(block, [&] { return block.as<train_text::BlockImpl>()->forward(x); });
  }
  auto& norm = part<torch::nn::LayerNormImpl>(*model, "ln_f");
  shards.whole(norm, [&] { return norm.forward(x); });
}

/// Each rank has some heads, and some columns of the MLP.
void forward_tensor(GPT& model, Communicator& ranks, const at::Tensor& tokens) {
  const auto mine = [&ranks](const at::Tensor& values, std::int64_t dim) {
    return values.chunk(ranks.size(), dim)[static_cast<std::size_t>(ranks.rank())];
  };
  const auto summed = [&ranks](const at::Tensor& partial, const torch::nn::LinearImpl& layer) {
    at::Tensor sum = partial.contiguous();
    ranks.sum(sum);
    return sum + layer.bias;
  };
  at::Tensor x = embedded(model, tokens, at::arange(kLength));
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    auto& block = block_of(*model, i);
    auto& attention = part<torch::nn::Module>(block, "attention");
    auto& qkv = part<torch::nn::LinearImpl>(attention, "qkv");
    auto& projection = part<torch::nn::LinearImpl>(attention, "projection");
    const at::Tensor h = part<torch::nn::LayerNormImpl>(block, "ln1").forward(x);
    std::vector<at::Tensor> parts;
    for (std::size_t p = 0; p < 3; ++p) {
      const at::Tensor weight = mine(qkv.weight.chunk(3)[p], 0), bias = mine(qkv.bias.chunk(3)[p], 0);
      parts.push_back(F::linear(h, weight, bias).view({kRows, kLength, -1, kWidth / kHeads}).transpose(1, 2));
    }
    const at::Tensor mixed = at::scaled_dot_product_attention(parts[0], parts[1], parts[2], {}, 0.0, true);
    x = x + summed(F::linear(mixed.transpose(1, 2).flatten(2), mine(projection.weight, 1)), projection);
    auto& expand = part<torch::nn::LinearImpl>(block, "expand");
    auto& contract = part<torch::nn::LinearImpl>(block, "contract");
    const at::Tensor h2 = part<torch::nn::LayerNormImpl>(block, "ln2").forward(x);
    const at::Tensor wide = F::gelu(F::linear(h2, mine(expand.weight, 0), mine(expand.bias, 0)));
    x = x + summed(F::linear(wide, mine(contract.weight, 1)), contract);
  }
  logits(model, x);
}

/// The positions of each rank are two pieces of the row: one from each end, as in a zigzag.
at::Tensor positions_of(int rank, int size) {
  const std::int64_t piece = kLength / 2 / size;
  return at::cat(
      {at::arange(rank * piece, (rank + 1) * piece), at::arange(kLength - (rank + 1) * piece, kLength - rank * piece)});
}

void forward_context(GPT& model, Communicator& ranks, const at::Tensor& tokens) {
  const at::Tensor positions = positions_of(ranks.rank(), ranks.size());
  at::Tensor x = embedded(model, tokens.index_select(1, positions), positions);
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    auto& block = block_of(*model, i);
    const at::Tensor h = part<torch::nn::LayerNormImpl>(block, "ln1").forward(x);
    at::Tensor row = at::empty({kRows, kLength, kWidth});
    const auto pieces = ranks.all_gather(h.contiguous().flatten());
    for (int rank = 0; rank < ranks.size(); ++rank) {
      row.index_copy_(1, positions_of(rank, ranks.size()),
                      pieces[static_cast<std::size_t>(rank)].view({kRows, -1, kWidth}));
    }
    x = x + part<train_text::AttentionImpl>(block, "attention").forward(row).index_select(1, positions);
    x = x + mlp(block, x);
  }
  logits(model, x);
}

/// The blocks of one rank of a pipeline, and what comes before the first and after the last.
struct Stage : torch::nn::Module {
  Stage(GPT& whole, std::int64_t first, std::int64_t last)
      : blocks(register_module("blocks", torch::nn::ModuleList())) {
    for (const auto& item : whole->named_children()) {
      const bool before = item.key().ends_with("embedding");
      if ((before && first == 0) || (!before && item.key() != "blocks" && last == kBlocks)) {
        register_module(item.key(), item.value());
      }
    }
    for (std::int64_t i = first; i < last; ++i) {
      blocks->push_back(part<torch::nn::SequentialImpl>(*whole, "blocks").ptr(static_cast<std::size_t>(i)));
    }
  }
  torch::nn::ModuleList blocks;
};

/// One stage after another; the stream goes from rank to rank.
void forward_pipeline(GPT& model, Stage& stage, Communicator& ranks, const at::Tensor& tokens) {
  at::Tensor x;
  for (int turn = 0; turn < ranks.size(); ++turn) {
    std::vector<at::Tensor> parcels(static_cast<std::size_t>(ranks.size()), at::empty({0}));
    if (turn == ranks.rank()) {
      x = turn == 0 ? embedded(model, tokens, at::arange(kLength)) : x;
      for (const auto& block : *stage.blocks) {
        x = block->as<train_text::BlockImpl>()->forward(x);
      }
      if (turn + 1 == ranks.size()) {
        logits(model, x);
      } else {
        parcels[static_cast<std::size_t>(turn) + 1] = x.contiguous().flatten();
      }
    }
    const auto received = ranks.all_to_all(parcels);
    if (turn + 1 == ranks.rank()) {
      x = received[static_cast<std::size_t>(turn)].view({kRows, kLength, kWidth});
    }
  }
}

void measure(Monitor& monitor, const std::string& run_file, const std::function<void(std::int64_t)>& forward) {
  monitor.add_sink(infoplane::JsonLinesSink(run_file, infoplane::OpenMode::kOverwrite));
  for (std::int64_t step = 0; step < kSteps; ++step) {
    forward(step);
    monitor.end_step(step, 1.0 / static_cast<double>(step + 1));
  }
}

}  // namespace

void run_layout(const std::string& layout, const std::shared_ptr<Communicator>& communicator,
                const std::string& run_file) {
  const at::NoGradGuard no_grad;
  const std::int64_t rank = communicator ? communicator->rank() : 0, size = communicator ? communicator->size() : 1;
  auto model = make_model();
  auto options = MonitorOptions().every(2).window(2);
  if (layout == "pipeline") {
    const std::int64_t first = kBlocks * rank / size, last = kBlocks * (rank + 1) / size;
    auto stage = std::make_shared<Stage>(model, first, last);
    if (last < kBlocks) {
      options.sites(infoplane::test::stage_sites(first, last));
    }
    Monitor monitor(stage, options.pipeline(true).first_block(first), communicator);
    return measure(monitor, run_file, [&](std::int64_t step) {
      const auto observation = monitor.observe(step, tokens_of(step));
      forward_pipeline(model, *stage, *communicator, tokens_of(step));
    });
  }
  if (layout == "tensor") {
    options.counts(rank == 0);
  } else if (layout == "context") {
    options.sequence_group(0);
  }
  std::optional<Shards> shards;
  if (layout == "fsdp") {
    shards.emplace(*model, *communicator);
  }
  Monitor monitor(model, options, communicator);
  measure(monitor, run_file, [&](std::int64_t step) {
    const at::Tensor tokens = tokens_of(step), mine = tokens.slice(0, kRows * rank / size, kRows * (rank + 1) / size);
    if (layout == "tensor") {
      const auto observation = monitor.observe(step, tokens);
      forward_tensor(model, *communicator, tokens);
    } else if (layout == "context") {
      const at::Tensor positions = positions_of(communicator->rank(), communicator->size());
      const auto observation = monitor.observe(step, tokens, {}, BatchDetails().positions(positions));
      forward_context(model, *communicator, tokens);
    } else {
      const auto observation = monitor.observe(step, mine);
      shards ? forward_fsdp(model, *shards, mine) : static_cast<void>(model->forward(mine));
    }
  });
}

}  // namespace examples_test
