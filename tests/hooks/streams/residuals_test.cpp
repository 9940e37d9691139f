// Every form of x + f(x): the stream is what the addition has, not what the norm or the map has.
#include <ATen/autocast_mode.h>

#include "hooks/streams/streams.hpp"

using namespace infoplane::streams;  // NOLINT(google-build-using-namespace)

namespace {

/// A block of two maps, two affine norms and a gate, whose forward is given.
struct AnyImpl : nn::Module {
  using Forward = std::function<Tensor(AnyImpl&, Tensor)>;
  explicit AnyImpl(Forward forward_) : body(std::move(forward_)) {
    f = register_module("f", Mlp());
    g = register_module("g", Mlp());
    gate = register_module("gate", nn::Linear(kWidth, kWidth));
    n1 = register_module("n1", layer_norm());
    n2 = register_module("n2", layer_norm());
    scale = register_parameter("scale", torch::linspace(0.5, 1.5, kWidth));
    shared = shared_norm ? register_module("n1s", shared_norm) : shared_norm;
  }
  Tensor forward(const Tensor& x) { return body(*this, x); }

  static nn::LayerNorm shared_norm;
  Forward body;
  Mlp f{nullptr}, g{nullptr};
  nn::Linear gate{nullptr};
  nn::LayerNorm n1{nullptr}, n2{nullptr}, shared{nullptr};
  Tensor scale;
};
nn::LayerNorm AnyImpl::shared_norm{nullptr};

using Any = AnyImpl;
using AnyNet = Net<AnyImpl>;

struct Form {
  const char* name;
  Any::Forward forward;
};

Tensor bare(const Tensor& x) { return F::layer_norm(x, F::LayerNormFuncOptions({kWidth})); }
Tensor by_hand(const Tensor& x) { return x * torch::rsqrt(x.pow(2).mean(-1, true) + 1e-6); }

std::vector<Form> forms() {
  return {
      {"pre-norm",
       [](Any& b, Tensor x) {
         x = x + b.f(b.n1(x));
         return x + b.g(b.n2(x));
       }},
      {"post-norm",
       [](Any& b, Tensor x) {
         x = b.n1(x + b.f(x));
         return b.n2(x + b.g(x));
       }},
      {"norms in the branch",
       [](Any& b, Tensor x) {
         x = x + b.n1(b.f(x));
         return x + b.n2(b.g(x));
       }},
      {"sandwich", [](Any& b, const Tensor& x) { return x + b.n2(b.f(b.n1(x))); }},
      {"parallel", [](Any& b, const Tensor& x) { return x + b.f(b.n1(x)) + b.g(b.n2(x)); }},
      {"parallel, branches first",
       [](Any& b, const Tensor& x) {
         const auto s = b.f(b.n1(x)) + b.g(b.n2(x));
         return x + s;
       }},
      {"branch first", [](Any& b, const Tensor& x) { return b.f(b.n1(x)) + x; }},
      {"alpha", [](Any& b, const Tensor& x) { return torch::add(x, b.f(b.n1(x)), 0.5); }},
      {"half steps",
       [](Any& b, Tensor x) {
         x = x + 0.5 * b.f(b.n1(x));
         return x + 0.5 * b.g(b.n2(x));
       }},
      {"deep norm",
       [](Any& b, Tensor x) {
         x = b.n1(x * 2 + b.f(x));
         return b.n2(x * 2 + b.g(x));
       }},
      {"scaled stream", [](Any& b, const Tensor& x) { return x * 0.9 + b.f(b.n1(x)); }},
      {"layer scale",
       [](Any& b, Tensor x) {
         x = x + b.scale * b.f(b.n1(x));
         return x + b.scale * b.g(b.n2(x));
       }},
      {"gate",
       [](Any& b, const Tensor& x) {
         const auto n = b.n1(x);
         return x + torch::sigmoid(b.gate(n)) * b.f(n);
       }},
      {"highway",
       [](Any& b, const Tensor& x) {
         const auto t = torch::sigmoid(b.gate(x));
         return t * b.f(x) + (1 - t) * x;
       }},
      {"lerp", [](Any& b, const Tensor& x) { return torch::lerp(x, b.f(b.n1(x)), torch::sigmoid(b.gate(x))); }},
      {"addcmul",
       [](Any& b, const Tensor& x) {
         const auto n = b.n1(x);
         return torch::addcmul(x, b.gate(n), b.f(n));
       }},
      {"subtraction", [](Any& b, const Tensor& x) { return x - b.f(b.n1(x)); }},
      {"dropout on both",
       [](Any& b, const Tensor& x) { return torch::dropout(x, 0.1, true) + torch::dropout(b.f(b.n1(x)), 0.1, true); }},
      {"stochastic rows",
       [](Any& b, const Tensor& x) {
         return x + b.f(b.n1(x)) * torch::tensor({1.F, 0.F, 2.F}).view({3, 1, 1});
       }},
      {"clone", [](Any& b, const Tensor& x) { return x.clone() + b.f(b.n1(x.clone())); }},
      {"flat",
       [](Any& b, const Tensor& x) {
         return x + b.f(b.n1(x.reshape({-1, kWidth}))).view_as(x);
       }},
      {"flat, no norm",
       [](Any& b, const Tensor& x) {
         return x + b.n1(b.f(x.view({-1, kWidth})).view_as(x));
       }},
      {"turned", [](Any& b, const Tensor& x) { return x + b.f(b.n1(x.transpose(0, 1))).transpose(0, 1); }},
      {"turned, no norm", [](Any& b, const Tensor& x) { return x + b.n1(b.f(x.transpose(0, 1)).transpose(0, 1)); }},
      {"bare pre-norm",
       [](Any& b, Tensor x) {
         x = x + b.f(bare(x));
         return x + b.g(bare(x));
       }},
      {"bare post-norm",
       [](Any& b, Tensor x) {
         x = bare(x + b.f(x));
         return bare(x + b.g(x));
       }},
      {"pre-norm by hand",
       [](Any& b, Tensor x) {
         x = x + b.f(by_hand(x));
         return x + b.g(by_hand(x));
       }},
      {"rows only",
       [](Any& b, const Tensor& x) {
         const auto rows = torch::tensor({0, 2});
         return x.index_add(0, rows, b.f(b.n1(x.index_select(0, rows))));
       }},
      {"in place",
       [](Any& b, const Tensor& x) {
         auto y = x.clone();
         return y.add_(b.f(b.n1(x)));
       }},
      {"branch in place",
       [](Any& b, const Tensor& x) {
         auto y = b.f(b.n1(x));
         y += x;
         return y;
       }},
      {"delayed",
       [](Any& b, const Tensor& x) {
         return torch::stack({x, b.f(b.n1(x))}).unbind(0)[0] + b.g(b.n2(x));
       }},
  };
}

}  // namespace

TEST_CASE("every form of the residual addition shows its stream", "[streams]") {
  for (const auto& [name, forward] : forms()) {
    for (const bool has_norm : {true, false}) {
      INFO(name << (has_norm ? ", final norm" : ", head only"));
      AnyNet model(AnyNet::Form{3, has_norm}, forward);
      require_streams(model);
    }
  }
}

TEST_CASE("a single block shows its streams too", "[streams]") {
  for (const auto& [name, forward] : forms()) {
    INFO(name);
    AnyNet model(AnyNet::Form{1, true}, forward);
    require_streams(model);
  }
}

TEST_CASE("under autocast every form shows the streams of its forward", "[streams]") {
  for (const auto& [name, forward] : forms()) {
    if (std::string_view(name) == "lerp" || std::string_view(name) == "rows only") {
      continue;  // want one dtype, which autocast does not give them
    }
    INFO(name);
    AnyNet model(AnyNet::Form{3, true}, forward);
    at::autocast::set_autocast_enabled(at::kCPU, true);
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    require_streams(model);
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
  }
}
