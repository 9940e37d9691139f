#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <infoplane/distributed/byte_communicator.hpp>
#include <infoplane/estimator/estimate_over_ranks.hpp>

#include "distributed/thread_ranks.hpp"
#include "estimator/bounds/samples.hpp"
#include "estimator/bounds/sources.hpp"
#include "estimator/same_bits.hpp"

// The bounds over ranks: those of one process that has seen all tokens.
namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

struct Given {
  Source::Text text;
  std::int64_t begin, end;  // sequences
};

void give(SoftEntropyAccumulator& to, labels::LabelIndex& index, const Given& given) {
  if (given.begin < given.end) {
    const auto first = given.text.tokens.begin() + given.begin * given.text.length;
    const auto last = given.text.tokens.begin() + given.end * given.text.length;
    to.update(given.text.z.narrow(0, given.begin, given.end - given.begin),
              grouped(index, {first, last}, given.end - given.begin));
  }
}

}  // namespace

TEST_CASE("bounds over ranks: are those of one process", "[estimator][through][context][distributed]") {
  const int ranks = GENERATE(1, 2, 3);
  const bool one_has_nothing = GENERATE(false, true);
  const Source source(Source::Kind::kMemory);
  const auto text = source.draw(24, 60, 9);
  const auto options = SoftEntropyOptions().anchors(40);
  SoftEntropyAccumulator whole(Source::kDimension, options);
  labels::LabelIndex of_whole;
  give(whole, of_whole, {text, 0, 24});
  const Estimate expected = whole.estimate();
  REQUIRE(expected.through.size() == 2);
  std::vector<Estimate> all(static_cast<std::size_t>(ranks));
  test::run_thread_ranks(ranks, [&](distributed::Communicator& communicator) {
    const int rank = communicator.rank(), givers = one_has_nothing && ranks > 1 ? ranks - 1 : ranks;
    SoftEntropyAccumulator mine(Source::kDimension,
                                SoftEntropyOptions(options).stream(static_cast<std::uint64_t>(rank)));
    labels::LabelIndex index;
    const std::int64_t begin = rank < givers ? 24 * rank / givers : 0,
                       end = rank < givers ? 24 * (rank + 1) / givers : 0;
    give(mine, index, {text, begin, end});
    distributed::ByteCommunicator bytes(communicator);
    const auto estimates = estimate_over_ranks({{"layer", &mine}}, bytes);
    all[static_cast<std::size_t>(rank)] = estimates.at(0).estimate;
  });
  for (const Estimate& estimate : all) {
    CAPTURE(ranks, one_has_nothing);
    CHECK(same_bits(estimate, all[0]));
    check_bounded_by_context(estimate);
    CHECK_THAT(estimate.context_nats, WithinAbs(expected.context_nats, 1e-6));
    CHECK_THAT(estimate.corrected_context_nats, WithinAbs(expected.corrected_context_nats, 2e-3));
    CHECK_THAT(estimate.context_standard_error_nats, WithinRel(expected.context_standard_error_nats, 0.2));
    REQUIRE(estimate.through.size() == 2);
    for (std::size_t s = 0; s < expected.sets.size(); ++s) {
      CHECK_THAT(estimate.sets[s].context_nats, WithinAbs(expected.sets[s].context_nats, 1e-6));
    }
    for (std::size_t pair = 0; pair < 2; ++pair) {
      const ThroughEstimate& a = expected.through[pair];
      const ThroughEstimate& b = estimate.through[pair];
      CAPTURE(a.output, a.corrected_nats, b.corrected_nats, a.standard_error_nats, b.standard_error_nats);
      CHECK(b.input == a.input);
      CHECK(b.output == a.output);
      CHECK(b.positions == a.positions);
      CHECK_THAT(b.information_nats, WithinAbs(a.information_nats, 1e-6));
      CHECK_THAT(b.complexity_nats, WithinAbs(a.complexity_nats, 1e-6));
      CHECK(b.reason == a.reason);
      if (ranks == 1) {
        CHECK_THAT(b.corrected_nats, WithinAbs(a.corrected_nats, 1e-6));
        CHECK_THAT(b.standard_error_nats, WithinRel(a.standard_error_nats, 1e-3));
      } else if (a.reason.empty()) {  // replicates are dealt apart from one another
        CHECK_THAT(b.corrected_nats, WithinAbs(a.corrected_nats, 2 * a.standard_error_nats));
        CHECK_THAT(b.standard_error_nats, WithinRel(a.standard_error_nats, 0.35));
      }
    }
  }
}

TEST_CASE("bounds over ranks: dropped labels of one rank are a reason on all", "[estimator][through][distributed]") {
  const Source source(Source::Kind::kMarkov);
  const auto text = source.draw(8, 40, 9);
  std::vector<Estimate> all(2);
  test::run_thread_ranks(2, [&](distributed::Communicator& communicator) {
    const int rank = communicator.rank();
    SoftEntropyAccumulator mine(
        Source::kDimension, SoftEntropyOptions().anchors(10).max_labels(7).stream(static_cast<std::uint64_t>(rank)));
    labels::LabelIndex index(labels::LabelOptions().input_orders({1}).output_orders({1}));
    if (rank == 0) {
      give(mine, index, {text, 0, 8});
    } else {  // few labels: nothing is dropped here
      const std::vector<std::int64_t> tokens = some_labels(40, 3);
      mine.update(text.z.narrow(0, 0, 1), grouped(index, tokens, 1));
    }
    distributed::ByteCommunicator bytes(communicator);
    all[static_cast<std::size_t>(rank)] = estimate_over_ranks({{"layer", &mine}}, bytes).at(0).estimate;
  });
  for (const Estimate& estimate : all) {
    CHECK(std::isnan(estimate.through.at(0).information_nats));
    CHECK(estimate.through.at(0).reason == all[0].through.at(0).reason);
    CHECK(estimate.through.at(0).reason.find("max_labels") != std::string::npos);
    check_bounded_by_context(estimate);
  }
}

}  // namespace infoplane::estimator
