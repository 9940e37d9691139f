// Dtypes and autocast: a stream comes in the forward's own dtype.
#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <infoplane/hooks/watch.hpp>
#include <set>

#include "hooks/models.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using infoplane::hooks::Site;
using infoplane::hooks::SiteKind;
using infoplane::hooks::Watcher;

namespace {

/// CPU autocast to bfloat16.
class Autocast {
 public:
  Autocast() : was_enabled_(at::autocast::is_autocast_enabled(at::kCPU)) {
    at::autocast::set_autocast_enabled(at::kCPU, true);
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
  ~Autocast() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, was_enabled_);
  }

 private:
  bool was_enabled_;
};

using Streams = std::vector<std::pair<Site, at::Tensor>>;

Streams observe_forward(Watcher& watcher, Model& model, int seed) {
  Streams streams;
  auto scope = watcher.observe([&](const Site& site, const at::Tensor& x) { streams.emplace_back(site, x.clone()); });
  model.forward(make_tokens(2, 5, seed));
  scope.finish();
  return streams;
}

}  // namespace

TEST_CASE("every floating dtype comes as it is, also after a change in place", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  model->record = true;
  for (const auto& [name, dtype] :
       {std::pair{"", at::kFloat}, {"bf16", at::kBFloat16}, {"fp16", at::kHalf}, {"double", at::kDouble}}) {
    if (dtype != at::kFloat) {
      model->change(name);
    }
    for (int pass = 0; pass < 2; ++pass) {
      const auto streams = observe_forward(watcher, *model, pass);
      REQUIRE(streams.size() == 4);
      for (std::size_t i = 0; i < 4; ++i) {
        REQUIRE(streams[i].second.scalar_type() == dtype);
        REQUIRE(at::equal(streams[i].second, model->truth[i].second));
      }
    }
  }
}

TEST_CASE("two dtypes in one forward come side by side", "[scope]") {
  auto model = make_gpt();
  model->change("bf16");
  model->change("double block 1");
  Watcher watcher(model->module());
  model->record = true;
  for (int pass = 0; pass < 3; ++pass) {
    const auto streams = observe_forward(watcher, *model, pass);
    REQUIRE(streams.size() == 4);
    // A stream is read where the next block begins, behind its cast.
    const std::vector<at::ScalarType> dtypes = {at::kBFloat16, at::kDouble, at::kBFloat16, at::kBFloat16};
    for (std::size_t i = 0; i < 4; ++i) {
      REQUIRE(streams[i].first.name == model->truth[i].first);
      REQUIRE(streams[i].second.scalar_type() == dtypes[i]);
      REQUIRE(at::equal(streams[i].second, model->truth[i].second.to(dtypes[i])));
    }
  }
  REQUIRE_NOTHROW(watcher.verify());
}

TEST_CASE("under autocast every kind of model shows the streams of its forward", "[scope]") {
  struct Case {
    const char* name;
    std::function<std::unique_ptr<Model>()> make;
    SiteKind kind;
  };
  const std::vector<Case> cases = {
      {"pre-norm", [] { return make_gpt(); }, SiteKind::kNormInput},
      {"tied head", [] { return make_gpt({.tied_head = true}); }, SiteKind::kNormInput},
      {"tied head without norm", [] { return make_gpt({.final_norm = false, .tied_head = true}); },
       SiteKind::kNormInput},
      {"adapters", make_lora, SiteKind::kNormInput},
      {"post-norm", make_post_norm, SiteKind::kNormOutput},
      {"norms before the addition", make_reordered_norm, SiteKind::kLinearInput},
      {"time first", make_time_first, SiteKind::kLinearInput},
      {"fused RMSNorm", [] { return make_rms_norm(true); }, SiteKind::kNormInput},
      {"RMSNorm by hand", [] { return make_rms_norm(false); }, SiteKind::kNormalisedStream},
      {"RMSNorm without weight", [] { return make_weightless_norm(true); }, SiteKind::kNormInput},
      {"LayerNorm without weight", [] { return make_weightless_norm(false); }, SiteKind::kNormInput},
  };
  for (const auto& [name, make, kind] : cases) {
    auto model = make();
    Watcher watcher(model->module());
    model->record = true;
    const Autocast autocast;
    for (int pass = 0; pass < 3; ++pass) {
      const auto streams = observe_forward(watcher, *model, pass);
      INFO(name << ", pass " << pass << '\n' << watcher.describe());
      REQUIRE(streams.size() == model->truth.size());
      for (std::size_t i = 0; i < streams.size(); ++i) {
        const auto& [site, x] = streams[i];
        const auto& truth = model->truth[i].second;
        REQUIRE(site.name == model->truth[i].first);
        REQUIRE((i == 0 || i + 1 == streams.size() || site.kind == kind));
        if (site.kind == SiteKind::kNormalisedStream) {
          const auto cosine = at::cosine_similarity(x.to(at::kFloat), truth.to(at::kFloat), -1);
          REQUIRE(cosine.min().item<double>() > 1 - 1e-3);  // rounded to bfloat16 after the norm
        } else {
          REQUIRE(x.scalar_type() == truth.scalar_type());
          REQUIRE(at::equal(x, truth));
        }
      }
    }
    REQUIRE_NOTHROW(watcher.verify());
  }
}
