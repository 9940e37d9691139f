#include <infoplane/estimator/estimate_each.hpp>

#include <ATen/Parallel.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <infoplane/core/error.hpp>
#include <string>
#include <vector>

#include "estimator/oracle.hpp"
#include "estimator/same_bits.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::Message;

std::vector<SoftEntropyAccumulator> some_layers() {
  std::vector<SoftEntropyAccumulator> layers;
  for (std::uint64_t layer = 0; layer < 5; ++layer) {
    layers.emplace_back(12);
    const auto n = static_cast<std::int64_t>(500 + 400 * layer);
    layers.back().update(normal({n / 20, 20, 12}, layer),
                         {{"few", to_tensor(some_labels(n, 30))}, {"many", to_tensor(some_labels(n, 700))}});
  }
  layers.emplace_back(12);  // one that has seen nothing
  return layers;
}

TEST_CASE("estimate_each: the same bits as one layer after the other, on any number of threads", "[estimator]") {
  const auto layers = some_layers();
  std::vector<NamedAccumulator> named;
  for (const auto& layer : layers) {
    named.push_back({std::to_string(named.size()), &layer});
  }
  const int threads = at::get_num_threads();
  for (const int number : {1, 2, 4, 64}) {  // with 64, layers have fewer than threads would do
    at::set_num_threads(number);
    const auto got = estimate_each(named);
    at::set_num_threads(threads);
    CAPTURE(number);
    REQUIRE(got.size() == layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      CHECK(got[i].name == named[i].name);
      CHECK(same_bits(got[i].estimate, layers[i].estimate()));
    }
  }
  CHECK(estimate_each({}).empty());
}

TEST_CASE("estimate_each: a layer without an accumulator is named", "[estimator]") {
  const SoftEntropyAccumulator some(8);
  CHECK_THROWS_MATCHES(estimate_each({{"blocks.0", &some}, {"blocks.1", nullptr}}), ArgumentError,
                       Message("the accumulator of layer \"blocks.1\" is a null pointer"));
}

}  // namespace
}  // namespace infoplane::estimator
