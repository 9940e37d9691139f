#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/labels/key_table.hpp>
#include <limits>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::Message;

/// An accumulator that has seen something, and the check that a failed call has left it so.
class Unchanged {
 public:
  Unchanged() { accumulator_.update(normal({20, 8}), {{"x", to_tensor(some_labels(20, 3))}}); }

  template <typename Exception>
  void rejects(const std::string& message, const std::function<void(SoftEntropyAccumulator&)>& call) {
    const Estimate before = accumulator_.estimate();
    const auto memory = accumulator_.memory_bytes();
    CHECK_THROWS_MATCHES(call(accumulator_), Exception, Message(message));
    const Estimate after = accumulator_.estimate();
    CHECK(after.tokens == before.tokens);
    CHECK(after.rejected == before.rejected);
    CHECK(after.entropy_nats == before.entropy_nats);
    REQUIRE(after.sets.size() == before.sets.size());
    CHECK(after.sets[0].information_nats == before.sets[0].information_nats);
    CHECK(after.sets[0].labels == before.sets[0].labels);
    CHECK(accumulator_.memory_bytes() == memory);
  }

 private:
  SoftEntropyAccumulator accumulator_{8, SoftEntropyOptions().anchors(10)};
};

TEST_CASE("bad input: representations", "[estimator][errors]") {
  Unchanged state;
  const auto rejects = [&state](const std::string& message, const at::Tensor& z) {
    state.rejects<ShapeError>(message, [&z](auto& accumulator) { accumulator.update(z); });
  };
  rejects("z is an undefined tensor", at::Tensor());
  rejects("z must be [N, d] or [B, T, d], got [8] (Float)", at::ones({8}));
  rejects("z must be [N, d] or [B, T, d], got [2, 3, 4, 8] (Float)", at::ones({2, 3, 4, 8}));
  rejects("z must have d = 8 in its last axis, got [20, 9] (Float)", at::ones({20, 9}));
  rejects("z must have d = 8 in its last axis, got [8, 20] (BFloat16)", at::ones({8, 20}, at::kBFloat16));
  rejects("z must be float64, float32, float16 or bfloat16, got [20, 8] (Long)", at::ones({20, 8}, at::kLong));
  rejects("z must be float64, float32, float16 or bfloat16, got [20, 8] (ComplexFloat)",
          at::ones({20, 8}, at::kComplexFloat));
  rejects("z must be a dense tensor with data, got layout Sparse on device cpu", at::ones({20, 8}).to_sparse());
  rejects("z must be a dense tensor with data, got layout Strided on device meta",
          at::empty({20, 8}, at::TensorOptions().device(at::kMeta)));
}

TEST_CASE("bad input: labels", "[estimator][errors]") {
  Unchanged state;
  const at::Tensor z = normal({4, 5, 8});
  const auto rejects = [&]<typename Exception>(Exception*, const std::string& message,
                                               const NamedLabelTensors& labels) {
    state.rejects<Exception>(message, [&](auto& accumulator) { accumulator.update(z, labels); });
  };
  constexpr ShapeError* kShape = nullptr;
  constexpr ArgumentError* kArgument = nullptr;
  const at::Tensor good = to_tensor(some_labels(20, 3));
  rejects(kShape, "the labels \"y\" are [19] (Long), but z is [4, 5, 8] (Float): give one label for each row",
          {{"x", good}, {"y", good.slice(0, 1, 20)}});
  rejects(kShape, "the labels \"x\" are [5, 4] (Long), but z is [4, 5, 8] (Float): give one label for each row",
          {{"x", good.reshape({5, 4})}});
  rejects(kShape, "the labels \"x\" are [] (Long), but z is [4, 5, 8] (Float): give one label for each row",
          {{"x", at::scalar_tensor(1, at::kLong)}});
  rejects(kShape, "the labels \"x\" must be a dense tensor of integers, got [20] (Float)",
          {{"x", good.to(at::kFloat)}});
  rejects(kShape, "the labels \"x\" must be a dense tensor of integers, got an undefined tensor",
          {{"x", at::Tensor()}});
  rejects(kArgument, "a label set needs a name, got an empty one", {{"", good}});
  rejects(kArgument, "the label set \"x\" is given twice in one update", {{"x", good}, {"x", good}});
}

TEST_CASE("bad input: groupings", "[estimator][errors]") {
  Unchanged state;
  const at::Tensor z = normal({3, 8});
  auto table = std::make_shared<labels::KeyTable>(1);
  for (const std::int64_t key : {10, 11}) {
    table->insert(std::span(&key, 1));
  }
  auto pairs = std::make_shared<labels::KeyTable>(2);
  const labels::Grouping good{3, {}, {{"x", table, {0, 1, -1}, 2, 2}}};
  const auto rejects = [&]<typename Exception>(Exception*, const std::string& message,
                                               const std::function<void(labels::Grouping&)>& spoil) {
    labels::Grouping bad = good;
    spoil(bad);
    state.rejects<Exception>(message, [&](auto& accumulator) { accumulator.update(z, bad); });
  };
  constexpr ShapeError* kShape = nullptr;
  constexpr ArgumentError* kArgument = nullptr;
  rejects(kShape, "the grouping is of 4 positions, but z has 3: [3, 8] (Float)", [](auto& g) { g.positions = 4; });
  rejects(kShape, "the grouping counts 2 positions, but z has 3: [3, 8] (Float)", [](auto& g) { g.counted = {1, 0}; });
  rejects(kShape, "the label set \"x\" has 2 positions, but z has 3: [3, 8] (Float)",
          [](auto& g) { g.sets[0].rows.pop_back(); });
  rejects(kArgument, "the label set \"x\" has no key table", [](auto& g) { g.sets[0].table = nullptr; });
  rejects(kArgument, "the label set \"x\" speaks of 3 rows, but its key table has 2",
          [](auto& g) { g.sets[0].row_count = 3; });
  rejects(kArgument, "the label set \"x\" has row 2 at position 1, but only 2 rows",
          [](auto& g) { g.sets[0].rows[1] = 2; });
  rejects(kArgument, "the label set \"x\" has row -2 at position 2, but only 2 rows",
          [](auto& g) { g.sets[0].rows[2] = -2; });
  rejects(kArgument, "the label set \"x\" is given twice in one update", [](auto& g) { g.sets.push_back(g.sets[0]); });
  rejects(kArgument, "a label set needs a name, got an empty one", [](auto& g) { g.sets[0].name.clear(); });
  rejects(kArgument, "the label set \"x\" has keys of 1 integers and cannot take keys of 2", [&pairs](auto& g) {
    g.sets[0] = {"x", pairs, {-1, -1, -1}, 0, 0};
  });
}

TEST_CASE("bad input: unknown label sets and impossible options", "[estimator][errors]") {
  Unchanged state;
  state.rejects<ArgumentError>("there is no label set \"y\"; seen so far: x",
                               [](auto& accumulator) { accumulator.conditional_entropies("y"); });
  CHECK_THROWS_MATCHES(SoftEntropyAccumulator(8).conditional_entropies("y"), ArgumentError,
                       Message("there is no label set \"y\"; seen so far: none"));
  CHECK_THROWS_AS(SoftEntropyAccumulator(1), ArgumentError);
  CHECK_THROWS_AS(SoftEntropyAccumulator(8, SoftEntropyOptions().anchors(1)), ArgumentError);
  CHECK_THROWS_AS(SoftEntropyAccumulator(2, SoftEntropyOptions().calibration(Calibration::find_eps())), ArgumentError);
}

}  // namespace
}  // namespace infoplane::estimator
