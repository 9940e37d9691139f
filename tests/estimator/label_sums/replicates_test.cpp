#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <infoplane/labels/label_index.hpp>
#include <vector>

#include "estimator/label_sums/label_set.hpp"
#include "estimator/oracle.hpp"
#include "estimator/state_samples.hpp"

namespace infoplane::estimator {
namespace {

/// Micro-batches of 4 sequences of 12 tokens, with labels that come again in later sequences.
struct Batches {
  std::shared_ptr<const labels::Grouping> next() {
    std::vector<std::int64_t> tokens;
    for (std::int64_t i = 0; i < 48; ++i) {
      tokens.push_back((i * (7 + number) + i / 5) % 11);
    }
    ++number;
    return index.group({labels::IntegerView(tokens.data(), 4, 12)});
  }
  labels::LabelIndex index;
  std::int64_t number = 0;
};

at::Tensor layer(std::int64_t number, std::int64_t batch) {
  return (at::arange(4 * 12 * 8) * (0.37 + static_cast<double>(number)) + static_cast<double>(batch))
      .sin()
      .view({4, 12, 8})
      .to(at::kFloat);
}

/// Two label sets of two layers, and what they share.
struct Layers {
  LabelSet first{"input_unigram", 1, 4, SoftEntropyOptions()};
  LabelSet second{first};
  SharedReplicates shared;
  std::vector<std::uint8_t> all = std::vector<std::uint8_t>(48, 1);
  std::int64_t sequences = 0;

  UpdatePlan update(LabelSet& set, const labels::Grouping& grouping, const std::vector<std::uint8_t>& used) {
    UpdatePlan plan = set.plan(grouping.sets[0], {used, sequences, 12, &shared});
    set.commit(plan, std::vector<float>(plan.size()), {}, 0);
    return plan;
  }
  /// Whether what `set` will be dealt of the batch is there already.
  bool is_dealt(const LabelSet& set, const labels::Grouping& grouping, const std::vector<std::uint8_t>& used) {
    return shared.find(grouping.sets[0], {used, sequences, 12, &shared}, set.replicates().history()) != nullptr;
  }
};

TEST_CASE("replicates: dealt once for a micro-batch, and taken over by the other layers", "[estimator]") {
  Batches batches;
  Layers layers;
  for (int batch = 0; batch < 5; ++batch) {
    const auto grouping = batches.next();
    CHECK_FALSE(layers.is_dealt(layers.first, *grouping, layers.all));
    const UpdatePlan plan = layers.update(layers.first, *grouping, layers.all);
    CHECK(layers.is_dealt(layers.second, *grouping, layers.all));
    CHECK(layers.update(layers.second, *grouping, layers.all) == plan);
    layers.sequences += 4;
  }
}

TEST_CASE("replicates: a layer that rejected a token deals its own from then on", "[estimator]") {
  Batches batches;
  Layers layers;
  LabelSet alone("input_unigram", 1, 4, SoftEntropyOptions());
  for (int batch = 0; batch < 5; ++batch) {
    const auto grouping = batches.next();
    std::vector<std::uint8_t> used = layers.all;
    used[3] = batch == 1 ? 0 : 1;
    layers.update(layers.first, *grouping, layers.all);
    CHECK(layers.is_dealt(layers.second, *grouping, used) == (batch < 1));
    const UpdatePlan plan = layers.update(layers.second, *grouping, used);
    UpdatePlan expected = alone.plan(grouping->sets[0], {used, layers.sequences, 12});
    alone.commit(expected, std::vector<float>(expected.size()), {}, 0);
    CHECK(plan == expected);
    layers.sequences += 4;
  }
}

TEST_CASE("replicates: a plan that is not committed leaves a history of its own", "[estimator]") {
  Batches batches;
  Layers layers;
  const auto grouping = batches.next();
  layers.first.plan(grouping->sets[0], {layers.all, 0, 12, &layers.shared});
  CHECK(layers.first.replicates().history() != layers.second.replicates().history());
  CHECK(layers.is_dealt(layers.second, *grouping, layers.all));
  CHECK_FALSE(layers.is_dealt(layers.first, *grouping, layers.all));
}

TEST_CASE("replicates: layers that share them are what each would be alone, to the last bit", "[estimator]") {
  const auto options = SoftEntropyOptions().anchors(16).max_labels(9);
  const SoftEntropyAccumulator prototype(8, options);
  std::vector<SoftEntropyAccumulator> together(3, prototype), alone;
  for (int number = 0; number < 3; ++number) {
    alone.emplace_back(8, options);
  }
  Batches batches;
  for (int batch = 0; batch < 6; ++batch) {
    const auto grouping = batches.next();
    for (std::size_t number = 0; number < 3; ++number) {
      at::Tensor z = layer(static_cast<std::int64_t>(number), batch);
      if (number == 1 && batch == 2) {
        z[1][3][0] = std::nan("");
      }
      together[number].update(z, grouping);
      alone[number].update(z, grouping);
      const bool is_same = saved(together[number]) == saved(alone[number]);
      CAPTURE(batch, number);
      CHECK(is_same);
    }
    if (batch == 3) {
      together[0].merge(alone[1]);
      alone[0].merge(alone[1]);
    }
  }
}

}  // namespace
}  // namespace infoplane::estimator
