// Models whose streams no operator shows: an error with the line to write, never a number; and with that line, the
// streams.
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>

#include "hooks/streams/streams.hpp"

using namespace infoplane::streams;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

Tensor bare(const Tensor& x) { return F::layer_norm(x, F::LayerNormFuncOptions({kWidth})); }

struct LayerImpl : nn::Module {
  using Forward = std::function<Tensor(LayerImpl&, const Tensor&)>;
  explicit LayerImpl(Forward forward_) : body(std::move(forward_)) {
    f = register_module("f", Mlp());
    g = register_module("g", Mlp());
    wide = register_module("wide", nn::Linear(2 * kWidth, kWidth));
    n1 = register_module("n1", layer_norm());
    n2 = register_module("n2", layer_norm());
  }
  Tensor forward(const Tensor& x) { return body(*this, x); }
  Forward body;
  Mlp f{nullptr}, g{nullptr};
  nn::Linear wide{nullptr};
  nn::LayerNorm n1{nullptr}, n2{nullptr};
};

/// With a tap where each block ends, under the name that the error gives, or under "blocks".
struct Model : Net<LayerImpl> {
  using Between = std::function<Tensor(Model&, std::size_t, const Tensor&)>;
  Model(LayerImpl::Forward forward, Between between_ = {}) : Net<LayerImpl>({}, forward), between(std::move(between_)) {
    bridge = register_module("bridge", nn::Linear(kWidth, kWidth));
  }
  Tensor forward(const Tensor& tokens) override {
    auto x = embed(tokens);
    note("embedding", x);
    if (!tap.empty()) {
      infoplane::tap("embedding", x);
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->forward(between ? between(*this, i, x) : x);
      note(numbered("layers.", static_cast<int64_t>(i)), x);
      if (!tap.empty()) {
        infoplane::tap(tap, x);
      }
    }
    return end(x);
  }
  Between between;
  nn::Linear bridge{nullptr};
  std::string tap;
};

struct Case {
  const char* name;
  LayerImpl::Forward forward;
  Model::Between between;
  std::vector<std::string> texts;
};

std::vector<Case> cases() {
  const LayerImpl::Forward pre_norm = [](LayerImpl& b, const Tensor& x) { return x + b.f(b.n1(x)); };
  return {
      {"a Fourier transform for attention, norms behind",
       [](LayerImpl& b, const Tensor& x) {
         const auto y = b.n1(x + torch::fft_fft2(x).abs());
         return b.n2(y + b.f(y));
       },
       {},
       {"embedding", "layers.0", "layers.1", "aten::layer_norm at layers.1.n1.weight has [3, 6, 8]",
        "write x = infoplane::tap(\"layers.0\", x); where layers.0 has returned x",
        "write x = infoplane::tap(\"embedding\", x); before layers.0 is called"}},
      {"a map between the blocks",
       pre_norm,
       [](Model& m, std::size_t i, const Tensor& x) { return i == 1 ? m.bridge(x) : x; },
       {"1 of 4", "layers.0: 0 hits", "write x = infoplane::tap(\"layers.0\", x);"}},
      {"two halves that change each other",
       [](LayerImpl& b, const Tensor& x) {
         const auto parts = x.chunk(2, -1);
         const auto pad = [](const Tensor& half) { return torch::cat({half, half}, -1); };
         const auto left = parts[0] + b.f(pad(parts[1])).chunk(2, -1)[0];
         return torch::cat({left, parts[1] + b.g(pad(left)).chunk(2, -1)[0]}, -1);
       },
       {},
       {"infoplane::tap("}},
      {"a stream that is joined with an older one",
       [](LayerImpl& b, const Tensor& x) {
         const auto y = b.wide(torch::cat({x, bare(x)}, -1));
         return y + b.f(b.n1(y));
       },
       {},
       {"infoplane::tap("}},
  };
}

}  // namespace

TEST_CASE("no evidence, no number: the error names the site, the operator and the line", "[streams]") {
  for (const auto& [name, forward, between, texts] : cases()) {
    INFO(name);
    Model model(forward, between);
    require_doubt(model, texts);
    infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(1));
    const auto tokens = infoplane::zoo::batch(0).first;
    {
      const auto observation = monitor.observe(0, tokens);
      model.forward(tokens);
    }
    REQUIRE_THROWS_MATCHES(monitor.end_step(0), infoplane::SiteError, MessageMatches(ContainsSubstring(texts.back())));
  }
}

TEST_CASE("with the line that the error gives, the streams are those that were tapped", "[streams]") {
  for (const auto& [name, forward, between, texts] : cases()) {
    for (const auto* tap : {"layers", "blocks"}) {
      INFO(name << ", tap " << tap);
      Model model(forward, between);
      model.tap = tap;
      require_streams(model);
    }
  }
}
