#include <array>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

/// float64 values of an independent implementation, as efficiencies; raw seed 0.
struct GoldenEstimate {
  std::int64_t n, d, m;
  bool exact;
  double epsilon, entropy, a, b;
};

constexpr std::array<GoldenEstimate, 8> kGolden = {{
    {512, 64, 100, false, 0.036229879115384965, 0.8984451987553767, 0.16760226886089713, 0.10518078751510063},
    {512, 64, 100, true, 0.03704947502179903, 0.9001875346229445, 0.16554667713427862, 0.10202665572548253},
    {1024, 768, 100, false, 0.011767821911310424, 0.9590176867544313, 0.18201079159371691, 0.05771060321596555},
    {1024, 768, 100, true, 0.01178375996713357, 0.9590759544314805, 0.18183781485143746, 0.05757958486492154},
    {512, 16, 50, false, 0.05410270187536456, 0.8926183167091115, 0.13484232178437028, 0.10720516180586748},
    {512, 16, 50, true, 0.06270165462502263, 0.9018344587947467, 0.12642112513270298, 0.09232452613164477},
    {512, 128, 256, false, 0.0246438398650634, 0.9079123686707737, 0.17488788917305664, 0.1387509727430256},
    {512, 128, 256, true, 0.024888385997115278, 0.908753666460251, 0.17382342742785795, 0.1368019514323897},
}};

/// What the reference itself reports in float32 with find_eps: in one batch, and in batches of 100.
struct GoldenReference {
  std::int64_t n, d, m;
  double entropy, a, b;
};

constexpr std::array<GoldenReference, 8> kReference = {{
    {512, 64, 100, 0.89844532194945, 0.16760241279432964, 0.10518090030581728},
    {512, 64, 100, 0.89844532194945, 0.1676024053116668, 0.10518089383432516},
    {1024, 768, 100, 0.9590177630152452, 0.18201087381948555, 0.0577106874065233},
    {1024, 768, 100, 0.9590177630152452, 0.1820108590058358, 0.05771068093503129},
    {512, 16, 50, 0.8926183698174363, 0.13484238235501167, 0.10720521001854078},
    {512, 16, 50, 0.89261830887235, 0.13484229522258362, 0.1072051471689206},
    {512, 128, 256, 0.9079123222999717, 0.17488784629467724, 0.13875091350164903},
    {512, 128, 256, 0.907912408291297, 0.17488792615576165, 0.1387510048674322},
}};

NamedLabelTensors golden_labels(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> a, b;
  for (std::int64_t i = begin; i < end; ++i) {
    a.push_back(i % 7);
    b.push_back((i * i + 3 * i) % 64);
  }
  return {{"a", to_tensor(a)}, {"b", to_tensor(b)}};
}

Estimate golden_estimate(std::int64_t n, std::int64_t d, std::int64_t m, bool exact, std::int64_t batch) {
  SoftEntropyAccumulator accumulator(d, SoftEntropyOptions().anchors(m).raw_seed(true).calibration(
                                            exact ? Calibration::exact() : Calibration::find_eps()));
  const at::Tensor z = golden_representations(n, d);
  for (std::int64_t begin = 0; begin < n; begin += batch) {
    const std::int64_t end = std::min(n, begin + batch);
    accumulator.update(z.slice(0, begin, end), golden_labels(begin, end));
  }
  return accumulator.estimate();
}

TEST_CASE("estimates: every golden float64 value, in one batch and in batches of 100", "[estimator]") {
  for (const auto& golden : kGolden) {
    CAPTURE(golden.n, golden.d, golden.m, golden.exact);
    const double unit = std::log(static_cast<double>(golden.m));
    const Estimate whole = golden_estimate(golden.n, golden.d, golden.m, golden.exact, golden.n);
    CHECK(whole.tokens == golden.n);
    CHECK(whole.anchors == golden.m);
    CHECK(set_of(whole, "a").labels == 7);
    CHECK_THAT(whole.entropy_nats / unit, WithinAbs(golden.entropy, 2e-7));
    CHECK_THAT(set_of(whole, "a").information_nats / unit, WithinAbs(golden.a, 2e-7));
    CHECK_THAT(set_of(whole, "b").information_nats / unit, WithinAbs(golden.b, 2e-7));
    const Estimate parts = golden_estimate(golden.n, golden.d, golden.m, golden.exact, 100);
    CHECK_THAT(parts.entropy_nats, WithinAbs(whole.entropy_nats, 1e-7));
    CHECK_THAT(set_of(parts, "a").information_nats, WithinAbs(set_of(whole, "a").information_nats, 1e-7));
    CHECK_THAT(set_of(parts, "b").information_nats, WithinAbs(set_of(whole, "b").information_nats, 1e-7));
    SoftEntropyAccumulator accumulator(golden.d, SoftEntropyOptions().anchors(golden.m).calibration(
                                                     golden.exact ? Calibration::exact() : Calibration::find_eps()));
    CHECK_THAT(accumulator.temperature(), WithinRel(golden.epsilon, 1e-9));
  }
}

TEST_CASE("estimates: what the reference reports in float32", "[estimator]") {
  for (const auto& golden : kReference) {
    CAPTURE(golden.n, golden.d, golden.m);
    const double unit = std::log(static_cast<double>(golden.m));
    const Estimate estimate = golden_estimate(golden.n, golden.d, golden.m, false, golden.n);
    CHECK_THAT(estimate.entropy_nats / unit, WithinAbs(golden.entropy, 3e-7));
    CHECK_THAT(set_of(estimate, "a").information_nats / unit, WithinAbs(golden.a, 3e-7));
    CHECK_THAT(set_of(estimate, "b").information_nats / unit, WithinAbs(golden.b, 3e-7));
    const auto& a = set_of(estimate, "a");
    CHECK_THAT(a.information_nats / a.entropy_nats, WithinAbs(golden.a / golden.entropy, 4e-7));
  }
}

}  // namespace
}  // namespace infoplane::estimator
