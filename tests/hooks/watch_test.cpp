#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <infoplane/hooks/watch.hpp>
#include <map>

#include "hooks/models.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using infoplane::hooks::Site;
using infoplane::hooks::SiteKind;
using infoplane::hooks::Watcher;
using infoplane::hooks::WatchOptions;

namespace {

struct Captured {
  std::vector<std::pair<Site, at::Tensor>> streams;
  infoplane::hooks::Capture capture() {
    return [this](const Site& site, const at::Tensor& tensor) { streams.emplace_back(site, tensor.clone()); };
  }
};

Captured observe_forward(Watcher& watcher, Model& model, const at::Tensor& tokens) {
  Captured captured;
  auto scope = watcher.observe(captured.capture());
  model.forward(tokens);
  scope.finish();
  return captured;
}

/// Every stream of the model came under its name, bit by bit, in order, and the watcher is content.
void require_truth(Model& model, SiteKind blocks, SiteKind embedding) {
  Watcher watcher(model.module());
  model.record = true;
  for (int pass = 0; pass < 3; ++pass) {  // the first one learns
    const auto captured = observe_forward(watcher, model, make_tokens(2, 5, pass));
    INFO("pass " << pass << "\n" << watcher.describe());
    REQUIRE(captured.streams.size() == model.truth.size());
    for (std::size_t i = 0; i < model.truth.size(); ++i) {
      const auto& [site, tensor] = captured.streams[i];
      REQUIRE(site.name == model.truth[i].first);
      REQUIRE(site.index == static_cast<int>(i) - 1);
      REQUIRE(site.kind == (i == 0 ? embedding : blocks));
      REQUIRE_FALSE(tensor.requires_grad());
      if (blocks == SiteKind::kNormalisedStream) {
        const auto cosine = at::cosine_similarity(tensor, model.truth[i].second, -1);
        REQUIRE(cosine.min().item<double>() > 1 - 1e-5);
      } else {
        REQUIRE(at::equal(tensor, model.truth[i].second));
      }
    }
  }
  REQUIRE_NOTHROW(watcher.verify());
  REQUIRE(watcher.sites().size() == model.truth.size());
  for (std::size_t i = 0; i < model.truth.size(); ++i) {
    REQUIRE(watcher.sites()[i].name == model.truth[i].first);
  }
}

}  // namespace

TEST_CASE("pre-norm blocks of every holder give their streams bit by bit", "[watch]") {
  require_truth(*make_gpt(), SiteKind::kNormInput, SiteKind::kNormInput);
  require_truth(*make_gpt({.layers = 1}), SiteKind::kNormInput, SiteKind::kNormInput);
  require_truth(*make_gpt({.tied_head = true}), SiteKind::kNormInput, SiteKind::kNormInput);
  require_truth(*make_sequential(), SiteKind::kNormInput, SiteKind::kNormInput);
  require_truth(*make_module_list(), SiteKind::kNormInput, SiteKind::kNormInput);
  require_truth(*make_lora(), SiteKind::kNormInput, SiteKind::kNormInput);
}

TEST_CASE("the order of the forward counts, not that of the registration", "[watch]") {
  require_truth(*make_numbered(), SiteKind::kNormInput, SiteKind::kNormInput);
}

TEST_CASE("fused RMSNorm is read as LayerNorm is, a hand-written one by its normalised stream", "[watch]") {
  require_truth(*make_rms_norm(true), SiteKind::kNormInput, SiteKind::kNormInput);
}

TEST_CASE("shared blocks and shared norms are numbered by use", "[watch]") {
  require_truth(*make_shared_block(), SiteKind::kNormInput, SiteKind::kNormInput);
  require_truth(*make_shared_norm(), SiteKind::kNormInput, SiteKind::kNormInput);
}

TEST_CASE("post-norm blocks are read at the output of their last norm", "[watch]") {
  require_truth(*make_post_norm(), SiteKind::kNormOutput, SiteKind::kLinearInput);
}

TEST_CASE("post-norm blocks that were registered in another order than they run", "[watch]") {
  require_truth(*make_numbered_post_norm(), SiteKind::kNormOutput, SiteKind::kLinearInput);
}

TEST_CASE("blocks of layout [T, B, d] give all streams in it, also where the head reads a transpose", "[watch]") {
  require_truth(*make_time_first(), SiteKind::kLinearInput, SiteKind::kLinearInput);
}

TEST_CASE("norms without a weight give the stream that enters them, not what they return", "[watch]") {
  require_truth(*make_weightless_norm(true), SiteKind::kNormInput, SiteKind::kNormInput);
  require_truth(*make_weightless_norm(false), SiteKind::kNormInput, SiteKind::kNormInput);
}

TEST_CASE("norms before the addition leave the stream to the next linear map", "[watch]") {
  auto model = make_reordered_norm();
  Watcher watcher(model->module());
  model->record = true;
  const auto captured = observe_forward(watcher, *model, make_tokens());
  REQUIRE(captured.streams.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(captured.streams[i].first.name == model->truth[i].first);
    REQUIRE(captured.streams[i].first.kind == (i == 3 ? SiteKind::kNormInput : SiteKind::kLinearInput));
    REQUIRE(at::equal(captured.streams[i].second, model->truth[i].second));
  }
}

TEST_CASE("torch::nn::TransformerEncoder", "[watch]") {
  auto model = make_encoder();
  Watcher watcher(model->module());
  model->record = true;
  for (int pass = 0; pass < 2; ++pass) {
    const auto captured = observe_forward(watcher, *model, make_tokens());
    INFO(watcher.describe());
    REQUIRE(captured.streams.size() == 3);
    REQUIRE(captured.streams[0].first.name == "embedding");
    REQUIRE(at::equal(captured.streams[0].second, model->truth[0].second));
    REQUIRE(captured.streams[1].first.name == "encoder.layers.0");
    REQUIRE(captured.streams[2].first.name == "encoder.layers.1");
    REQUIRE(at::equal(captured.streams[2].second, model->truth[1].second));
  }
}

TEST_CASE("without a final norm the head shows the last output", "[watch]") {
  auto model = make_gpt({.final_norm = false});
  Watcher watcher(model->module());
  model->record = true;
  const auto captured = observe_forward(watcher, *model, make_tokens());
  REQUIRE(captured.streams.size() == 4);
  REQUIRE(captured.streams[3].first.name == "blocks.2");
  REQUIRE(captured.streams[3].first.kind == SiteKind::kLinearInput);
  REQUIRE(captured.streams[3].first.source == "head.weight");
  REQUIRE(at::equal(captured.streams[3].second, model->truth[3].second));
}

TEST_CASE("hand-written RMSNorm gives the normalised stream", "[watch]") {
  auto model = make_rms_norm(false);
  Watcher watcher(model->module());
  model->record = true;
  for (int pass = 0; pass < 2; ++pass) {
    const auto captured = observe_forward(watcher, *model, make_tokens());
    INFO(watcher.describe());
    REQUIRE(captured.streams.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      REQUIRE(captured.streams[i].first.name == model->truth[i].first);
      REQUIRE(captured.streams[i].first.kind == (i == 3 ? SiteKind::kNormInput : SiteKind::kNormalisedStream));
      const auto cosine = at::cosine_similarity(captured.streams[i].second, model->truth[i].second, -1);
      REQUIRE(cosine.min().item<double>() > 1 - 1e-5);
    }
  }
}

TEST_CASE("modules that are not registered are found in the order of their norms", "[watch]") {
  auto model = make_unregistered();
  Watcher watcher(model->module());
  model->record = true;
  REQUIRE(watcher.describe().find("each fused norm is a site") != std::string::npos);
  for (int pass = 0; pass < 2; ++pass) {
    Captured captured;
    auto scope = watcher.observe(captured.capture());
    model->forward(make_tokens());
    const auto truth = model->truth;
    model->forward(make_tokens(1, 2));  // the same weights again: another forward
    scope.finish();
    REQUIRE(captured.streams.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
      REQUIRE(captured.streams[i].first.name == "norms." + std::to_string(i));
      REQUIRE(captured.streams[i].first.source == "a norm that is not registered");
      REQUIRE(at::equal(captured.streams[i].second, truth[i].second));
    }
  }
  REQUIRE_NOTHROW(watcher.verify());
}

TEST_CASE("blocks alone: the last output is not seen, and describe says so", "[watch]") {
  auto model = make_bare_blocks();
  Watcher watcher(model->module());
  REQUIRE(watcher.sites().size() == 2);
  const auto captured = observe_forward(watcher, *model, make_tokens());
  REQUIRE(captured.streams.size() == 2);
  REQUIRE_NOTHROW(watcher.verify());
  REQUIRE(watcher.describe().find("the output of blocks_1 is not seen: tap it") != std::string::npos);
}
