#include <infoplane/hooks/raw_tap.hpp>

#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/watch.hpp>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::RawTensor;
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;

namespace {

/// Column-major, as some have it.
struct OwnTensor {
  std::vector<float> values = {1, 2, 3, 4, 5, 6};
  std::vector<int64_t> sizes = {2, 3};
  std::vector<int64_t> strides = {1, 2};
};

/// What one tap of it gives.
at::Tensor captured(const RawTensor& raw) {
  Watcher watcher;
  at::Tensor result;
  auto scope = watcher.observe([&](const Site& site, const at::Tensor& x) {
    REQUIRE(site.name == "blocks.0");
    REQUIRE(x.const_data_ptr() == raw.data);  // lent, not copied
    result = x.clone();
  });
  infoplane::tap_raw("blocks", [&] { return raw; });
  scope.finish();
  return result;
}

/// The message that a broken description leaves for the end of the scope.
template <typename Error>
void require_error(const RawTensor& raw, const char* message) {
  Watcher watcher;
  int captures = 0;
  auto scope = watcher.observe([&](const Site&, const at::Tensor&) { ++captures; });
  REQUIRE_NOTHROW(infoplane::tap_raw("blocks", [&] { return raw; }));  // the trainer's forward goes on
  REQUIRE_THROWS_MATCHES(scope.finish(), Error, MessageMatches(ContainsSubstring(message)));
  REQUIRE(captures == 0);
}

}  // namespace

TEST_CASE("memory of a trainer without LibTorch can be tapped", "[tap]") {
  OwnTensor own;
  int described = 0;
  const auto describe = [&] {
    ++described;
    return RawTensor{.data = own.values.data(), .sizes = own.sizes, .strides = own.strides};
  };
  infoplane::tap_raw("blocks", describe);
  REQUIRE(described == 0);  // nobody listens
  REQUIRE(at::equal(captured(describe()), at::tensor({1.F, 3.F, 5.F, 2.F, 4.F, 6.F}).view({2, 3})));
  own.strides.clear();
  REQUIRE(at::equal(captured(describe()), at::arange(1, 7, at::kFloat).view({2, 3})));

  Watcher watcher;
  std::vector<std::string> names;
  auto scope = watcher.observe([&](const Site& site, const at::Tensor&) { names.push_back(site.name); });
  infoplane::tap_raw("embedding", describe);
  infoplane::tap_raw("blocks", describe);
  infoplane::tap_raw("blocks", describe);
  scope.finish();
  REQUIRE(names == std::vector<std::string>{"embedding", "blocks.0", "blocks.1"});
}

TEST_CASE("raw memory has a dtype, a device and a stream", "[tap]") {
  const std::vector<double> doubles = {1, 2, 3, 4, 5, 6};
  const auto wide = captured({.data = doubles.data(), .sizes = {3, 2}, .dtype = at::kDouble});
  REQUIRE(wide.scalar_type() == at::kDouble);
  REQUIRE(at::equal(wide, at::arange(1, 7, at::kDouble).view({3, 2})));

  const std::vector<std::uint16_t> brain = {0x3F80, 0x4000, 0xC040, 0x0000};  // the upper halves of 1, 2, −3, 0
  const auto half = captured({.data = brain.data(), .sizes = {2, 2}, .dtype = at::kBFloat16});
  REQUIRE(half.scalar_type() == at::kBFloat16);
  REQUIRE(at::equal(half.to(at::kFloat), at::tensor({1.F, 2.F, -3.F, 0.F}).view({2, 2})));

  const auto cpu = c10::Device(c10::kCPU);
  const auto streamed = captured({.data = doubles.data(),
                                  .sizes = {6, 1},
                                  .dtype = at::kDouble,
                                  .device = cpu,
                                  .stream = c10::Stream(c10::Stream::DEFAULT, cpu)});
  REQUIRE(streamed.device() == cpu);
  REQUIRE(at::equal(streamed.flatten(), at::arange(1, 7, at::kDouble)));
}

TEST_CASE("a wrong description does not stop the trainer's forward: the scope keeps the error", "[tap]") {
  using infoplane::ShapeError;
  const OwnTensor own;
  const auto* data = own.values.data();
  require_error<ShapeError>({.data = data, .sizes = {2, 3}, .strides = {1}}, "2 sizes but 1 strides");
  require_error<ShapeError>({.data = data, .sizes = {2, 3}, .strides = {-1, 1}},
                            "negative size or stride in sizes [2, 3], strides [-1, 1]");
  require_error<ShapeError>({.data = data, .sizes = {-2, 3}}, "negative size or stride in sizes [-2, 3]");
  require_error<ShapeError>({}, "the data is a null pointer");
  const c10::Stream other(c10::Stream::DEFAULT, c10::Device(c10::kMeta));
  require_error<ShapeError>({.data = data, .sizes = {2, 3}, .stream = other},
                            "the data is on cpu, but its stream on meta: give the stream that wrote the data");

  Watcher watcher;
  int captures = 0;
  {
    auto scope = watcher.observe([&](const Site&, const at::Tensor&) { ++captures; });
    infoplane::tap_raw("blocks", []() -> RawTensor { throw std::runtime_error("no memory"); });
    infoplane::tap_raw("blocks", [&] { return RawTensor{.data = data, .sizes = {2, 3}}; });
  }
  REQUIRE(captures == 0);  // after the first failure the scope captures nothing more
  REQUIRE_THROWS_MATCHES(watcher.rethrow_pending(), std::runtime_error, Catch::Matchers::Message("no memory"));
  auto scope = watcher.observe([&](const Site&, const at::Tensor&) { ++captures; });
  infoplane::tap_raw("blocks", [&] { return RawTensor{.data = data, .sizes = {2, 3}}; });
  scope.finish();
  REQUIRE(captures == 1);
}
