// What a scope keeps of a forward: nothing.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <infoplane/hooks/watch.hpp>

#include "hooks/models.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;

namespace {

using WeakStorage = c10::weak_intrusive_ptr<c10::StorageImpl>;

struct Manner {
  const char* name;
  std::function<std::unique_ptr<Model>()> make;
};

const std::vector<Manner>& manners() {
  static const std::vector<Manner> all = {
      {"pre-norm", [] { return make_gpt(); }},
      {"no final norm", [] { return make_gpt({.final_norm = false}); }},
      {"post-norm", make_post_norm},
      {"TransformerEncoder", make_encoder},
      {"norms before the addition", make_reordered_norm},
      {"time first", make_time_first},
      {"fused RMSNorm", [] { return make_rms_norm(true); }},
      {"RMSNorm by hand", [] { return make_rms_norm(false); }},
      {"RMSNorm without weight", [] { return make_weightless_norm(true); }},
      {"LayerNorm without weight", [] { return make_weightless_norm(false); }},
      {"not registered", [] { return make_unregistered(); }},
  };
  return all;
}

}  // namespace

TEST_CASE("no activation outlives the forward, though the scope is still open", "[scope]") {
  for (const auto& [name, make] : manners()) {
    for (const bool grad : {true, false}) {
      const c10::AutoGradMode mode(grad);
      auto model = make();
      Watcher watcher(model->module());
      for (int pass = 0; pass < 3; ++pass) {
        std::vector<WeakStorage> storages;
        auto scope = watcher.observe([&](const Site&, const at::Tensor& x) {
          REQUIRE_FALSE(x.requires_grad());
          REQUIRE_FALSE(x.grad_fn());
          storages.push_back(x.storage().getWeakStorageImpl());
        });
        {
          const auto logits = model->forward(make_tokens(2, 5, pass));
          REQUIRE(logits.requires_grad() == grad);
        }
        INFO(name << ", pass " << pass << (grad ? ", with" : ", without") << " gradients");
        REQUIRE(storages.size() >= 3);  // all have come before the scope ends
        for (const auto& storage : storages) {
          REQUIRE(storage.expired());
        }
        const auto captured = storages.size();
        scope.finish();
        REQUIRE(storages.size() == captured);
      }
    }
  }
}
