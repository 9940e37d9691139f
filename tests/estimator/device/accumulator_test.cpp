#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/estimate_over_ranks.hpp>
#include <infoplane/labels/key_table.hpp>
#include <infoplane/labels/label_index.hpp>

#include "estimator/device/accumulator_access.hpp"
#include "estimator/oracle.hpp"
#include "estimator/same_bits.hpp"
#include "estimator/state_samples.hpp"
#include "support/cuda_emulation/emulated_device.hpp"

// The accumulator's path over a device, on the emulated one: the same code that drives a GPU.
namespace infoplane::estimator::cuda::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Batch = std::pair<at::Tensor, NamedLabelTensors>;

// z must live until its device has come to it, here: LibTorch's allocator keeps a GPU's memory in the order of streams.

/// An accumulator on a device of its own.
struct There {
  explicit There(std::int64_t d, const SoftEntropyOptions& options = {}) : accumulator(d, options) {
    AccumulatorAccess::devices(accumulator).instead = std::make_shared<DeviceContext>(device);
  }
  std::shared_ptr<EmulatedDevice> device = std::make_shared<EmulatedDevice>();
  SoftEntropyAccumulator accumulator;
};

bool near(double a, double b, double within) { return (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= within; }

/// Counts are the same, values within `within` nats, errors within a hundredth of themselves.
void check_equal(const Estimate& here, const Estimate& there, double within = 2e-6) {
  CHECK(here.tokens == there.tokens);
  CHECK(here.rejected == there.rejected);
  CHECK(here.sequences == there.sequences);
  CHECK(near(here.entropy_nats, there.entropy_nats, within));
  CHECK(near(here.corrected_entropy_nats, there.corrected_entropy_nats, within));
  CHECK(near(here.context_nats, there.context_nats, within));
  CHECK(near(here.mean_direction, there.mean_direction, 2e-6));
  CHECK(here.centred == there.centred);
  REQUIRE(here.centre.size() == there.centre.size());
  for (std::size_t k = 0; k < here.centre.size(); ++k) {
    CHECK(near(here.centre[k], there.centre[k], 1e-5));
  }
  CHECK(near(here.corrected_context_nats, there.corrected_context_nats, within));
  CHECK(near(here.context_standard_error_nats, there.context_standard_error_nats,
             within + 1e-3 * std::abs(here.context_standard_error_nats)));
  REQUIRE(here.through.size() == there.through.size());
  for (std::size_t i = 0; i < here.through.size(); ++i) {
    const ThroughEstimate& a = here.through[i];
    const ThroughEstimate& b = there.through[i];
    CAPTURE(a.output, a.information_nats, b.information_nats, a.corrected_nats, b.corrected_nats);
    CHECK(a.positions == b.positions);
    CHECK(a.reason == b.reason);
    CHECK(near(a.complexity_nats, b.complexity_nats, within));
    CHECK(near(a.information_nats, b.information_nats, within));
    CHECK(near(a.corrected_nats, b.corrected_nats, 10 * within));
    CHECK(near(a.standard_error_nats, b.standard_error_nats, within + 1e-3 * std::abs(a.standard_error_nats)));
  }
  REQUIRE(here.sets.size() == there.sets.size());
  for (std::size_t i = 0; i < here.sets.size(); ++i) {
    const InformationEstimate& a = here.sets[i];
    const InformationEstimate& b = there.sets[i];
    CAPTURE(a.name, a.information_nats, b.information_nats, a.corrected_nats, b.corrected_nats, a.standard_error_nats,
            b.standard_error_nats);
    CHECK(a.name == b.name);
    CHECK(a.tokens == b.tokens);
    CHECK(a.labels == b.labels);
    CHECK(a.labels_kept == b.labels_kept);
    CHECK(a.reason == b.reason);
    CHECK(a.error_reason == b.error_reason);
    CHECK(near(a.share_1, b.share_1, 0));
    CHECK(near(a.share_4, b.share_4, 0));
    CHECK(near(a.share_32, b.share_32, 0));
    CHECK(near(a.entropy_nats, b.entropy_nats, within));
    CHECK(near(a.conditional_entropy_nats, b.conditional_entropy_nats, within));
    CHECK(near(a.information_nats, b.information_nats, within));
    CHECK(near(a.chance_nats, b.chance_nats, within));
    CHECK(near(a.context_nats, b.context_nats, within));
    CHECK_FALSE(b.information_nats > b.context_nats + within);
    CHECK(near(a.corrected_nats, b.corrected_nats, 10 * within));  // extrapolated: what errs is multiplied
    CHECK(near(a.standard_error_nats, b.standard_error_nats, within + 1e-3 * std::abs(a.standard_error_nats)));
  }
}

/// Micro-batches of sequences with a common set of few labels, one of many, and one that comes only sometimes.
std::vector<Batch> some_batches(int count, at::ScalarType type = at::kFloat) {
  std::vector<Batch> result;
  for (int i = 0; i < count; ++i) {
    const auto salt = static_cast<std::uint64_t>(i);
    at::Tensor z = normal({6, 20, 24}, salt + 1);
    const auto few = some_labels(120, 3, salt);
    for (std::int64_t row = 0; row < 120; ++row) {
      z.view({120, 24})[row][few[static_cast<std::size_t>(row)]] += 2;  // so that labels say something
    }
    z[1][3].fill_(0);
    z[2][i % 20][4] = std::nan("");
    auto many = some_labels(120, 40, salt + 100);
    many[7] = -1;
    many[8] = -100;
    NamedLabelTensors labels = {{"few", to_tensor(few)}, {"many", to_tensor(many)}};
    if (i % 2 == 1) {
      labels.emplace_back("sometimes", to_tensor(some_labels(120, 5, salt + 200)));
    }
    result.emplace_back(z.to(type), labels);
  }
  return result;
}

TEST_CASE("device accumulator: a centre is taken from rows as on the host", "[cuda][accumulator][centre]") {
  const auto batches = some_batches(5, GENERATE(at::kFloat, at::kBFloat16));
  const auto options = SoftEntropyOptions().anchors(20).centre(true);
  const at::Tensor centre = at::linspace(-1, 2, 24);
  SoftEntropyAccumulator here(24, options);
  There there(24, options);
  for (const at::Tensor& c : {at::Tensor(), centre}) {
    here.clear();
    there.accumulator.clear();
    here.set_centre(c);
    there.accumulator.set_centre(c);
    for (const auto& [z, labels] : batches) {
      here.update(z, labels);
      there.accumulator.update(z, labels);
    }
    CHECK_THROWS_AS(there.accumulator.set_centre(centre), StateError);
    check_equal(here.estimate(), there.accumulator.estimate());
    CHECK(here.estimate().centred == c.defined());
  }
}

TEST_CASE("device accumulator: gives what the CPU's gives, in every dtype", "[cuda]") {
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble}) {
    SoftEntropyAccumulator here(24, SoftEntropyOptions().anchors(50));
    There there(24, SoftEntropyOptions().anchors(50));
    const auto batches = some_batches(4, type);
    for (const auto& [z, labels] : batches) {
      here.update(z, labels);
      there.accumulator.update(z, labels);
    }
    CAPTURE(type);
    check_equal(here.estimate(), there.accumulator.estimate(), type == at::kBFloat16 ? 2e-5 : 2e-6);
    CHECK(AccumulatorAccess::on_device(there.accumulator) != nullptr);
  }
}

TEST_CASE("device accumulator: an update never blocks the host, and a point does once", "[cuda]") {
  There there(24);
  const auto batches = some_batches(6);
  for (const auto& [z, labels] : batches) {
    there.accumulator.update(z, labels);
    there.device->pass_time();  // what a forward and a backward take
  }
  CHECK(there.device->waits() == 0);
  (void)there.accumulator.estimate();
  CHECK(there.device->waits() == 1);
}

TEST_CASE("device accumulator: a point that was prepared is the same, and not blocked for once it has come", "[cuda]") {
  There plain(24), prepared(24);
  const auto batches = some_batches(3);
  for (const auto& [z, labels] : batches) {
    plain.accumulator.update(z, labels);
    prepared.accumulator.update(z, labels);
    prepared.device->pass_time();
  }
  prepared.accumulator.prepare_estimate();
  CHECK(prepared.device->waits() == 0);
  prepared.device->pass_time();
  CHECK(same_bits(plain.accumulator.estimate(), prepared.accumulator.estimate()));
  CHECK(prepared.device->waits() == 0);
  prepared.accumulator.prepare_estimate();
  for (There* const each : {&plain, &prepared}) {  // what was prepared is out of date
    each->accumulator.update(batches[0].first, batches[0].second);
  }
  CHECK(same_bits(plain.accumulator.estimate(), prepared.accumulator.estimate()));
}

TEST_CASE("device accumulator: what was prepared is forgotten when the sums come home", "[cuda]") {
  const auto batches = some_batches(3);
  const auto fill = [&batches](SoftEntropyAccumulator& accumulator) {
    accumulator.update(batches[0].first, batches[0].second);
    accumulator.prepare_estimate();  // out of date with the next update
    accumulator.update(batches[1].first, batches[1].second);
  };
  SoftEntropyAccumulator here(24);
  fill(here);
  There asked(24), merged(24), other(24);
  for (There* const each : {&asked, &merged, &other}) {
    fill(each->accumulator);
  }
  const auto expected = here.conditional_entropies("many"), got = asked.accumulator.conditional_entropies("many");
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].tokens == expected[i].tokens);
    CHECK(near(got[i].entropy_nats, expected[i].entropy_nats, 2e-6));
  }
  check_equal(here.estimate(), asked.accumulator.estimate());
  merged.accumulator.merge(other.accumulator);
  merged.accumulator.update(batches[2].first, batches[2].second);
  SoftEntropyAccumulator twice(24), again(24);
  fill(twice);
  fill(again);
  twice.merge(again);
  twice.update(batches[2].first, batches[2].second);
  check_equal(twice.estimate(), merged.accumulator.estimate());
}

TEST_CASE("device accumulator: a device that is behind is waited for when two updates are on it", "[cuda]") {
  There there(24);
  const auto batches = some_batches(4);
  std::vector<std::int64_t> waits;
  for (const auto& [z, labels] : batches) {
    there.accumulator.update(z, labels);
    waits.push_back(there.device->waits());
  }
  CHECK(waits == std::vector<std::int64_t>{0, 0, 1, 2});
  (void)there.accumulator.estimate();
  CHECK(there.device->waits() == 4);  // for the last update, and for the point
}

TEST_CASE("device accumulator: results are the same bits, whether the device is fast or slow", "[cuda]") {
  There slow(24), fast(24);
  const auto batches = some_batches(5);
  for (const auto& [z, labels] : batches) {
    slow.accumulator.update(z, labels);
    fast.accumulator.update(z, labels);
    fast.device->pass_time();
  }
  const Estimate estimate = fast.accumulator.estimate();
  CHECK(same_bits(slow.accumulator.estimate(), estimate));
  CHECK(same_bits(slow.accumulator.estimate(), estimate));  // once more, of the same sums
}

TEST_CASE("device accumulator: labels of many tokens get float64 rows", "[cuda]") {
  SoftEntropyAccumulator here(8, SoftEntropyOptions().anchors(20));
  There there(8, SoftEntropyOptions().anchors(20));
  for (int i = 0; i < 8; ++i) {
    const at::Tensor z = normal({1200, 8}, static_cast<std::uint64_t>(i) + 9);
    const NamedLabelTensors labels = {{"two", to_tensor(some_labels(1200, 2, static_cast<std::uint64_t>(i)))},
                                      {"more", to_tensor(some_labels(1200, 700, static_cast<std::uint64_t>(i)))}};
    here.update(z, labels);
    there.accumulator.update(z, labels);
    there.device->pass_time();
  }
  check_equal(here.estimate(), there.accumulator.estimate());
  for (const char* const set : {"two", "more"}) {
    const auto expected = here.conditional_entropies(set), got = there.accumulator.conditional_entropies(set);
    REQUIRE(expected.size() == got.size());
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(expected[i].key == got[i].key);
      CHECK(expected[i].tokens == got[i].tokens);
      worst = std::max(worst, std::abs(expected[i].entropy_nats - got[i].entropy_nats));
    }
    CHECK(worst < 2e-6);
  }
  CHECK(AccumulatorAccess::on_device(there.accumulator) == nullptr);  // all of it came home
  check_equal(here.estimate(), there.accumulator.estimate());
}

TEST_CASE("device accumulator: a sample of labels, with rows that are dropped and used again", "[cuda]") {
  for (const std::int64_t most : {10, 64}) {
    const auto options = SoftEntropyOptions().anchors(20).max_labels(most);
    SoftEntropyAccumulator here(8, options);
    There there(8, options);
    std::vector<at::Tensor> alive;
    for (int i = 0; i < 6; ++i) {
      const at::Tensor z = alive.emplace_back(normal({700, 8}, static_cast<std::uint64_t>(i) + 9));
      const auto labels = to_tensor(some_labels(700, 60 * (i + 1), static_cast<std::uint64_t>(i)));
      const at::Tensor few = to_tensor(some_labels(700, 12, static_cast<std::uint64_t>(i)));
      here.update(z, {{"x", labels}, {"few", few}});
      there.accumulator.update(z, {{"x", labels}, {"few", few}});
    }
    CAPTURE(most);
    check_equal(here.estimate(), there.accumulator.estimate());
    CHECK(here.estimate().sets[0].labels > here.estimate().sets[0].labels_kept);
  }
}

TEST_CASE("device accumulator: groupings with a mask, by reference and by pointer, whatever becomes of them",
          "[cuda]") {
  auto table = std::make_shared<labels::KeyTable>(2);
  SoftEntropyAccumulator here(24);
  There there(24);
  for (int i = 0; i < 4; ++i) {
    auto grouping = std::make_shared<labels::Grouping>();
    grouping->positions = 120;
    grouping->row_length = 20;
    labels::LabelAssignment set{"pairs", table, {}, 0, 0};
    for (const std::int64_t value : some_labels(120, 30, static_cast<std::uint64_t>(i))) {
      const std::vector<std::int64_t> key = {value, value % 3};
      set.rows.push_back(value == 4 ? labels::kNoRow : table->insert(key));
      grouping->counted.push_back(value % 5 == 0 ? 0 : 1);
    }
    set.row_count = table->size();
    grouping->sets.push_back(set);
    const at::Tensor z = normal({6, 20, 24}, static_cast<std::uint64_t>(i));
    here.update(z, *grouping);
    if (i % 2 == 0) {
      there.accumulator.update(z, *grouping);
      grouping->sets.clear();  // a copy was made
    } else {
      there.accumulator.update(z, std::shared_ptr<const labels::Grouping>(grouping));
    }
    there.device->pass_time();
  }
  check_equal(here.estimate(), there.accumulator.estimate());
}

TEST_CASE("device accumulator: no rows, no labels, no good row", "[cuda]") {
  SoftEntropyAccumulator here(24);
  There there(24);
  CHECK(there.accumulator.estimate().tokens == 0);
  const at::Tensor bad = at::full({10, 24}, std::nan(""));
  const std::vector<Batch> batches = {{at::zeros({0, 24}), {}},
                                      {bad, {{"x", to_tensor(some_labels(10, 3))}}},
                                      {normal({30, 24}), {}},
                                      {at::zeros({0, 24}), {{"x", to_tensor({})}}},
                                      {normal({30, 24}, 4), {{"x", to_tensor(some_labels(30, 3))}}}};
  for (const auto& [z, labels] : batches) {
    here.update(z, labels);
    there.accumulator.update(z, labels);
    check_equal(here.estimate(), there.accumulator.estimate());
  }
  CHECK(there.accumulator.estimate().rejected == 10);
}

TEST_CASE("device accumulator: saved, loaded, copied and merged, it is what the CPU's is", "[cuda]") {
  SoftEntropyAccumulator here(24), here_too(24, SoftEntropyOptions().stream(1));
  There there(24), there_too(24, SoftEntropyOptions().stream(1));
  const auto batches = some_batches(6);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const auto& [z, labels] = batches[i];
    (i < 3 ? here : here_too).update(z, labels);
    (i < 3 ? there : there_too).accumulator.update(z, labels);
  }
  SECTION("saved and loaded, with more updates on the device") {
    There loaded(24);
    load(loaded.accumulator, saved(there.accumulator));
    check_equal(here.estimate(), loaded.accumulator.estimate());
    here.update(batches[4].first, batches[4].second);
    loaded.accumulator.update(batches[4].first, batches[4].second);
    there.accumulator.update(batches[4].first, batches[4].second);
    check_equal(here.estimate(), loaded.accumulator.estimate());
    CHECK(same_bits(loaded.accumulator.estimate(), there.accumulator.estimate()));
    CHECK(AccumulatorAccess::on_device(loaded.accumulator) != nullptr);
  }
  SECTION("copied: neither moves the other") {
    SoftEntropyAccumulator copy = there.accumulator;
    copy.update(batches[5].first, batches[5].second);
    check_equal(here.estimate(), there.accumulator.estimate());
    here.update(batches[5].first, batches[5].second);
    check_equal(here.estimate(), copy.estimate());
    copy = there_too.accumulator;
    check_equal(here_too.estimate(), copy.estimate());
  }
  SECTION("merged, from device to device and from the CPU to the device") {
    here.merge(here_too);
    there.accumulator.merge(there_too.accumulator);
    check_equal(here.estimate(), there.accumulator.estimate());
    here.update(batches[0].first, batches[0].second);
    there.accumulator.update(batches[0].first, batches[0].second);
    here.merge(here_too);
    there.accumulator.merge(here_too);
    check_equal(here.estimate(), there.accumulator.estimate());
  }
  SECTION("reset: nothing is left, and nothing that was under way comes later") {
    there.accumulator.reset();
    there.device->pass_time();
    CHECK(there.accumulator.estimate().tokens == 0);
    there.accumulator.update(batches[0].first, batches[0].second);
    SoftEntropyAccumulator first(24);
    first.update(batches[0].first, batches[0].second);
    check_equal(first.estimate(), there.accumulator.estimate());
  }
}

TEST_CASE("device accumulator: between devices, and between a device and the CPU", "[cuda]") {
  SoftEntropyAccumulator here(24);
  There there(24);
  const auto other = std::make_shared<EmulatedDevice>();
  const auto context = AccumulatorAccess::devices(there.accumulator).instead;
  const auto other_context = std::make_shared<DeviceContext>(other);
  const auto batches = some_batches(6);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    AccumulatorAccess::devices(there.accumulator).instead = i % 3 == 0 ? context : i % 3 == 1 ? other_context : nullptr;
    here.update(batches[i].first, batches[i].second);
    there.accumulator.update(batches[i].first, batches[i].second);
    CHECK((AccumulatorAccess::on_device(there.accumulator) == nullptr) == (i % 3 == 2));
  }
  check_equal(here.estimate(), there.accumulator.estimate());
}

TEST_CASE("device accumulator: the caller's streams may change at any time", "[cuda]") {
  SoftEntropyAccumulator here(24);
  There there(24);
  const auto batches = some_batches(7);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    there.device->use_stream(i / 2 % 2);
    here.update(batches[i].first, batches[i].second);
    there.accumulator.update(batches[i].first, batches[i].second);
  }
  there.device->use_stream(1);
  check_equal(here.estimate(), there.accumulator.estimate());
  there.device->use_stream(0);
  check_equal(here.estimate(), there.accumulator.estimate());
}

TEST_CASE("device accumulator: layers with the same anchors share the device's anchors and segments", "[cuda]") {
  There first(24);
  SoftEntropyAccumulator second = first.accumulator;
  SoftEntropyAccumulator here(24);
  const auto batches = some_batches(3);
  std::vector<at::Tensor> others;
  for (const auto& [z, labels] : batches) {
    others.push_back(z.neg());
    here.update(z, labels);
    first.accumulator.update(others.back(), labels);
    second.update(z, labels);
  }
  const Estimate of_first = first.accumulator.estimate();
  check_equal(here.estimate(), second.estimate());
  CHECK(std::abs(of_first.entropy_nats - second.estimate().entropy_nats) > 1e-4);
}

TEST_CASE("device accumulator: during the capture of a graph everything is refused and nothing changes", "[cuda]") {
  There there(24);
  const auto batches = some_batches(2);
  there.accumulator.update(batches[0].first, batches[0].second);
  there.device->capture(true);
  CHECK_THROWS_WITH(there.accumulator.update(batches[1].first, batches[1].second),
                    ContainsSubstring("z came during the capture of a CUDA graph"));
  CHECK_THROWS_WITH(there.accumulator.estimate(), ContainsSubstring("ask when no graph is being captured"));
  there.device->capture(false);
  SoftEntropyAccumulator here(24);
  here.update(batches[0].first, batches[0].second);
  check_equal(here.estimate(), there.accumulator.estimate());
}

TEST_CASE("device accumulator: over ranks, what its device has to say is told to all", "[cuda]") {
  struct One final : distributed::ByteCollectives {
    int rank() const override { return 0; }
    int size() const override { return 1; }
    void sum(std::span<double>) override {}
    std::string broadcast(std::string mine, int) override { return mine; }
    std::vector<std::string> all_gather(std::string mine) override {
      gathered.push_back(mine);
      return {mine};
    }
    std::vector<std::string> all_to_all(std::vector<std::string> parcels) override { return parcels; }
    std::vector<std::string> gathered;
  };
  There there(24);
  const auto batches = some_batches(1);
  there.accumulator.update(batches[0].first, batches[0].second);
  there.device->capture(true);
  One alone;
  CHECK_THROWS_WITH(estimate_over_ranks({{"layer", &there.accumulator}}, alone),
                    ContainsSubstring("the sums of ranks cannot be added: rank 0: sums on a device were asked for"));
  REQUIRE(alone.gathered.size() == 1);  // not alone: the others would wait for it
  CHECK_THAT(alone.gathered[0], ContainsSubstring("ask when no graph is being captured"));
  there.device->capture(false);
  CHECK(estimate_over_ranks({{"layer", &there.accumulator}}, alone).size() == 1);
}

TEST_CASE("device accumulator: an update with other keys than one that is not counted yet is an error", "[cuda]") {
  There there(24);
  const at::Tensor z = normal({10, 24});
  there.accumulator.update(z, {{"x", to_tensor(some_labels(10, 3))}});
  labels::Grouping grouping;
  grouping.positions = 10;
  grouping.sets.push_back({"x", std::make_shared<labels::KeyTable>(2), std::vector<std::int32_t>(10, -1), 0, 0});
  CHECK_THROWS_WITH(there.accumulator.update(z, grouping),
                    ContainsSubstring("keys of 1 integers and cannot take keys of 2"));
  CHECK_THROWS_AS(there.accumulator.update(z, std::shared_ptr<const labels::Grouping>()), ArgumentError);
  CHECK(there.accumulator.estimate().tokens == 10);
}

TEST_CASE("device accumulator: without memory an update throws, and the next one counts all that came", "[cuda]") {
  const auto batches = some_batches(4);
  SoftEntropyAccumulator here(24);
  for (const auto& [z, labels] : batches) {
    here.update(z, labels);
  }
  int failures = 0;
  for (int number = 1; number < 40; ++number) {
    There there(24);
    there.device->fail_allocation(number);
    std::size_t next = 0;
    int tries = 0;
    while (next < batches.size() && ++tries < 10) {
      try {
        there.accumulator.update(batches[next].first, batches[next].second);
        ++next;
      } catch (const std::bad_alloc&) {
        ++failures;
      }
    }
    Estimate got;
    try {
      got = there.accumulator.estimate();
    } catch (const std::bad_alloc&) {
      ++failures;
      got = there.accumulator.estimate();
    }
    CAPTURE(number);
    const Estimate expected = here.estimate();
    CHECK(got.tokens == expected.tokens);
    CHECK(got.rejected == expected.rejected);
    REQUIRE(got.sets.size() == expected.sets.size());
    for (std::size_t i = 0; i < got.sets.size(); ++i) {  // a label's tokens may be dealt over its parts otherwise
      CHECK(got.sets[i].tokens == expected.sets[i].tokens);
      CHECK(got.sets[i].labels == expected.sets[i].labels);
      CHECK(near(got.sets[i].information_nats, expected.sets[i].information_nats, 2e-6));
    }
  }
  CHECK(failures > 20);
}

TEST_CASE("device accumulator: memory that it holds on the device is in its sum, and a reset gives it back", "[cuda]") {
  There there(24);
  const std::int64_t before = there.accumulator.memory_bytes();
  const auto batches = some_batches(3);
  for (const auto& [z, labels] : batches) {
    there.accumulator.update(z, labels);
  }
  CHECK(there.accumulator.memory_bytes() - before > 2 * 120 * 100 * 4);  // assignments of two updates
  (void)there.accumulator.estimate();
  CHECK(there.accumulator.memory_bytes() - before > 43 * 100 * 4);
  there.accumulator.reset();
  CHECK(there.accumulator.memory_bytes() == before);
}

TEST_CASE("device accumulator: windows that follow each other, after clear, are measured as by a fresh one", "[cuda]") {
  const auto options = SoftEntropyOptions().anchors(50).max_labels(GENERATE(0, 12));
  const auto all = some_batches(6);  // outlive what is still under way at the end of a window
  There there(24, options);
  for (const std::ptrdiff_t window : {4, 1, 6}) {
    CAPTURE(window, options.max_labels());
    const std::vector<Batch> batches(all.begin(), all.begin() + window);
    SoftEntropyAccumulator here(24, options);
    for (const auto& [z, labels] : batches) {
      here.update(z, labels);
      there.accumulator.update(z, labels);
    }
    check_equal(here.estimate(), there.accumulator.estimate());
    there.accumulator.update(batches[0].first);  // still under way
    there.accumulator.clear();
    CHECK(there.accumulator.estimate().tokens == 0);
    CHECK(there.accumulator.estimate().sets.empty());
  }
}

/// Activations and groupings of micro-batches.
std::vector<std::pair<at::Tensor, std::shared_ptr<const labels::Grouping>>> grouped_batches(int count) {
  labels::LabelIndex index;
  std::vector<std::pair<at::Tensor, std::shared_ptr<const labels::Grouping>>> result;
  for (const auto& [z, labels] : some_batches(count)) {
    const auto tokens = (at::arange(6 * 20) * (7 + static_cast<int>(result.size()))).remainder(11).view({6, 20});
    result.emplace_back(z, index.group({labels::IntegerView(tokens.const_data_ptr<std::int64_t>(), 6, 20)}));
  }
  return result;
}

TEST_CASE("device accumulator: what goes through X, and the context, are what the CPU says", "[cuda]") {
  SoftEntropyAccumulator here(24);
  There there(24), prepared(24);
  const auto batches = grouped_batches(5);
  for (const auto& [z, grouping] : batches) {
    here.update(z, grouping);
    there.accumulator.update(z, grouping);
    prepared.accumulator.update(z, grouping);
  }
  REQUIRE(here.estimate().through.size() == 2);
  CHECK(std::isfinite(here.estimate().through[0].information_nats));
  check_equal(here.estimate(), there.accumulator.estimate());
  prepared.accumulator.prepare_estimate();
  CHECK(same_bits(prepared.accumulator.estimate(), there.accumulator.estimate()));
  CHECK(AccumulatorAccess::on_device(there.accumulator) != nullptr);
}

TEST_CASE("device accumulator: stage and commit are an update, and discard is nothing", "[cuda]") {
  const auto batches = grouped_batches(4);
  There whole(24), halves(24);
  for (const auto& [z, grouping] : batches) {
    whole.accumulator.update(z, grouping);
    halves.accumulator.stage(z, grouping);
    halves.device->pass_time();
    halves.accumulator.discard();
    halves.accumulator.stage(z, grouping);
    halves.accumulator.commit();
    halves.device->pass_time();
  }
  CHECK(AccumulatorAccess::on_device(halves.accumulator) != nullptr);
  CHECK(halves.device->waits() == 0);
  CHECK(same_bits(whole.accumulator.estimate(), halves.accumulator.estimate()));
}

TEST_CASE("device accumulator: what is staged is no part of what was seen", "[cuda]") {
  const auto batches = grouped_batches(2);
  There before(24), after(24);
  const auto& [first, first_grouping] = batches[0];
  const auto& [second, second_grouping] = batches[1];
  before.accumulator.update(first, first_grouping);
  after.accumulator.update(first, first_grouping);
  after.accumulator.stage(second, second_grouping);
  CHECK(same_bits(before.accumulator.estimate(), after.accumulator.estimate()));
  CHECK_THROWS_AS(after.accumulator.stage(second, second_grouping), StateError);
  after.accumulator.commit();
  before.accumulator.update(second, second_grouping);
  CHECK(same_bits(before.accumulator.estimate(), after.accumulator.estimate()));
  after.accumulator.stage(first, first_grouping);
  after.accumulator.discard();
  CHECK(same_bits(before.accumulator.estimate(), after.accumulator.estimate()));
}

}  // namespace
}  // namespace infoplane::estimator::cuda::test
