#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Version.h>

#include <array>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <set>

#include "estimator/assignment/sha256.hpp"
#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::Message;
using Catch::Matchers::WithinAbs;

TEST_CASE("anchors: SHA-256 itself gives its published values", "[estimator][anchors]") {
  CHECK(sha256("", 0) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc", 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("anchors: the raw draw of seed 0 is the golden one", "[estimator][anchors]") {
  struct Golden {
    std::int64_t m, d;
    const char* sha256;
  };
  constexpr std::array<Golden, 6> kGolden = {{
      {100, 768, "7da50593f7830ea24317247104bd5c76d9f9e365d8d5098616e4626665f6fdea"},
      {50, 768, "f214e0de6e0faba52b7bb821e8433062f63d678fd56f4b2d1d5c1e5207351eea"},
      {100, 64, "0f0d6762704c0ecabd87b355e84f27e45c47d96910982434f205945b4f5a772e"},
      {100, 3, "7cb0bd3a88f50bf6ba7793dad579ecf69d5bf99a1d62c41c3e214420f12023b3"},
      {7, 5, "65b52a40b3c6948adade36e624736f7247a03124d3ca8a5bdff2f6953fbe9544"},
      {100, 770, "d79fb31b70239cee26188880158ef525b9bedb55833ec38f3aead56e05f00b0a"},
  }};
  constexpr std::array kFirst = {-1.1258398294448853F, -1.152360200881958F, -0.2505785822868347F, -0.4338788092136383F};
  const std::string capability = at::get_cpu_capability();
  const bool wide = capability == "AVX2" || capability == "AVX512";
  if (!wide) {
    WARN("raw bytes are compared loosely only: without AVX2 (here: " << capability << ") they move by up to 2e-6");
  }
  for (const auto& golden : kGolden) {
    CAPTURE(golden.m, golden.d);
    const Anchors anchors(golden.m, golden.d, 0, Anchors::Rule::kRaw);
    const at::Tensor raw = anchors.raw().contiguous();
    for (std::size_t i = 0; i < kFirst.size(); ++i) {
      CHECK_THAT(raw.const_data_ptr<float>()[i], WithinAbs(kFirst[i], 1e-5));
    }
    if (wide) {
      CHECK(sha256(raw.const_data_ptr<float>(), static_cast<std::size_t>(raw.numel()) * sizeof(float)) ==
            golden.sha256);
    }
    CHECK(anchors.known_generator());
  }
}

TEST_CASE("anchors: unit rows of the asked shape on the CPU in float32", "[estimator][anchors]") {
  for (const auto& [m, d] : {std::pair<std::int64_t, std::int64_t>{2, 2}, {3, 5}, {100, 768}, {1024, 16}}) {
    const Anchors anchors(m, d, 7);
    const at::Tensor& w = anchors.weight();
    CAPTURE(m, d);
    CHECK(w.sizes() == at::IntArrayRef({m, d}));
    CHECK(w.scalar_type() == at::kFloat);
    CHECK(w.is_contiguous());
    CHECK((w.to(at::kDouble).norm(2, 1) - 1).abs().max().item<double>() < 1e-6);
    CHECK(at::equal(w, Anchors(m, d, 7).weight()));
  }
}

TEST_CASE("anchors: m d < 16 is drawn by LibTorch's scalar path like any other", "[estimator][anchors]") {
  const Anchors anchors(3, 4, 0, Anchors::Rule::kRaw);
  const at::Tensor expected =
      at::randn({3, 4}, at::make_generator<at::CPUGeneratorImpl>(0), at::TensorOptions(at::kFloat));
  CHECK(at::equal(anchors.raw(), expected));
}

// After manual_seed(0) an embedding's first rows are the raw anchors; with the mixed seed they are strangers to them.
TEST_CASE("anchors: the default seed is never the model's own stream", "[estimator][anchors]") {
  for (const std::uint64_t seed : {0U, 1U, 42U, 1234U}) {
    const at::Tensor embedding = normal({100, 768}, seed);
    const at::Tensor unit = embedding / embedding.norm(2, 1, true);
    const auto cosine = [&unit](const Anchors& anchors) { return (unit * anchors.weight()).sum(1).abs(); };
    CAPTURE(seed);
    CHECK_THAT(cosine(Anchors(100, 768, seed, Anchors::Rule::kRaw)).min().item<double>(), WithinAbs(1, 1e-5));
    CHECK(cosine(Anchors(100, 768, seed)).max().item<double>() < 0.2);
  }
}

TEST_CASE("anchors: all 64 bits of a mixed seed matter", "[estimator][anchors]") {
  constexpr std::uint64_t kHighest = 0xffffffffffffffffU;
  const Anchors highest(10, 8, kHighest);
  CHECK(highest.seed() == kHighest);
  CHECK_FALSE(at::equal(highest.weight(), Anchors(10, 8, 0xffffffffU).weight()));
  CHECK_FALSE(at::equal(Anchors(10, 8, 1).weight(), Anchors(10, 8, 1 + (std::uint64_t{1} << 32U)).weight()));
  CHECK(Anchors(10, 8, kHighest, Anchors::Rule::kRaw).weight().isfinite().all().item<bool>());
}

TEST_CASE("anchors: the identity tells draws apart and nothing else", "[estimator][anchors]") {
  const std::set<std::string> identities = {
      Anchors(10, 8).identity(), Anchors(11, 8).identity(),    Anchors(10, 9).identity(),
      Anchors(8, 10).identity(), Anchors(10, 8, 1).identity(), Anchors(10, 8, 0, Anchors::Rule::kRaw).identity()};
  CHECK(identities.size() == 6);
  for (const auto& identity : identities) {
    CHECK(identity.size() == 16);
    CHECK(identity.find_first_not_of("0123456789abcdef") == std::string::npos);
  }
  CHECK(Anchors(10, 8, 5).identity() == Anchors(10, 8, 5).identity());
  CHECK(std::string(Anchors(10, 8).rule_name()) == "mixed");
  CHECK(std::string(Anchors(10, 8, 0, Anchors::Rule::kRaw).rule_name()) == "raw");
}

TEST_CASE("anchors: the default generator is not drawn from", "[estimator][anchors]") {
  auto generator = at::globalContext().defaultGenerator(at::kCPU);
  const at::Tensor before = generator.get_state().clone();
  const Anchors anchors(100, 64);
  CHECK(at::equal(generator.get_state(), before));
}

TEST_CASE("anchors: impossible shapes are errors", "[estimator][anchors]") {
  CHECK_THROWS_MATCHES(Anchors(1, 8), ArgumentError, Message("soft entropy needs at least 2 anchors, got m = 1"));
  CHECK_THROWS_MATCHES(Anchors(8, 1), ArgumentError, Message("soft entropy needs a dimension d of at least 2, got 1"));
  CHECK_THROWS_MATCHES(Anchors(std::int64_t{1} << 40, std::int64_t{1} << 40), ArgumentError,
                       Message("1099511627776 anchors in 1099511627776 dimensions do not fit into memory"));
}

}  // namespace
}  // namespace infoplane::estimator
