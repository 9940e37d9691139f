// Odd kinds of models: the right tensors, or an error.
#include "hooks/streams/streams.hpp"

using namespace infoplane::streams;  // NOLINT(google-build-using-namespace)

namespace {

Tensor bare(const Tensor& x) { return F::layer_norm(x, F::LayerNormFuncOptions({kWidth})); }

/// A block with parts for everything below.
struct OddImpl : nn::Module {
  using Forward = std::function<Tensor(OddImpl&, Tensor, Traced&, int)>;
  explicit OddImpl(Forward forward_) : body(std::move(forward_)) {
    n1 = register_module("n1", layer_norm());
    n2 = register_module("n2", layer_norm());
    attn = register_module("attn", Attention());
    f = register_module("f", Mlp());
    g = register_module("g", Mlp());
    gate = register_module("gate", nn::Linear(kWidth, kWidth));
    router = register_module("router", nn::Linear(kWidth, 3));
    wide = register_module("wide", nn::Linear(2 * kWidth, kWidth));
    conv = register_module("conv", nn::Conv1d(nn::Conv1dOptions(kWidth, kWidth, 3).padding(1)));
    const auto list = register_module("experts", nn::ModuleList());
    for (int i = 0; i < 3; ++i) {
      experts.push_back(Mlp());
      list->push_back(experts.back());
    }
    mix = register_parameter("mix", torch::linspace(0, 1, kWidth));
    step = register_parameter("step", torch::ones({1}));
    place = register_parameter("place", torch::randn({6, kWidth}));
  }
  Forward body;
  nn::LayerNorm n1{nullptr}, n2{nullptr};
  Attention attn{nullptr};
  Mlp f{nullptr}, g{nullptr};
  nn::Linear gate{nullptr}, router{nullptr}, wide{nullptr};
  nn::Conv1d conv{nullptr};
  std::vector<Mlp> experts;
  Tensor mix, step, place;
};

struct Odd : Traced {
  struct Parts {
    nn::Embedding embed{nullptr}, classes{nullptr};
    nn::LayerNorm norm{nullptr}, shared{nullptr};
    nn::Linear head{nullptr}, bridge{nullptr};
    Tensor lambdas, bias, register_tokens;
  };
  using Start = std::function<Tensor(Odd&, const Tensor&)>;
  using End = std::function<Tensor(Odd&, const Tensor&)>;

  Odd(OddImpl::Forward forward, Start start_ = {}, End end_ = {}, int count = 3)
      : start(std::move(start_)), end(std::move(end_)) {
    torch::manual_seed(11);
    p.embed = register_module("embed", embedding());
    p.classes = register_module("classes", nn::Embedding(4, kWidth));
    p.lambdas = register_parameter("lambdas", torch::linspace(0.8, 1.2, 3));
    p.bias = register_parameter("bias", torch::randn({6, 6}));
    p.register_tokens = register_parameter("register_tokens", torch::randn({1, 2, kWidth}));
    const auto list = register_module("layers", nn::ModuleList());
    for (int i = 0; i < count; ++i) {
      layers.push_back(std::make_shared<OddImpl>(forward));
      list->push_back(layers.back());
    }
    p.shared = register_module("shared", layer_norm());
    p.bridge = register_module("bridge", nn::Linear(kWidth, kWidth));
    p.norm = register_module("norm", layer_norm());
    p.head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) override {
    condition = p.classes(tokens.remainder(4));
    auto x = start ? start(*this, tokens) : p.embed(tokens);
    note("embedding", x);
    first = x;
    memory.clear();
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->body(*layers[i], x, *this, static_cast<int>(i));
      note(numbered("layers.", static_cast<int64_t>(i)), x);
    }
    return end ? end(*this, x) : p.head(p.norm(x));
  }
  Start start;
  End end;
  Parts p;
  std::vector<std::shared_ptr<OddImpl>> layers;
  Tensor condition, first;
  std::vector<Tensor> memory;
};

Odd& odd(Traced& model) { return dynamic_cast<Odd&>(model); }

struct Case {
  const char* name;
  std::function<std::unique_ptr<Odd>()> make;
};

using B = OddImpl;

std::vector<Case> right() {
  const OddImpl::Forward plain = [](B& b, Tensor x, Traced&, int) {
    x = x + b.attn(b.n1(x));
    return x + b.f(b.n2(x));
  };
  const auto of = [](OddImpl::Forward forward, Odd::Start start = {}, Odd::End end = {}) {
    return [=] { return std::make_unique<Odd>(forward, start, end); };
  };
  return {
      {"mixture of experts", of([](B& b, Tensor x, Traced&, int) {
         x = x + b.attn(b.n1(x));
         const auto n = b.n2(x).reshape({-1, kWidth});
         const auto scores = b.router(n).softmax(-1);
         const auto best = scores.argmax(-1);
         auto out = torch::zeros_like(n);
         for (int e = 0; e < 3; ++e) {
           const auto rows = (best == e).nonzero().squeeze(-1);
           if (rows.numel() > 0) {
             out.index_add_(
                 0, rows,
                 b.experts[e](n.index_select(0, rows)) * scores.select(1, e).index_select(0, rows).unsqueeze(1));
           }
         }
         return x + out.view_as(x);
       })},
      {"positions that each block adds, a parameter of its own", of([](B& b, Tensor x, Traced&, int) {
         x = x + b.place;
         x = x + b.attn(b.n1(x));
         return x + b.f(b.n2(x));
       })},
      {"time shift of RWKV, with a norm in front of block 0", of([](B& b, Tensor x, Traced&, int i) {
         if (i == 0) {
           x = b.n2(x);
         }
         const auto n = b.n1(x);
         const auto shifted = F::pad(n, F::PadFuncOptions({0, 0, 1, -1}));
         const auto mixed = n * b.mix + shifted * (1 - b.mix);
         x = x + torch::sigmoid(b.gate(mixed)) * b.f(mixed);
         return x + b.g(x);
       })},
      {"convolution in the branch, with a step of its own", of([](B& b, Tensor x, Traced&, int) {
         const auto n = b.n1(x);
         const auto h = n + b.conv(n.transpose(1, 2)).transpose(1, 2);
         x = x + b.f(h);
         const auto m = b.n2(x);
         return x + b.g(m + torch::silu(b.gate(m)));
       })},
      {"scalar gates that begin at one", of([](B& b, Tensor x, Traced&, int) { return x + b.step * b.f(x); })},
      {"root-level scales between the blocks, with the embedding again", of([](B& b, Tensor x, Traced& m, int i) {
         auto& o = odd(m);
         x = o.p.lambdas[i] * x + (1 - o.p.lambdas[i]) * o.first;
         m.truth.back().second = x.detach().clone();
         x = x + b.attn(b.n1(x));
         return x + b.f(b.n2(x));
       })},
      {"a norm that all blocks share, registered at the root", of([](B& b, Tensor x, Traced& m, int) {
         x = x + b.attn(odd(m).p.shared(x));
         return x + b.f(odd(m).p.shared(x));
       })},
      {"relative positions at the root", of([](B& b, Tensor x, Traced& m, int) {
         const auto n = b.n1(x);
         const auto scores = b.gate(n).matmul(n.transpose(1, 2)) + odd(m).p.bias;
         x = x + b.f(scores.softmax(-1).matmul(n));
         return x + b.g(b.n2(x));
       })},
      {"values of the first block in all others", of([](B& b, Tensor x, Traced& m, int i) {
         auto v = b.gate(b.n1(x));
         if (i == 0) {
           odd(m).memory.push_back(v);
         }
         v = v + b.step * odd(m).memory.front();
         x = x + b.f(v);
         return x + b.g(b.n2(x));
       })},
      {"the first value is read before the stream is", of([](B& b, Tensor x, Traced& m, int i) {
         Tensor old;
         if (i > 0) {
           old = odd(m).memory.front() * b.step;
         }
         auto v = b.gate(b.n1(x));
         if (i == 0) {
           odd(m).memory.push_back(v);
         }
         x = x + b.f(old.defined() ? v + old : v);
         return x + b.g(b.n2(x));
       })},
      {"register tokens in front", of(plain,
                                      [](Odd& o, const Tensor& t) {
                                        const auto x = o.p.embed(t);
                                        return torch::cat({o.p.register_tokens.expand({x.size(0), -1, -1}), x}, 1);
                                      })},
      {"embedding with a norm, dropout and a map behind it",
       of(plain,
          [](Odd& o, const Tensor& t) { return torch::dropout(o.p.bridge(o.p.shared(o.p.embed(t))), 0.1, true); })},
      {"no embedding: a float input",
       of(plain,
          [](Odd&, const Tensor& t) { return torch::one_hot(t.remainder(kWidth), kWidth).to(torch::kFloat) * 3; })},
      {"convolutional positions in the embedding", of(plain,
                                                      [](Odd& o, const Tensor& t) {
                                                        const auto x = o.p.embed(t);
                                                        return x + torch::gelu(o.p.bridge(x));
                                                      })},
      {"an auxiliary head before the final norm",
       of(plain, {}, [](Odd& o, const Tensor& x) { return o.p.bridge(x).sum() + o.p.head(o.p.norm(x)); })},
      {"a head that reads the last position",
       of(plain, {}, [](Odd& o, const Tensor& x) { return o.p.head(x.select(1, -1)); })},
      {"a scaled head", of(plain, {}, [](Odd& o, const Tensor& x) { return o.p.head(x * 0.3535); })},
      {"a final norm by hand, without weight",
       of(plain, {},
          [](Odd& o, const Tensor& x) { return o.p.head(x * torch::rsqrt(x.pow(2).mean(-1, true) + 1e-6)); })},
      {"a final norm without weight", of(plain, {}, [](Odd& o, const Tensor& x) { return o.p.head(bare(x)); })},
      {"pairs of rows that are averaged", of([](B& b, Tensor x, Traced&, int) {
         x = x + b.f(b.n1(x)) + b.n1(x).mean(1, true);
         return x + b.g(b.n2(x));
       })},
      {"the norm sees a noisy stream", of([](B& b, Tensor x, Traced&, int) {
         x = x + b.f(b.n1(x + 0.1 * torch::randn_like(x)));
         return x + b.g(b.n2(x));
       })},
      {"the norm sees the stream and the condition", of([](B& b, Tensor x, Traced& m, int) {
         x = x + b.f(b.n1(x + odd(m).condition));
         return x + b.g(b.n2(x));
       })},
      {"cross-attention to the condition first", of([](B& b, Tensor x, Traced& m, int) {
         const auto k = b.gate(odd(m).condition);
         x = x + b.f(b.n1(x)).matmul(k.transpose(1, 2)).softmax(-1).matmul(k);
         return x + b.g(b.n2(x));
       })},
      {"the condition is normed by the block, and then mapped", of([](B& b, Tensor x, Traced& m, int) {
         const auto c = b.gate(b.n2(odd(m).condition));
         x = x + c * b.f(b.n1(x));
         return x + b.g(x);
       })},
      {"double precision inside", of([](B& b, Tensor x, Traced&, int) {
         const auto y = x.to(torch::kDouble);
         return (y + b.f(b.n1(y.to(torch::kFloat))).to(torch::kDouble)).to(torch::kFloat);
       })},
      {"blocks that return a clone", of([](B& b, Tensor x, Traced&, int) { return (x + b.f(b.n1(x))).clone(); })},
      {"padding to a multiple inside the branch", of([](B& b, Tensor x, Traced&, int) {
         const auto n = F::pad(b.n1(x), F::PadFuncOptions({0, 0, 0, 2}));
         x = x + b.f(n).slice(1, 0, x.size(1));
         return x + b.g(b.n2(x));
       })},
      {"windows that are rolled", of([](B& b, Tensor x, Traced&, int) {
         const auto rolled = torch::roll(b.n1(x), 2, 1);
         x = x + torch::roll(b.attn(rolled), -2, 1);
         return x + b.g(b.n2(x));
       })},
      {"in place, without copies, where no gradients are asked for", of([](B& b, Tensor x, Traced&, int) {
         if (torch::GradMode::is_enabled()) {
           x = x + b.f(b.n1(x));
           return x + b.g(b.n2(x));
         }
         x = x.clone();  // of its own, for the truth
         x.add_(b.f(b.n1(x)));
         x.add_(b.g(b.n2(x)));
         return x;
       })},
  };
}

/// Two streams, of which the first or the second is the model's.
struct Dual : Traced {
  explicit Dual(bool is_second_) : is_second(is_second_) {
    torch::manual_seed(12);
    embed = register_module("embed", embedding());
    other = register_module("other", embedding());
    const auto list = register_module("layers", nn::ModuleList());
    for (int i = 0; i < 3; ++i) {
      layers.push_back(std::make_shared<OddImpl>(OddImpl::Forward()));
      list->push_back(layers.back());
    }
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) override {
    auto x = embed(tokens);
    auto c = other(tokens.slice(1, 0, 4));
    note("embedding", x);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      auto& b = *layers[i];
      const auto both = torch::cat({b.n1(x), b.n2(c)}, 1);
      const auto mixed = b.attn(both);
      const auto of_x = mixed.slice(1, 0, 6);
      const auto of_c = mixed.slice(1, 6);
      if (is_second) {
        c = c + of_c;
        x = x + of_x;
      } else {
        x = x + of_x;
        c = c + of_c;
      }
      x = x + b.f(x);
      c = c + b.g(c);
      note(numbered("layers.", static_cast<int64_t>(i)), x);
    }
    return head(norm(x));
  }
  bool is_second;
  nn::Embedding embed{nullptr}, other{nullptr};
  std::vector<std::shared_ptr<OddImpl>> layers;
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

}  // namespace

TEST_CASE("odd models show their streams", "[streams]") {
  for (const auto& [name, make] : right()) {
    DYNAMIC_SECTION(name) { require_streams(*make()); }
  }
}

TEST_CASE("of two streams, the one that is read at the end, or an error", "[streams]") {
  Dual first(false);
  require_streams(first);
  Dual second(true);
  require_doubt(second, {"layers.2", "infoplane::tap("});
}
