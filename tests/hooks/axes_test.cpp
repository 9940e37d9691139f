// What a watcher knows of the axes of a captured tensor, from the tokens that the forward looks up.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/hooks/watch.hpp>
#include <map>

using Catch::Matchers::Message;
using infoplane::tap;
using infoplane::hooks::AxisMatch;
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;

namespace {

constexpr std::int64_t kSize = 3;
constexpr auto kUnknown = AxisMatch::kUnknown;
constexpr auto kSame = AxisMatch::kSame;
constexpr auto kExchanged = AxisMatch::kExchanged;

/// As many sequences as positions, so that sizes tell nothing; not symmetric.
at::Tensor tokens() { return at::tensor({0, 1, 2, 3, 4, 5, 6, 0, 1}).view({kSize, kSize}); }
at::Tensor weight() { return at::arange(8 * 4).view({8, 4}).to(at::kFloat); }

/// The matches of what a forward taps, by name.
template <typename Forward>
std::map<std::string, AxisMatch> matches(const at::Tensor& given, const Forward& forward) {
  std::map<std::string, AxisMatch> result;
  Watcher watcher;
  auto scope = watcher.observe(
      [&](const Site& site, const at::Tensor& /*tensor*/) { result[site.name] = watcher.axis_match(); }, given);
  forward();
  scope.finish();
  REQUIRE(watcher.axis_match() == kUnknown);
  return result;
}

/// The match of what `forward` returns.
template <typename Forward>
AxisMatch match(const Forward& forward) {
  return matches(tokens(), [&] { tap("x.0", forward()); }).at("x.0");
}

at::Tensor embedded() { return at::embedding(weight(), tokens()); }

}  // namespace

TEST_CASE("tokens are known where they are looked up, by their memory or their values", "[axes]") {
  const auto given = tokens();
  const auto found = matches(given, [&] {
    tap("same.0", at::embedding(weight(), given));
    tap("view.0", at::embedding(weight(), given.t()));
    tap("copy.0", at::embedding(weight(), given.to(at::kInt)));
    tap("exchanged.0", at::embedding(weight(), given.t().contiguous()));
    tap("flat.0", at::embedding(weight(), given.flatten()));
    tap("flat_exchanged.0", at::embedding(weight(), given.t().flatten()));
    tap("rows.0", weight().index_select(0, given.flatten()));
    tap("indexed.0", weight().index({given.t()}));
    tap("others.0", at::embedding(weight(), (given + 1).remainder(7)));
    tap("part.0", at::embedding(weight(), given.slice(1, 0, 2)));
  });
  const std::map<std::string, AxisMatch> expected = {{"same.0", kSame},      {"view.0", kExchanged},
                                                     {"copy.0", kSame},      {"exchanged.0", kExchanged},
                                                     {"flat.0", kSame},      {"flat_exchanged.0", kExchanged},
                                                     {"rows.0", kSame},      {"indexed.0", kExchanged},
                                                     {"others.0", kUnknown}, {"part.0", kUnknown}};
  REQUIRE(found.size() == expected.size());
  for (const auto& [name, axes] : expected) {
    INFO(name);
    REQUIRE(found.at(name) == axes);
  }
}

TEST_CASE("a symmetric matrix of tokens is known by its memory only", "[axes]") {
  const auto given = at::tensor({0, 1, 1, 0}).view({2, 2});
  const auto found = matches(given, [&] {
    tap("memory.0", at::embedding(weight(), given.t()));
    tap("copy.0", at::embedding(weight(), given.t().contiguous()));
  });
  REQUIRE(found.at("memory.0") == kExchanged);
  REQUIRE(found.at("copy.0") == kUnknown);
}

TEST_CASE("axes are followed through what keeps or exchanges them", "[axes]") {
  REQUIRE(match([] { return embedded() * 2; }) == kSame);
  REQUIRE(match([] { return at::dropout(embedded() + at::ones({kSize, 4}), 0.5, true); }) == kSame);
  REQUIRE(match([] { return at::layer_norm(embedded(), {4}); }) == kSame);
  REQUIRE(match([] { return embedded().to(at::kDouble).contiguous(); }) == kSame);
  REQUIRE(match([] { return embedded().transpose(0, 1); }) == kExchanged);
  REQUIRE(match([] { return embedded().transpose(-2, -3) + 1; }) == kExchanged);
  REQUIRE(match([] { return embedded().permute({1, 0, 2}).contiguous(); }) == kExchanged);
  REQUIRE(match([] { return embedded().swapaxes(0, 1).transpose(1, 0); }) == kSame);
  REQUIRE(match([] { return at::linear(embedded(), at::ones({5, 4})); }) == kSame);
  REQUIRE(match([] { return at::matmul(embedded().transpose(0, 1), at::ones({4, 5})); }) == kExchanged);
  REQUIRE(match([] { return embedded().view({kSize * kSize, 4}) + 1; }) == kSame);
  REQUIRE(match([] {
            return embedded().transpose(0, 1).reshape({kSize * kSize, 4}).view({kSize, kSize, 4});
          }) == kExchanged);
  REQUIRE(match([] { return at::cat({at::zeros({kSize, 1, 4}), embedded()}, 1).slice(1, 1); }) == kSame);
  REQUIRE(match([] {
            auto x = embedded();
            x += at::ones({kSize, kSize, 4});
            return x;
          }) == kSame);
}

TEST_CASE("a residual addition carries the axes past what is not followed", "[axes]") {
  REQUIRE(match([] {
            const auto x = embedded().transpose(0, 1);
            return x + at::bmm(x, at::ones({kSize, 4, 4}));
          }) == kExchanged);
}

TEST_CASE("what cannot be told is not guessed", "[axes]") {
  REQUIRE(match([] { return at::ones({kSize, kSize, 4}); }) == kUnknown);
  REQUIRE(match([] { return at::bmm(embedded(), at::ones({kSize, 4, 4})); }) == kUnknown);
  REQUIRE(match([] { return embedded().flip(0); }) == kUnknown);
  REQUIRE(match([] { return embedded().transpose(1, 2); }) == kUnknown);
  REQUIRE(match([] { return embedded() + embedded().transpose(0, 1); }) == kUnknown);
  REQUIRE(match([] {
            auto x = embedded();
            x.copy_(at::ones({kSize, kSize, 4}));
            return x;
          }) == kUnknown);
}

TEST_CASE("without tokens nothing is followed", "[axes]") {
  std::map<std::string, AxisMatch> found;
  Watcher watcher;
  auto scope =
      watcher.observe([&](const Site& site, const at::Tensor& /*tensor*/) { found[site.name] = watcher.axis_match(); });
  tap("x.0", embedded());
  scope.finish();
  REQUIRE(found.at("x.0") == kUnknown);
  REQUIRE_THROWS_MATCHES(watcher.observe([](const Site&, const at::Tensor&) {}, at::arange(3)), infoplane::ShapeError,
                         Message("the tokens to follow must be a matrix, got 1 axes"));
}
