// Built without NDEBUG, as is the observer that asks LibTorch for the inputs of operators: see operator_observer.cpp.
#ifdef NDEBUG
#error "this test is about builds without NDEBUG"
#endif

#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/hooks/watch.hpp>

#include "hooks/models.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;

TEST_CASE("without NDEBUG the streams come as with it", "[scope]") {
  auto model = make_post_norm();  // reads inputs and results
  Watcher watcher(model->module());
  model->record = true;
  for (int pass = 0; pass < 2; ++pass) {
    std::vector<std::pair<std::string, at::Tensor>> streams;
    auto scope =
        watcher.observe([&](const Site& site, const at::Tensor& x) { streams.emplace_back(site.name, x.clone()); });
    model->forward(make_tokens(2, 5, pass));
    scope.finish();
    REQUIRE(streams.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      REQUIRE(streams[i].first == model->truth[i].first);
      REQUIRE(at::equal(streams[i].second, model->truth[i].second));
    }
    REQUIRE_NOTHROW(watcher.verify());
  }
}
