#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/hooks/watch.hpp>

#include "hooks/models.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;
using infoplane::hooks::WatchOptions;

TEST_CASE("a tap beside the watch is the same site and comes once", "[tap]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  std::vector<std::string> names;
  auto scope = watcher.observe([&](const Site& site, const at::Tensor&) { names.push_back(site.name); });
  const auto x = at::ones({2, 5, kWidth});
  REQUIRE(&infoplane::tap("blocks.0", x) == &x);
  model->forward(make_tokens());
  scope.finish();
  REQUIRE(names == std::vector<std::string>{"blocks.0", "embedding", "blocks.1", "blocks.2"});
  REQUIRE(watcher.sites()[1].kind == infoplane::hooks::SiteKind::kTap);
  REQUIRE_NOTHROW(watcher.verify());
}

TEST_CASE("a tapped site of the tree keeps its place in the order", "[tap]") {
  auto model = make_sequential();
  Watcher watcher(model->module(), WatchOptions().sites({"blocks.*"}));
  std::vector<std::pair<std::string, int>> seen;
  auto scope = watcher.observe([&](const Site& site, const at::Tensor&) { seen.emplace_back(site.name, site.index); });
  infoplane::tap("net.1", at::ones({2, 5, kWidth}));
  model->forward(make_tokens());
  scope.finish();
  REQUIRE(seen == std::vector<std::pair<std::string, int>>{{"net.1", 0}, {"net.2", 1}});
}

TEST_CASE("a tap without a number numbers itself by the order of calls", "[tap]") {
  Watcher watcher{WatchOptions().sites({"blocks.*", "embedding"})};
  const auto x = at::ones({2, 3});
  for (int pass = 0; pass < 2; ++pass) {
    std::vector<std::pair<std::string, int>> seen;
    auto scope =
        watcher.observe([&](const Site& site, const at::Tensor&) { seen.emplace_back(site.name, site.index); });
    infoplane::tap("embedding", x);
    for (int i = 0; i < 3; ++i) {
      infoplane::tap("blocks", x);
    }
    infoplane::tap("other.7", x);  // no pattern wants it
    infoplane::tap("blocks.1", x);
    infoplane::tap("blocks.3", at::Tensor());  // undefined: passes through
    scope.finish();
    REQUIRE(seen == std::vector<std::pair<std::string, int>>{
                        {"embedding", -1}, {"blocks.0", 0}, {"blocks.1", 1}, {"blocks.2", 2}});
  }
  REQUIRE_FALSE(at::hasThreadLocalCallbacks());
  REQUIRE(at::equal(infoplane::tap("blocks", x.add(1)), at::full({2, 3}, 2.)));
}

TEST_CASE("only a last part that is a number is the number of a tap", "[tap]") {
  Watcher watcher;
  std::vector<std::pair<std::string, int>> seen;
  auto scope = watcher.observe([&](const Site& site, const at::Tensor&) { seen.emplace_back(site.name, site.index); });
  const auto x = at::ones({2, 3});
  for (int i = 0; i < 2; ++i) {
    infoplane::tap("encoder1.blocks", x);
    infoplane::tap("gpt2", x);
  }
  infoplane::tap("encoder1.blocks.7", x);
  scope.finish();
  REQUIRE(
      seen ==
      std::vector<std::pair<std::string, int>>{
          {"encoder1.blocks.0", 0}, {"gpt2.0", 0}, {"encoder1.blocks.1", 1}, {"gpt2.1", 1}, {"encoder1.blocks.7", 7}});
}

TEST_CASE("a tap of a site that the tree names is that site, whatever its name", "[tap]") {
  auto model = make_numbered();
  Watcher watcher(model->module());
  for (int pass = 0; pass < 2; ++pass) {
    std::vector<std::pair<std::string, int>> seen;
    auto scope =
        watcher.observe([&](const Site& site, const at::Tensor&) { seen.emplace_back(site.name, site.index); });
    infoplane::tap("block1", at::ones({2, 5, kWidth}));
    model->forward(make_tokens());
    scope.finish();
    REQUIRE(seen ==
            std::vector<std::pair<std::string, int>>{{"block1", 1}, {"embedding", -1}, {"block0", 0}, {"block2", 2}});
  }
}

TEST_CASE("taps of a model that is not registered begin anew with its next forward", "[tap]") {
  auto model = make_unregistered(true);
  Watcher watcher(model->module(), WatchOptions().sites({"blocks.*"}));
  model->record = true;
  for (int pass = 0; pass < 2; ++pass) {
    std::vector<std::pair<std::string, at::Tensor>> seen;
    auto scope =
        watcher.observe([&](const Site& site, const at::Tensor& x) { seen.emplace_back(site.name, x.clone()); });
    model->forward(make_tokens(2, 5, pass));
    const auto first = model->truth;
    for (int length = 1; length < 4; ++length) {  // generation
      model->forward(make_tokens(1, length));
    }
    scope.finish();
    REQUIRE(seen.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      REQUIRE(seen[i].first == "blocks." + std::to_string(i));
      REQUIRE(at::equal(seen[i].second, first[2 * i + 2].second));
    }
    REQUIRE(watcher.sites().size() == 2);
  }
}

TEST_CASE("a result that a module hands over keeps its kind, and only its own name chooses it", "[tap]") {
  using infoplane::hooks::SiteKind;
  const auto hand_over = [](std::string_view name) {
    infoplane::hooks::detail::fire_tap(name, at::ones({2, 5, kWidth}), SiteKind::kModuleOutput);
  };
  auto model = make_gpt();
  Watcher watcher(model->module());
  for (int pass = 0; pass < 3; ++pass) {
    auto scope = watcher.observe({});
    hand_over("blocks.0");  // the operators show it too, and learn only in the first pass
    hand_over("blocks.2");
    infoplane::tap("blocks.0", at::ones({2, 5, kWidth}));
    model->forward(make_tokens());
    scope.finish();
    const auto& sites = watcher.sites();
    REQUIRE(sites.size() == 4);
    REQUIRE(sites[1].kind == SiteKind::kModuleOutput);
    REQUIRE(sites[1].source == "tap(\"blocks.0\")");
    REQUIRE(sites[2].kind == SiteKind::kNormInput);
    REQUIRE(sites[3].kind == SiteKind::kModuleOutput);
  }
  Watcher of_blocks(WatchOptions().sites({"blocks.*"}));
  int captures = 0;
  auto scope = of_blocks.observe([&](const Site&, const at::Tensor&) { ++captures; });
  hand_over("foo.3");
  infoplane::tap("foo.4", at::ones({2, 5, kWidth}));
  scope.finish();
  REQUIRE(captures == 0);
}

TEST_CASE("names of taps and patterns are described as text, never as what a terminal obeys", "[tap]") {
  Watcher watcher, patterns{WatchOptions().sites({"no\x1b[2J\nsuch"})};
  auto scope = watcher.observe([](const Site&, const at::Tensor&) {});
  infoplane::tap("\xE2\x80\xAEslo\xFFj\n1", at::ones({2, 3}));
  infoplane::tap("слой", at::ones({2, 3}));
  scope.finish();
  REQUIRE_THROWS_MATCHES(patterns.verify(), infoplane::SiteError,
                         MessageMatches(ContainsSubstring("pattern \"no\\x1b[2J\\nsuch\": no site") &&
                                        !ContainsSubstring("\x1b") && !ContainsSubstring("\xFF")));
  const auto text = watcher.describe();
  CAPTURE(text);
  REQUIRE_THAT(text, ContainsSubstring("\n\\u202eslo\\xffj\\n1"));
  REQUIRE_THAT(text, ContainsSubstring("\nслой"));
  REQUIRE_THAT(text, !ContainsSubstring("\x1b") && !ContainsSubstring("\xE2\x80\xAE") && !ContainsSubstring("\xFF"));
}
