#include "hooks/streams/streams.hpp"

#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <map>

namespace infoplane::streams {

Captured observe(Watcher& watcher, Traced& model, int64_t step) {
  Captured captured;
  auto scope = watcher.observe(
      [&](const Site& site, const Tensor& stream) { captured.streams.emplace_back(site, stream.clone()); });
  model.truth.clear();
  const auto out = model.forward(zoo::batch(step).first);
  if (out.requires_grad()) {
    out.sum().backward();  // inside the scope, as in a loop
  }
  scope.finish();
  return captured;
}

namespace {

bool has_direction_only(const Site& site) { return site.kind == hooks::SiteKind::kNormalisedStream; }

void require_equal(const Captured& captured, const Traced& model) {
  std::map<std::string, std::pair<Site, Tensor>> seen;
  for (const auto& [site, stream] : captured.streams) {
    INFO(site.name);
    REQUIRE(seen.emplace(site.name, std::pair(site, stream)).second);
  }
  int blocks = 0;
  for (const auto& [name, stream] : model.truth) {
    INFO(name);
    REQUIRE(seen.count(name) == 1);
    const auto& [site, tensor] = seen.at(name);
    if (name.ends_with("embedding")) {
      REQUIRE(site.index == -1);
    } else {
      REQUIRE(site.index == blocks++);
    }
    REQUIRE_FALSE(tensor.requires_grad());
    if (has_direction_only(site)) {
      REQUIRE(at::cosine_similarity(tensor, stream, -1).min().item<double>() > 1 - 1e-5);
    } else {
      REQUIRE(tensor.sizes() == stream.sizes());
      REQUIRE(at::equal(tensor, stream));
    }
  }
  REQUIRE(seen.size() == model.truth.size());
}

}  // namespace

void require_streams(Traced& model, const WatchOptions& options) {
  Watcher watcher(model, options);
  for (int pass = 0; pass < 3; ++pass) {
    const torch::AutoGradMode mode(pass != 1);
    const auto captured = observe(watcher, model, pass);
    INFO("pass " << pass << '\n' << watcher.describe());
    std::string complaint;
    try {
      watcher.verify();
    } catch (const SiteError& error) {
      complaint = error.what();
    }
    REQUIRE(complaint.empty());
    require_equal(captured, model);
    REQUIRE(watcher.sites().size() == model.truth.size());
    for (const auto& site : watcher.sites()) {
      const auto is_it = [&](const auto& entry) { return entry.first == site.name; };
      REQUIRE(std::any_of(model.truth.begin(), model.truth.end(), is_it));
    }
  }
}

void require_doubt(Traced& model, const std::vector<std::string>& texts, const WatchOptions& options) {
  Watcher watcher(model, options);
  observe(watcher, model);
  std::string complaint;
  try {
    watcher.verify();
  } catch (const SiteError& error) {
    complaint = error.what();
  }
  INFO(watcher.describe());
  for (const auto& text : texts) {
    CHECK_THAT(complaint, Catch::Matchers::ContainsSubstring(text));
  }
}

nn::LayerNorm bare_norm() { return nn::LayerNorm(nn::LayerNormOptions({kWidth}).elementwise_affine(false)); }

}  // namespace infoplane::streams
