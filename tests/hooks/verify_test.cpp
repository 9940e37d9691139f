#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

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
using infoplane::hooks::SiteKind;
using infoplane::hooks::Watcher;
using infoplane::hooks::WatchOptions;

namespace {

std::vector<std::string> names_of(const std::vector<Site>& sites) {
  std::vector<std::string> names;
  for (const auto& site : sites) {
    names.push_back(site.name);
  }
  return names;
}

std::vector<std::string> capture_names(Watcher& watcher, Model& model) {
  std::vector<std::string> names;
  auto scope = watcher.observe([&](const Site& site, const at::Tensor&) { names.push_back(site.name); });
  model.forward(make_tokens());
  scope.finish();
  return names;
}

std::string complaint(const Watcher& watcher) {
  try {
    watcher.verify();
  } catch (const infoplane::SiteError& error) {
    return error.what();
  }
  return "";
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("patterns choose sites by name, alias and norm", "[watch]") {
  auto model = make_module_list();
  const auto sites = [&](Names patterns) {
    Watcher watcher(model->module(), WatchOptions().sites(std::move(patterns)));
    const auto before = names_of(watcher.sites());
    const auto captured = capture_names(watcher, *model);
    REQUIRE(captured == before);
    REQUIRE(names_of(watcher.sites()) == before);
    REQUIRE(capture_names(watcher, *model) == before);
    REQUIRE_NOTHROW(watcher.verify());
    return captured;
  };
  const Names all = {"embedding", "transformer.h.0", "transformer.h.1", "transformer.h.2"};
  REQUIRE(sites({"auto"}) == all);
  REQUIRE(sites({"transformer.h.*"}) == Names(all.begin() + 1, all.end()));
  REQUIRE(sites({"blocks.*"}) == Names(all.begin() + 1, all.end()));
  REQUIRE(sites({"embedding", "blocks.2"}) == Names{all[0], all[3]});
  REQUIRE(sites({"transformer.h.*.ln1"}) == Names(all.begin(), all.end() - 1));
  REQUIRE(sites({"transformer.ln_f"}) == Names{all[3]});
}

TEST_CASE("a norm inside a block is a site of its own", "[watch]") {
  auto model = make_gpt({.layers = 2});
  Watcher watcher(model->module(), WatchOptions().sites({"blocks.*.ln2"}));
  REQUIRE(names_of(watcher.sites()) == Names{"blocks.0.ln2", "blocks.1.ln2"});
  REQUIRE(capture_names(watcher, *model) == Names{"blocks.0.ln2", "blocks.1.ln2"});
  REQUIRE(watcher.sites()[0].index == -2);
  REQUIRE(watcher.sites()[0].kind == SiteKind::kNormInput);
  REQUIRE(watcher.sites()[0].source == "blocks.0.ln2.weight");
  Watcher everything(model->module(), WatchOptions().sites({"**"}));
  const Names in_order = {"embedding", "blocks.0", "blocks.1", "blocks.0.ln2", "blocks.1.ln2"};
  REQUIRE(names_of(everything.sites()) == in_order);
  REQUIRE(capture_names(everything, *model) ==
          Names{"embedding", "blocks.0.ln2", "blocks.0", "blocks.1.ln2", "blocks.1"});
  REQUIRE(names_of(everything.sites()) == in_order);
}

TEST_CASE("verify names every silent site and says what to do", "[watch]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  const auto before = complaint(watcher);
  REQUIRE_THAT(before, ContainsSubstring("4 of 4 watched sites have not fired"));
  for (const auto* name : {"embedding", "blocks.0", "blocks.1", "blocks.2"}) {
    REQUIRE_THAT(before, ContainsSubstring(std::string("  ") + name + ": 0 hits, expected as "));
  }
  REQUIRE_THAT(before, ContainsSubstring("norm input at ln_f.weight, shape [.., 8]"));
  REQUIRE_THAT(before, ContainsSubstring("Nothing has fired."));
  REQUIRE_THAT(before, ContainsSubstring("call rescan()"));
  REQUIRE_THAT(before, ContainsSubstring("infoplane::tap(\"NAME\", x)"));
  capture_names(watcher, *model);
  REQUIRE(complaint(watcher).empty());
}

TEST_CASE("a replaced norm is silent until rescan", "[watch]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  model->change("replace norm");
  REQUIRE(capture_names(watcher, *model).size() == 3);
  const auto text = complaint(watcher);
  REQUIRE_THAT(text, ContainsSubstring("1 of 4 watched sites have not fired"));
  REQUIRE_THAT(text, ContainsSubstring("  blocks.2: 0 hits, expected as norm input at ln_f.weight"));
  REQUIRE_THAT(text, ContainsSubstring("  blocks.1: 1 hits, aten::layer_norm at blocks.2.ln1.weight, shape [2, 5, 8]"));
  watcher.rescan();
  REQUIRE(capture_names(watcher, *model).size() == 4);
  REQUIRE(complaint(watcher).empty());
  REQUIRE_THROWS_MATCHES(Watcher().rescan(), infoplane::StateError, MessageMatches(ContainsSubstring("taps only")));
}

TEST_CASE("a pattern without a site is an error, and so is nothing at all", "[watch]") {
  auto model = make_gpt();
  Watcher watcher(model->module(), WatchOptions().sites({"layers.*", "blocks.0"}));
  capture_names(watcher, *model);
  REQUIRE_THAT(complaint(watcher), ContainsSubstring("pattern \"layers.*\": no site and no norm has such a name"));
  REQUIRE_THAT(complaint(Watcher()),
               ContainsSubstring("no repeated blocks and no fused norm were found, and nothing was tapped"));

  REQUIRE_THROWS_MATCHES(Watcher(WatchOptions().sites({})), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("no site to watch")));
  REQUIRE_THROWS_MATCHES(Watcher(WatchOptions().sites({""})), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("is empty")));
  REQUIRE_THROWS_MATCHES(Watcher(model->module(), WatchOptions().blocks("stages.*")), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("WatchOptions::blocks(\"stages.*\") matches no module")));
}

TEST_CASE("the blocks can be named", "[watch]") {
  auto model = make_gpt();
  Watcher watcher(model->module(), WatchOptions().blocks("blocks.*"));
  REQUIRE(capture_names(watcher, *model) == Names{"embedding", "blocks.0", "blocks.1", "blocks.2"});
}

TEST_CASE("a copy of the model for evaluation is another model", "[watch]") {
  auto model = make_gpt();
  auto copy = make_gpt();
  Watcher watcher(model->module());
  REQUIRE(capture_names(watcher, *copy).empty());
  REQUIRE(capture_names(watcher, *model).size() == 4);
}

TEST_CASE("frozen parameters and evaluation mode are watched as others", "[watch]") {
  auto model = make_gpt();
  model->change("freeze");
  model->change("eval");
  Watcher watcher(model->module());
  REQUIRE(capture_names(watcher, *model).size() == 4);
  const c10::AutoGradMode no_grad(false);
  REQUIRE(capture_names(watcher, *model).size() == 4);
  const c10::InferenceMode inference;
  REQUIRE(capture_names(watcher, *model).size() == 4);
}

TEST_CASE("describe shows blocks and sites", "[watch]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  REQUIRE_THAT(watcher.describe(), ContainsSubstring("3 blocks, blocks.0 to blocks.2, not yet observed"));
  capture_names(watcher, *model);
  const auto text = watcher.describe();
  REQUIRE_THAT(text, ContainsSubstring("3 blocks, blocks.0 to blocks.2, read where each begins"));
  REQUIRE_THAT(text, ContainsSubstring("blocks.1                 norm input         blocks.2.ln1.weight"));
  REQUIRE_THAT(Watcher().describe(), ContainsSubstring("no module: taps only"));
}
