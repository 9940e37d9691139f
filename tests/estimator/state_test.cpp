#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <cstring>
#include <infoplane/core/error.hpp>
#include <infoplane/labels/label_index.hpp>

#include "estimator/measure.hpp"
#include "estimator/oracle.hpp"
#include "estimator/same_bits.hpp"
#include "estimator/state_samples.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;

constexpr std::int64_t kDimension = 12;

SoftEntropyAccumulator fresh(std::int64_t max_labels = 0, LabelWeights weights = LabelWeights::kEmpirical) {
  return SoftEntropyAccumulator(kDimension,
                                SoftEntropyOptions().anchors(20).max_labels(max_labels).label_weights(weights));
}

/// Batch `number` of a stream: frequent labels, rare ones, a set that comes and goes, rejected rows.
void feed(SoftEntropyAccumulator& accumulator, std::uint64_t number) {
  constexpr std::int64_t kRows = 1500;
  at::Tensor z = normal({30, kRows / 30, kDimension}, number);
  z[3][4].zero_();
  NamedLabelTensors labels = {{"common", to_tensor(some_labels(kRows, 2, number))},
                              {"rare", to_tensor(some_labels(kRows, 700, number))}};
  if (number % 2 == 0) {
    labels.emplace_back("even", to_tensor(some_labels(kRows, 30, number)));
  }
  accumulator.update(z, labels);
}

void feed_ngrams(SoftEntropyAccumulator& accumulator, labels::LabelIndex& index, std::uint64_t number) {
  const std::vector<std::int64_t> tokens = some_labels(600, 17, number);
  accumulator.update(normal({12, 50, kDimension}, 100 + number),
                     *index.group({labels::IntegerView(tokens.data(), 12, 50)}));
}

bool same_labels(const SoftEntropyAccumulator& a, const SoftEntropyAccumulator& b, const std::string& set) {
  const auto p = a.conditional_entropies(set), q = b.conditional_entropies(set);
  return std::equal(p.begin(), p.end(), q.begin(), q.end(), [](const auto& x, const auto& y) {
    return x.key == y.key && x.tokens == y.tokens && same_bits(x.entropy_nats, y.entropy_nats);
  });
}

}  // namespace

TEST_CASE("state: resumed equals uninterrupted, to the last bit", "[estimator][state]") {
  const std::int64_t max_labels = GENERATE(0, 300);  // then most labels of one set are dropped
  const LabelWeights weights = GENERATE(LabelWeights::kEmpirical, LabelWeights::kUniform);
  for (const std::uint64_t interrupted : {0U, 1U, 4U}) {
    SoftEntropyAccumulator whole = fresh(max_labels, weights);
    SoftEntropyAccumulator resumed = fresh(max_labels, weights);
    for (std::uint64_t batch = 0; batch < interrupted; ++batch) {
      feed(whole, batch);
    }
    feed(resumed, 77);  // what was there before is replaced
    load(resumed, saved(whole));
    CHECK(same_bits(resumed.estimate(), whole.estimate()));
    for (std::uint64_t batch = interrupted; batch < 6; ++batch) {  // more than the sample holds
      feed(whole, batch);
      feed(resumed, batch);
      INFO("after " << interrupted << ", at " << batch);
      REQUIRE(same_bits(resumed.estimate(), whole.estimate()));
    }
    for (const char* const set : {"common", "rare", "even"}) {
      CHECK(same_labels(resumed, whole, set));
    }
    CHECK(saved(resumed) == saved(whole));
  }
}

TEST_CASE("state: n-grams go on with a new label index", "[estimator][state]") {
  labels::LabelIndex index;
  SoftEntropyAccumulator whole = fresh();
  feed_ngrams(whole, index, 1);
  SoftEntropyAccumulator resumed = fresh();
  load(resumed, saved(whole));
  labels::LabelIndex another;
  for (std::uint64_t batch = 2; batch < 5; ++batch) {
    feed_ngrams(whole, index, batch);
    feed_ngrams(resumed, another, batch);
    REQUIRE(same_bits(resumed.estimate(), whole.estimate()));
  }
  CHECK(same_labels(resumed, whole, "output_bigram"));
}

TEST_CASE("state: a saved accumulator can be merged", "[estimator][state]") {
  SoftEntropyAccumulator first = fresh(), second = fresh(), loaded = fresh();
  feed(first, 0);
  feed(second, 1);
  load(loaded, saved(second));
  SoftEntropyAccumulator expected = first;
  expected.merge(second);
  first.merge(loaded);
  CHECK(same_bits(first.estimate(), expected.estimate()));
  SoftEntropyAccumulator resumed = fresh();  // and what was merged can be saved
  load(resumed, saved(expected));
  for (SoftEntropyAccumulator* const either : {&resumed, &expected}) {
    feed(*either, 2);
  }
  CHECK(same_bits(resumed.estimate(), expected.estimate()));
}

TEST_CASE("state: what differs is named", "[estimator][state]") {
  SoftEntropyAccumulator small(kDimension, SoftEntropyOptions().anchors(20).seed(3).stream(1));
  SoftEntropyAccumulator other(kDimension, SoftEntropyOptions()
                                               .anchors(21)
                                               .seed(4)
                                               .raw_seed(true)
                                               .calibration(Calibration::fixed(0.25))
                                               .label_weights(LabelWeights::kUniform));
  feed(other, 0);
  const Estimate before = other.estimate();
  CHECK_THROWS_MATCHES(load(other, saved(small)), ArgumentError,
                       MessageMatches(ContainsSubstring("that differs in: m (21 and 20), epsilon (0.25 and ") &&
                                      ContainsSubstring("), seed (4 and 3), seed rule (raw and mixed), label weights "
                                                        "(1 and 0), stream (0 and 1)")));
  CHECK(same_bits(other.estimate(), before));
  SoftEntropyAccumulator wider(13, SoftEntropyOptions().anchors(20).seed(3).stream(1).max_labels(7));
  CHECK_THROWS_MATCHES(
      load(wider, saved(small)), ArgumentError,
      MessageMatches(ContainsSubstring("d (13 and 12), epsilon (") && ContainsSubstring("max_labels (7 and 0)")));
}

TEST_CASE("state: numbers that cannot be are refused", "[estimator][state]") {
  // Each 8 bytes of the content in turn become those of a number that is too large, and each 4 bytes zero: whatever is
  // loaded then has values that can be, and can be saved and loaded again.
  SoftEntropyAccumulator accumulator(3, SoftEntropyOptions().anchors(4));
  accumulator.update(normal({2, 4, 3}), {{"a", to_tensor({0, 0, 1, 0, 1, 0, 0, 1})}});
  std::istringstream in(saved(accumulator));
  const std::string content = state::read(in, "accumulator", kStateVersion).bytes;
  int loaded = 0, refused = 0;
  const auto check = [&](std::size_t at, std::size_t bytes, std::uint64_t value) {
    std::string changed = content;
    std::memcpy(changed.data() + at, &value, bytes);
    std::ostringstream out;
    state::write(out, "accumulator", kStateVersion, changed);
    SoftEntropyAccumulator target(3, SoftEntropyOptions().anchors(4));
    try {
      load(target, out.str());
    } catch (const Error&) {
      ++refused;
      return;
    }
    ++loaded;
    INFO("at " << at << " of " << content.size() << ", " << bytes << " bytes of " << value);
    target.update(normal({2, 4, 3}, 1), {{"a", to_tensor({0, 0, 1, 0, 1, 0, 0, 1})}});
    const Estimate estimate = target.estimate();
    CHECK(estimate.tokens >= 8);
    CHECK(estimate.tokens < std::int64_t{1} << 54);
    CHECK(estimate.sequences <= estimate.tokens);
    for (const auto& set : estimate.sets) {
      CHECK(set.information_nats >= -1e-3);
      CHECK((std::isfinite(set.corrected_nats) || !set.reason.empty()));
    }
    SoftEntropyAccumulator again(3, SoftEntropyOptions().anchors(4));
    CHECK_NOTHROW(load(again, saved(target)));
  };
  for (std::size_t at = 0; at + 8 <= content.size(); ++at) {
    check(at, 8, 0x7fffffffffffffffULL);
    check(at, 8, std::uint64_t{1} << 53U);
    check(at, 4, 0);
  }
  CHECK(loaded > 0);
  CHECK(refused > 2 * loaded);
}

TEST_CASE("state: cut short, of something else or changed, it is refused and nothing changes", "[estimator][state]") {
  SoftEntropyAccumulator accumulator = fresh();
  feed(accumulator, 0);
  const std::string bytes = saved(accumulator);
  SoftEntropyAccumulator target = fresh();
  feed(target, 1);
  const Estimate before = target.estimate();
  for (std::size_t i = 0; i < 200; ++i) {
    REQUIRE_THROWS_AS(load(target, bytes.substr(0, bytes.size() * i / 200)), IoError);
    std::string changed = bytes;
    changed[bytes.size() * i / 200] ^= 1;
    REQUIRE_THROWS_AS(load(target, changed), IoError);
  }
  CHECK_THROWS_MATCHES(load(target, "{}"), IoError, MessageMatches(ContainsSubstring("this is no saved state")));
  CHECK(same_bits(target.estimate(), before));
}

TEST_CASE("state: hostile ones give an error or an accumulator that works", "[estimator][state]") {
  const SoftEntropyOptions options = SoftEntropyOptions().anchors(4).max_labels(GENERATE(0, 2));
  SoftEntropyAccumulator accumulator(3, options);
  accumulator.update(normal({6, 3}), {{"a", to_tensor({0, 0, 1, 2, 1, 0})}, {"b", to_tensor({5, -1, 5, 5, 5, 5})}});
  const std::string bytes = saved(accumulator);
  int loaded = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    SoftEntropyAccumulator target(3, options);
    try {
      load(target, mutated(bytes, "accumulator", kStateVersion, seed));
      ++loaded;
    } catch (const IoError&) {
      ++refused;
      continue;
    } catch (const ArgumentError&) {  // a change of m, d or seed
      ++refused;
      continue;
    }
    target.update(normal({6, 3}), {{"a", to_tensor({0, 0, 1, 2, 1, 0})}});
    static_cast<void>(target.estimate());
    static_cast<void>(saved(target));
  }
  CHECK(refused > 10000);
  CHECK(loaded > 100);  // changed sums, keys and the like
}

}  // namespace infoplane::estimator
