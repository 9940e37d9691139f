#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/labels/label_index.hpp>

#include "estimator/state_samples.hpp"

using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::estimator::saved;
using infoplane::estimator::SoftEntropyAccumulator;
using infoplane::estimator::SoftEntropyOptions;

namespace {

/// A stream of micro-batches with labels.
struct Stream {
  std::pair<at::Tensor, std::shared_ptr<const infoplane::labels::Grouping>> next() {
    const auto tokens = (at::arange(4 * 12) * (7 + number)).remainder(5).view({4, 12});
    const auto z = (at::arange(4 * 12 * 8) * (0.37 + number)).sin().view({4, 12, 8}).to(at::kFloat);
    ++number;
    return {z, index.group({infoplane::labels::IntegerView(tokens.const_data_ptr<std::int64_t>(), 4, 12)})};
  }
  infoplane::labels::LabelIndex index;
  int number = 0;
};

SoftEntropyOptions few() { return SoftEntropyOptions().anchors(16); }

}  // namespace

TEST_CASE("stage and commit are an update, to the last bit", "[estimator]") {
  Stream stream;
  SoftEntropyAccumulator whole(8, few());
  SoftEntropyAccumulator halves(8, few());
  for (int batch = 0; batch < 5; ++batch) {
    const auto [z, grouping] = stream.next();
    whole.update(z, grouping);
    halves.stage(z, grouping);
    halves.commit();
    REQUIRE(saved(halves) == saved(whole));
  }
  halves.commit();  // nothing is staged
  REQUIRE(saved(halves) == saved(whole));
}

TEST_CASE("what is staged is no part of what was seen, and discard forgets it", "[estimator]") {
  Stream stream;
  SoftEntropyAccumulator accumulator(8, few());
  const auto [first, first_grouping] = stream.next();
  accumulator.update(first, first_grouping);
  const auto before = saved(accumulator);
  const auto bytes = accumulator.memory_bytes();
  const auto [z, grouping] = stream.next();
  accumulator.stage(z, grouping);
  REQUIRE(accumulator.memory_bytes() == bytes + 48 * 16 * 4);
  REQUIRE(saved(accumulator) == before);
  REQUIRE(accumulator.estimate().tokens == 48);
  SoftEntropyAccumulator copy = accumulator;
  copy.commit();
  REQUIRE(saved(copy) == before);
  accumulator.discard();
  accumulator.commit();
  REQUIRE(accumulator.memory_bytes() == bytes);
  REQUIRE(saved(accumulator) == before);

  accumulator.stage(z, grouping);
  accumulator.reset();
  accumulator.commit();
  REQUIRE(accumulator.estimate().tokens == 0);
}

TEST_CASE("a batch that is refused is not staged, and no second one is", "[estimator]") {
  Stream stream;
  SoftEntropyAccumulator accumulator(8, few());
  const auto [z, grouping] = stream.next();
  REQUIRE_THROWS_AS(accumulator.stage(z.slice(2, 0, 7), grouping), infoplane::ShapeError);
  REQUIRE_THROWS_MATCHES(accumulator.stage(z, nullptr), infoplane::ArgumentError,
                         Message("the grouping is a null pointer"));
  accumulator.stage(z, grouping);
  REQUIRE_THROWS_MATCHES(accumulator.stage(z, grouping), infoplane::StateError,
                         Message("an update is staged already: commit() or discard() it before the next"));
  accumulator.commit();
  REQUIRE(accumulator.estimate().tokens == 48);
}
