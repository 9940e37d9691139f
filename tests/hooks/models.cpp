#include "hooks/models.hpp"

#include <torch/autograd.h>
#include <torch/nn.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>

#include "hooks/blocks.hpp"

namespace infoplane::testing {

namespace nn = torch::nn;

void Model::change(const std::string& what) { throw std::logic_error("this model cannot change: " + what); }

std::vector<at::Tensor> Model::parameters() const {
  std::vector<at::Tensor> parameters;
  for (const auto& item : module().named_parameters()) {
    parameters.push_back(item.value());
  }
  return parameters;
}

void Model::note(const std::string& name, const at::Tensor& stream) {
  if (record) {
    truth.emplace_back(name, stream.detach().clone());
  }
}

at::Tensor make_tokens(int batch, int length, int seed) {
  const auto position = at::arange(batch * length, at::kLong);
  return position.mul(7 + seed).add(position.square().mul(3)).remainder(kVocabulary).view({batch, length});
}

at::Tensor loss_of(const at::Tensor& logits, const at::Tensor& tokens) {
  const auto last = tokens.size(1) - 1;
  return nn::functional::cross_entropy(logits.narrow(1, 0, last).reshape({-1, logits.size(-1)}).to(at::kFloat),
                                       tokens.narrow(1, 1, last).reshape({-1}));
}

struct Optimizer::Implementation {
  std::unique_ptr<torch::optim::Optimizer> optimizer;
};

Optimizer::Optimizer(const Model& model, double coupled_decay) : implementation_(new Implementation) {
  auto parameters = model.parameters();
  if (coupled_decay > 0) {
    const auto options = torch::optim::AdamOptions(1e-2).weight_decay(coupled_decay);
    implementation_->optimizer = std::make_unique<torch::optim::Adam>(std::move(parameters), options);
  } else {
    implementation_->optimizer =
        std::make_unique<torch::optim::AdamW>(std::move(parameters), torch::optim::AdamWOptions(1e-2));
  }
}
Optimizer::~Optimizer() = default;

void Optimizer::step(const at::Tensor& loss) {
  implementation_->optimizer->zero_grad();
  loss.backward();
  implementation_->optimizer->step();
}

namespace {

/// Recomputes a block in the backward, as C++ users write it for want of torch.utils.checkpoint.
struct Checkpoint : torch::autograd::Function<Checkpoint> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, int64_t block) {
    context->save_for_backward({x});
    context->saved_data["block"] = block;
    const at::NoGradGuard no_grad;
    return reinterpret_cast<BlockImpl*>(block)->forward(x);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::AutoGradMode with_grad(true);
    auto x = context->get_saved_variables()[0].detach().requires_grad_();
    auto y = reinterpret_cast<BlockImpl*>(context->saved_data["block"].toInt())->forward(x);
    torch::autograd::backward({y}, {gradients[0]});
    return {x.grad(), at::Tensor()};
  }
};

struct GptImpl : nn::Module {
  explicit GptImpl(const GptOptions& options) {
    tokens = register_module("wte", nn::Embedding(kVocabulary, kWidth));
    positions = register_module("wpe", nn::Embedding(16, kWidth));
    auto list = register_module("blocks", std::make_shared<TreeImpl>());
    for (int i = 0; i < options.layers; ++i) {
      blocks.push_back(list->register_module(std::to_string(i), std::make_shared<BlockImpl>(options.dropout)));
    }
    if (options.final_norm) {
      norm = register_module("ln_f", nn::LayerNorm(nn::LayerNormOptions({kWidth})));
    }
    if (!options.tied_head) {
      head = register_module("head", nn::Linear(nn::LinearOptions(kWidth, kVocabulary).bias(false)));
    }
  }
  nn::Embedding tokens{nullptr}, positions{nullptr};
  std::vector<std::shared_ptr<BlockImpl>> blocks;
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

class Gpt : public Model {
 public:
  explicit Gpt(const GptOptions& options) : options_(options), gpt_(options) {}
  const nn::Module& module() const override { return gpt_; }  // lives on the stack or here, never in a shared_ptr

  at::Tensor forward(const at::Tensor& tokens) override {
    truth.clear();
    auto x = gpt_.tokens(tokens) + gpt_.positions(at::arange(tokens.size(1), at::kLong));
    note("embedding", x);
    for (std::size_t i = 0; i < gpt_.blocks.size(); ++i) {
      auto* block = gpt_.blocks[i].get();
      x = x.to(block->ln1->weight.scalar_type());
      x = options_.checkpoint ? Checkpoint::apply(x, reinterpret_cast<int64_t>(block)) : block->forward(x);
      note("blocks." + std::to_string(i), x);
    }
    x = x.to(gpt_.tokens->weight.scalar_type());
    x = options_.final_norm ? gpt_.norm(x) : x;
    return options_.tied_head ? nn::functional::linear(x, gpt_.tokens->weight) : gpt_.head(x);
  }

  void change(const std::string& what) override {
    if (what == "replace norm") {
      gpt_.norm = gpt_.replace_module("ln_f", nn::LayerNorm(nn::LayerNormOptions({kWidth})));
    } else if (what == "eval") {
      gpt_.eval();
    } else if (what == "bf16") {
      gpt_.to(at::kBFloat16);
    } else if (what == "fp16") {
      gpt_.to(at::kHalf);
    } else if (what == "double") {
      gpt_.to(at::kDouble);
    } else if (what == "double block 1") {
      gpt_.blocks[1]->to(at::kDouble);
    } else if (what == "freeze") {
      for (auto& parameter : gpt_.blocks[0]->parameters()) {
        parameter.requires_grad_(false);
      }
    } else {
      Model::change(what);
    }
  }

 private:
  GptOptions options_;
  GptImpl gpt_;
};

}  // namespace

std::unique_ptr<Model> make_gpt(const GptOptions& options) { return std::make_unique<Gpt>(options); }

}  // namespace infoplane::testing
