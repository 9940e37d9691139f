// Models whose blocks are LibTorch's own, norms written by hand, and fused norms.
#include <ATen/autocast_mode.h>

#include <map>

#include "hooks/zoo/zoo.hpp"

#if __has_include(<ATen/ops/_fused_rms_norm.h>)
#include <ATen/ops/_fused_rms_norm.h>
#endif

using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
using infoplane::hooks::Site;
using infoplane::hooks::SiteKind;
using infoplane::hooks::Watcher;

namespace {

using Captured = std::vector<std::pair<Site, Tensor>>;

template <typename Forward>
Captured observe(Watcher& watcher, Forward forward) {
  Captured captured;
  auto scope = watcher.observe([&](const Site& site, const Tensor& x) { captured.emplace_back(site, x.clone()); });
  forward();
  scope.finish();
  return captured;
}

/// Every site was seen, in every pass, with these streams.
void require_streams(const Captured& captured, const std::vector<std::pair<std::string, Tensor>>& truth) {
  REQUIRE(captured.size() == truth.size());
  std::map<std::string, Tensor> streams;
  for (const auto& [site, x] : captured) {
    streams[site.name] = x;
  }
  for (const auto& [name, x] : truth) {
    INFO(name);
    REQUIRE(streams.count(name) == 1);
    REQUIRE(at::equal(streams[name], x));
  }
}

Tensor source_tokens() { return batch(1).first.t().contiguous(); }  // [T, B]
Tensor target_tokens() { return batch(2).first.slice(1, 0, 4).t().contiguous(); }

struct Translator : nn::Module {
  Translator() {
    source = register_module("source", embedding());
    target = register_module("target", embedding());
    transformer = register_module(
        "transformer", nn::Transformer(nn::TransformerOptions(kWidth, 2, 2, 3).dim_feedforward(16).dropout(0.0)));
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& from, const Tensor& to) { return head(transformer(source(from), target(to))); }

  std::vector<std::pair<std::string, Tensor>> truth(const Tensor& from, const Tensor& to) {
    const torch::NoGradGuard no_grad;
    std::vector<std::pair<std::string, Tensor>> streams;
    auto encoder = transformer->encoder.get<nn::TransformerEncoder>();
    auto x = source(from);
    streams.emplace_back("embedding", x);
    for (const auto& layer : *encoder->layers) {
      x = layer->as<nn::TransformerEncoderLayer>()->forward(x);
      streams.emplace_back(numbered("transformer.encoder.layers.", streams.size() - 1), x);
    }
    const auto memory = encoder->norm.forward<Tensor>(x);
    auto y = target(to);
    streams.emplace_back("transformer.decoder.layers.embedding", y);
    int number = 0;
    for (const auto& layer : *transformer->decoder.get<nn::TransformerDecoder>()->layers) {
      y = layer->as<nn::TransformerDecoderLayer>()->forward(y, memory);
      streams.emplace_back(numbered("transformer.decoder.layers.", number++), y);
    }
    return streams;
  }

  nn::Embedding source{nullptr}, target{nullptr};
  nn::Transformer transformer{nullptr};
  nn::Linear head{nullptr};
};

/// A block whose norm is given as a function of the stream.
struct NormedImpl : nn::Module {
  using Norm = std::function<Tensor(const Tensor& x, const Tensor& gain, const Tensor& bias)>;
  explicit NormedImpl(Norm norm_) : norm(std::move(norm_)) {
    gain = register_parameter("gain", torch::linspace(0.5, 1.5, kWidth));
    bias = register_parameter("bias", torch::linspace(-1, 1, kWidth));
    map = register_module("map", nn::Linear(kWidth, kWidth));
  }
  Tensor forward(const Tensor& x) { return x + torch::gelu(map(norm(x, gain, bias))); }
  Norm norm;
  Tensor gain, bias;
  nn::Linear map{nullptr};
};

struct NormedNet : nn::Module {
  explicit NormedNet(const NormedImpl::Norm& norm) {
    embed = register_module("embed", embedding());
    for (int i = 0; i < 3; ++i) {
      blocks.push_back(register_module(numbered("block", i), std::make_shared<NormedImpl>(norm)));
    }
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens) + 3;  // far from centred
    truth = {x.detach()};
    for (const auto& block : blocks) {
      x = block->forward(x);
      truth.push_back(x.detach());
    }
    return head(x);
  }
  nn::Embedding embed{nullptr};
  std::vector<std::shared_ptr<NormedImpl>> blocks;
  nn::Linear head{nullptr};
  std::vector<Tensor> truth;
};

double worst_cosine(const Tensor& a, const Tensor& b) { return at::cosine_similarity(a, b, -1).min().item<double>(); }

}  // namespace

TEST_CASE("torch::nn::Transformer: encoder and decoder are two stacks", "[watch]") {
  Translator model;
  Watcher watcher(model);
  for (int pass = 0; pass < 3; ++pass) {
    const auto captured = observe(watcher, [&] { model.forward(source_tokens(), target_tokens()); });
    INFO("pass " << pass << "\n" << watcher.describe());
    require_streams(captured, model.truth(source_tokens(), target_tokens()));
    REQUIRE_NOTHROW(watcher.verify());
  }
  for (const auto& site : watcher.sites()) {
    INFO(site.name);
    REQUIRE((site.index == -1) == site.name.ends_with("embedding"));
  }
}

TEST_CASE("torch::nn::TransformerEncoder: every layer's output", "[watch]") {
  const auto layer = nn::TransformerEncoderLayerOptions(kWidth, 2).dim_feedforward(16).dropout(0.0);
  nn::TransformerEncoder encoder(nn::TransformerEncoderOptions(layer, 3));
  auto embed = embedding();
  TreeImpl model;
  model.register_module("embed", embed);
  model.register_module("encoder", encoder);
  auto head = output_head();
  model.register_module("head", head);
  Watcher watcher(model);
  std::vector<std::pair<std::string, Tensor>> truth;
  {
    const torch::NoGradGuard no_grad;
    auto x = embed(source_tokens());
    truth.emplace_back("embedding", x);
    for (std::size_t i = 0; i < encoder->layers->size(); ++i) {
      x = encoder->layers[i]->as<nn::TransformerEncoderLayer>()->forward(x);
      truth.emplace_back(numbered("encoder.layers.", i), x);
    }
  }
  for (int pass = 0; pass < 3; ++pass) {
    require_streams(observe(watcher, [&] { head(encoder(embed(source_tokens()))); }), truth);
  }
  REQUIRE_NOTHROW(watcher.verify());
}

TEST_CASE("a hand-written LayerNorm shows the centred stream, and its kind says so", "[watch]") {
  const auto layer_norm_by_hand = [](const Tensor& x, const Tensor& gain, const Tensor& bias) {
    const auto centred = x - x.mean(-1, true);
    return centred / (centred.pow(2).mean(-1, true) + 1e-5).sqrt() * gain + bias;
  };
  const auto gain_first = [](const Tensor& x, const Tensor& gain, const Tensor& bias) {
    return gain * ((x - x.mean(-1, true)) * (x.var(-1, false, true) + 1e-5).rsqrt()) + bias;
  };
  for (const auto& norm : {NormedImpl::Norm(layer_norm_by_hand), NormedImpl::Norm(gain_first)}) {
    NormedNet model(norm);
    Watcher watcher(model);
    for (int pass = 0; pass < 2; ++pass) {
      const auto captured = observe(watcher, [&] { model.forward(batch(pass).first); });
      REQUIRE(captured.size() == 4);
      for (std::size_t i = 0; i < 3; ++i) {  // the head shows the last one as it is
        const auto& [site, x] = captured[i];
        REQUIRE(site.kind == SiteKind::kCentredStream);
        REQUIRE(site.source == numbered("block", i) + ".gain");
        REQUIRE(worst_cosine(x, model.truth[i] - model.truth[i].mean(-1, true)) > 1 - 1e-5);
        REQUIRE(worst_cosine(x, model.truth[i]) < 0.9);  // what a tap would show
      }
      REQUIRE(captured[3].first.kind == SiteKind::kLinearInput);
    }
    REQUIRE(watcher.describe().find("centred stream") != std::string::npos);
  }
}

TEST_CASE("a hand-written RMSNorm is not called centred, nor is a stream of zeros confused", "[watch]") {
  NormedNet model([](const Tensor& x, const Tensor& gain, const Tensor& /*bias*/) {
    return x * torch::rsqrt(x.pow(2).mean(-1, true) + 1e-6) * gain;
  });
  Watcher watcher(model);
  const auto captured = observe(watcher, [&] { model.forward(batch(0).first); });
  REQUIRE(captured[1].first.kind == SiteKind::kNormalisedStream);
  REQUIRE(worst_cosine(captured[1].second, model.truth[1]) > 1 - 1e-5);
}

TEST_CASE("fused RMSNorm operators give the stream itself", "[watch]") {
  std::vector<NormedImpl::Norm> norms = {[](const Tensor& x, const Tensor& gain, const Tensor& /*bias*/) {
    return at::rms_norm(x, {kWidth}, gain, 1e-6);
  }};
#if __has_include(<ATen/ops/_fused_rms_norm.h>)
  norms.emplace_back([](const Tensor& x, const Tensor& gain, const Tensor& /*bias*/) {
    return std::get<0>(at::_fused_rms_norm(x, {kWidth}, gain, 1e-6));
  });
#endif
  for (const auto& norm : norms) {
    NormedNet model(norm);
    Watcher watcher(model);
    for (int pass = 0; pass < 2; ++pass) {
      const auto captured = observe(watcher, [&] { model.forward(batch(pass).first); });
      REQUIRE(captured.size() == 4);
      for (std::size_t i = 0; i < 4; ++i) {
        REQUIRE(at::equal(captured[i].second, model.truth[i]));
        REQUIRE(captured[i].first.kind == (i == 3 ? SiteKind::kLinearInput : SiteKind::kNormInput));
      }
    }
  }
}

TEST_CASE("under autocast the streams are those of the forward", "[watch]") {
  NormedNet model(
      [](const Tensor& x, const Tensor& gain, const Tensor& bias) { return at::layer_norm(x, {kWidth}, gain, bias); });
  Watcher watcher(model);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  for (int pass = 0; pass < 2; ++pass) {
    const auto captured = observe(watcher, [&] { model.forward(batch(pass).first); });
    REQUIRE(captured.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      REQUIRE(captured[i].second.scalar_type() == model.truth[i].scalar_type());
      REQUIRE(at::equal(captured[i].second, model.truth[i]));
    }
  }
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
}

TEST_CASE("dropping a layer: not in the first observed forward, later ones leave its site out", "[watch]") {
  NormedNet model(
      [](const Tensor& x, const Tensor& gain, const Tensor& bias) { return at::layer_norm(x, {kWidth}, gain, bias); });
  const auto blocks = model.blocks;
  Watcher watcher(model);
  observe(watcher, [&] { model.forward(batch(0).first); });
  REQUIRE_NOTHROW(watcher.verify());
  model.blocks.erase(model.blocks.begin() + 1);
  const auto captured = observe(watcher, [&] { model.forward(batch(1).first); });
  REQUIRE(captured.size() == 3);
  REQUIRE(captured[1].first.name == "block1");  // read where block2 begins: what left block1 is what left block0
  REQUIRE(at::equal(captured[1].second, model.truth[1]));
  REQUIRE(captured[2].first.name == "block2");
  REQUIRE(at::equal(captured[2].second, model.truth[2]));

  Watcher late(model);
  observe(late, [&] { model.forward(batch(0).first); });
  REQUIRE_THROWS_AS(late.verify(), infoplane::SiteError);
  model.blocks = blocks;
  late.rescan();
  observe(late, [&] { model.forward(batch(0).first); });
  REQUIRE_NOTHROW(late.verify());
}
