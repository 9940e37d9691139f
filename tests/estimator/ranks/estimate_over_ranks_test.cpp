#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstring>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/byte_communicator.hpp>
#include <infoplane/distributed/local.hpp>
#include <infoplane/estimator/estimate_over_ranks.hpp>
#include <limits>

#include "distributed/thread_ranks.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using infoplane::distributed::ByteCommunicator;
using infoplane::distributed::Communicator;
using infoplane::estimator::Estimate;
using infoplane::estimator::InformationEstimate;
using infoplane::estimator::LabelWeights;
using infoplane::estimator::NamedAccumulator;
using infoplane::estimator::NamedEstimate;
using infoplane::estimator::SoftEntropyAccumulator;
using infoplane::estimator::SoftEntropyOptions;
using infoplane::test::run_thread_ranks;

namespace {

constexpr std::int64_t kWidth = 16;
constexpr std::int64_t kLength = 10;  // tokens of a sequence

std::vector<NamedEstimate> estimated_over_ranks(const std::vector<NamedAccumulator>& mine, Communicator& communicator,
                                                std::int64_t sequence_group = -1) {
  ByteCommunicator ranks(communicator);
  return infoplane::estimator::estimate_over_ranks(mine, ranks, sequence_group);
}

/// Tokens with labels that say something about them: few common labels, many rare ones, and a set that half have.
struct Data {
  at::Tensor z, common, rare, some;
  std::int64_t tokens() const { return z.size(0); }

  explicit Data(std::int64_t n) {
    const at::Tensor i = at::arange(n);
    common = (i * 7).div(kLength, "floor").remainder(4);
    auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<std::uint64_t>(n));
    rare = at::randint(n / 12, {n}, generator, at::kLong);
    some = at::where(i.remainder(2) == 0, rare.remainder(11), at::full({n}, -1, at::kLong));
    const at::Tensor noise = at::randn({n, kWidth}, generator);
    const at::Tensor anchor = at::arange(kWidth, at::kFloat).unsqueeze(0);
    z = noise + 0.7 * (common.unsqueeze(1) * 1.7 + anchor).sin() + 0.4 * (rare.unsqueeze(1) * 0.9 + anchor * 3).cos();
  }

  void give(SoftEntropyAccumulator& to, std::int64_t begin, std::int64_t end, bool with_some = true) const {
    if (begin >= end) {
      return;
    }
    const auto cut = [&](const at::Tensor& t) { return t.slice(0, begin, end).unflatten(0, {-1, kLength}); };
    infoplane::estimator::NamedLabelTensors labels = {{"common", cut(common)}, {"rare", cut(rare)}};
    if (with_some) {
      labels.emplace_back("some", cut(some));
    }
    to.update(cut(z), labels);
  }
};

SoftEntropyOptions options(int rank, std::int64_t max_labels = 0) {
  return SoftEntropyOptions().anchors(20).stream(static_cast<std::uint64_t>(rank)).max_labels(max_labels);
}

/// Where the part of a rank begins: parts are uneven, and of whole sequences.
std::int64_t part(const Data& data, int rank, int ranks) {
  const std::int64_t sequences = data.tokens() / kLength;
  return kLength * (sequences * rank * (rank + 1) / (ranks * (ranks + 1)));
}

SoftEntropyAccumulator of_rank(const Data& data, int rank, int ranks, std::int64_t max_labels = 0) {
  SoftEntropyAccumulator result(kWidth, options(rank, max_labels));
  data.give(result, part(data, rank, ranks), part(data, rank + 1, ranks));
  return result;
}

std::vector<Estimate> shared(int ranks, const std::function<SoftEntropyAccumulator(int)>& accumulator) {
  std::vector<Estimate> results(static_cast<std::size_t>(ranks));
  run_thread_ranks(ranks, [&](Communicator& communicator) {
    const SoftEntropyAccumulator mine = accumulator(communicator.rank());
    const auto estimates = estimated_over_ranks({{"layer", &mine}}, communicator);
    results.at(static_cast<std::size_t>(communicator.rank())) = estimates.at(0).estimate;
  });
  return results;
}

std::vector<double> values(const InformationEstimate& set) {
  return {set.entropy_nats,
          set.conditional_entropy_nats,
          set.information_nats,
          set.corrected_entropy_nats,
          set.chance_nats,
          set.corrected_nats,
          set.standard_error_nats,
          set.share_1,
          set.share_4,
          set.share_32};
}

bool same_bits(const Estimate& a, const Estimate& b) {
  bool same = a.tokens == b.tokens && a.sets.size() == b.sets.size() &&
              std::memcmp(&a.entropy_nats, &b.entropy_nats, sizeof(double)) == 0 &&
              std::memcmp(&a.entropy_standard_error_nats, &b.entropy_standard_error_nats, sizeof(double)) == 0;
  for (std::size_t s = 0; same && s < a.sets.size(); ++s) {
    const auto one = values(a.sets[s]), other = values(b.sets[s]);
    same = std::memcmp(one.data(), other.data(), one.size() * sizeof(double)) == 0;
  }
  return same;
}

void check_counts_and_plug_in(const Estimate& got, const Estimate& expected) {
  CHECK(got.tokens == expected.tokens);
  CHECK(got.rejected == expected.rejected);
  CHECK(got.sequences == expected.sequences);
  CHECK_THAT(got.entropy_nats, WithinAbs(expected.entropy_nats, 1e-9));
  REQUIRE(got.sets.size() == expected.sets.size());
  for (std::size_t s = 0; s < got.sets.size(); ++s) {
    CAPTURE(got.sets[s].name);
    CHECK(got.sets[s].name == expected.sets[s].name);
    CHECK(got.sets[s].tokens == expected.sets[s].tokens);
    CHECK(got.sets[s].labels == expected.sets[s].labels);
    CHECK(got.sets[s].labels_kept == expected.sets[s].labels_kept);
    CHECK_THAT(got.sets[s].information_nats, WithinAbs(expected.sets[s].information_nats, 1e-6));
    CHECK_THAT(got.sets[s].entropy_nats, WithinAbs(expected.sets[s].entropy_nats, 1e-6));
  }
}

void check_all_values(const Estimate& got, const Estimate& expected, double tolerance) {
  CHECK_THAT(got.corrected_entropy_nats, WithinAbs(expected.corrected_entropy_nats, tolerance));
  CHECK_THAT(got.entropy_standard_error_nats, WithinAbs(expected.entropy_standard_error_nats, tolerance));
  for (std::size_t s = 0; s < got.sets.size(); ++s) {
    const auto mine = values(got.sets[s]), theirs = values(expected.sets[s]);
    for (std::size_t i = 0; i < mine.size(); ++i) {
      CAPTURE(got.sets[s].name, i);
      CHECK((std::isnan(mine[i]) == std::isnan(theirs[i])));
      CHECK((std::isnan(mine[i]) || std::abs(mine[i] - theirs[i]) <= tolerance));
    }
    CHECK(got.sets[s].reason == expected.sets[s].reason);
  }
}

}  // namespace

TEST_CASE("over ranks: a document that is on several ranks is one unit", "[estimator][ranks][documents]") {
  const Data data(900);
  const auto grouping_of = [](std::int64_t begin, std::int64_t end) {
    auto grouping = std::make_shared<infoplane::labels::Grouping>();
    grouping->positions = end - begin;
    grouping->row_length = kLength;
    for (std::int64_t token = begin; token < end; ++token) {
      grouping->units.push_back(infoplane::labels::unit_of_document(token / 70));  // seven sequences each
    }
    return grouping;
  };
  SoftEntropyAccumulator whole(kWidth, options(0));
  whole.update(data.z, grouping_of(0, data.tokens()));
  const Estimate expected = whole.estimate();
  CHECK(expected.sequences == 13);
  for (const int ranks : {2, 3, 4}) {
    const auto results = shared(ranks, [&](int rank) {
      SoftEntropyAccumulator mine(kWidth, options(rank));
      const auto begin = part(data, rank, ranks), end = part(data, rank + 1, ranks);
      if (begin < end) {
        mine.update(data.z.slice(0, begin, end), grouping_of(begin, end));
      }
      return mine;
    });
    for (const Estimate& result : results) {
      CHECK(result.sequences == 13);
      CHECK_THAT(result.corrected_entropy_nats, WithinAbs(expected.corrected_entropy_nats, 1e-6));
      CHECK_THAT(result.entropy_standard_error_nats / expected.entropy_standard_error_nats, WithinAbs(1, 1e-5));
      CHECK(same_bits(result, results[0]));
    }
  }
}

TEST_CASE("over ranks: the mean direction has the bits of one process, and all ranks find one centre",
          "[estimator][ranks][direction]") {
  const Data data(700);
  const auto options_of = [](int rank) { return options(rank).centre(true); };
  const auto centre = data.z.mean(0);
  for (const bool centred : {false, true}) {
    SoftEntropyAccumulator whole(kWidth, options_of(0));
    whole.set_centre(centred ? centre : at::Tensor());
    data.give(whole, 0, data.tokens());
    const Estimate expected = whole.estimate();
    for (const int ranks : {2, 3, 4}) {
      const auto results = shared(ranks, [&](int rank) {
        SoftEntropyAccumulator mine(kWidth, options_of(rank));
        mine.set_centre(centred ? centre : at::Tensor());
        data.give(mine, part(data, rank, ranks), part(data, rank + 1, ranks));
        return mine;
      });
      for (const Estimate& result : results) {
        CHECK(std::memcmp(&result.mean_direction, &expected.mean_direction, sizeof(double)) == 0);
        CHECK(result.centred == centred);
        CHECK(result.centre == results[0].centre);
        REQUIRE(result.centre.size() == static_cast<std::size_t>(kWidth));
        for (std::size_t k = 0; k < result.centre.size(); ++k) {
          CHECK_THAT(result.centre[k], WithinAbs(expected.centre[k], 1e-12));
        }
        CHECK_THAT(result.entropy_nats, WithinAbs(expected.entropy_nats, 1e-6));
      }
    }
  }
}

TEST_CASE("over ranks: other centres are refused, a rank without the layer learns its centre",
          "[estimator][ranks][centre]") {
  const Data data(300);
  const auto accumulator = [&](int rank, const at::Tensor& centre) {
    SoftEntropyAccumulator mine(kWidth, options(rank).centre(true));
    mine.set_centre(centre);
    data.give(mine, 0, data.tokens());
    return mine;
  };
  run_thread_ranks(2, [&](Communicator& communicator) {
    const auto mine = accumulator(communicator.rank(), communicator.rank() == 0 ? at::ones({kWidth}) : at::Tensor());
    CHECK_THROWS_MATCHES(estimated_over_ranks({{"layer", &mine}}, communicator), infoplane::ArgumentError,
                         Catch::Matchers::MessageMatches(ContainsSubstring("and none)")));
  });
  run_thread_ranks(2, [&](Communicator& communicator) {
    const auto mine = accumulator(communicator.rank(), at::ones({kWidth}));
    const auto estimates = estimated_over_ranks(
        communicator.rank() == 0 ? std::vector<NamedAccumulator>{{"layer", &mine}} : std::vector<NamedAccumulator>(),
        communicator);
    REQUIRE(estimates.size() == 1);
    CHECK(estimates[0].estimate.centre == mine.estimate().centre);
  });
}

TEST_CASE("ranks come to the values of one process, and all to the same bits", "[distributed][shared]") {
  for (const std::int64_t tokens : {3000, 12000}) {
    const Data data(tokens);
    SoftEntropyAccumulator whole(kWidth, options(0));
    data.give(whole, 0, data.tokens());
    const Estimate expected = whole.estimate();
    for (const int ranks : {1, 2, 3, 5}) {
      CAPTURE(tokens, ranks);
      const auto got = shared(ranks, [&](int rank) { return of_rank(data, rank, ranks); });
      check_counts_and_plug_in(got[0], expected);
      for (const Estimate& other : got) {
        CHECK(same_bits(got[0], other));
      }
      SoftEntropyAccumulator merged = of_rank(data, 0, ranks);
      for (int rank = 1; rank < ranks; ++rank) {
        merged.merge(of_rank(data, rank, ranks));
      }
      check_all_values(got[0], merged.estimate(), 1e-9);
      // The sample is another one than that of one process, or is dealt over other parts, but one of the same tokens.
      for (std::size_t s = 0; s < expected.sets.size(); ++s) {
        const InformationEstimate& one = expected.sets[s];
        CHECK(std::abs(got[0].sets[s].corrected_nats - one.corrected_nats) < 3 * one.standard_error_nats);
        CHECK(std::abs(got[0].sets[s].standard_error_nats / one.standard_error_nats - 1) < 0.25);
      }
    }
  }
}

TEST_CASE("frequent labels keep their precision over ranks", "[distributed][shared]") {
  const Data data(30000);  // 7500 tokens a common label: float64 rows on every rank
  SoftEntropyAccumulator whole(kWidth, options(0));
  data.give(whole, 0, data.tokens());
  check_counts_and_plug_in(shared(3, [&](int rank) { return of_rank(data, rank, 3); })[0], whole.estimate());
}

TEST_CASE("a world of one gives the bits of the accumulator itself", "[distributed][shared]") {
  const Data data(6000);
  SoftEntropyAccumulator mine(kWidth, options(0));
  data.give(mine, 0, data.tokens());
  infoplane::distributed::Local local;
  const auto got = estimated_over_ranks({{"a", &mine}, {"b", &mine}}, local);
  REQUIRE(got.size() == 2);
  CHECK(got[1].name == "b");
  check_counts_and_plug_in(got[0].estimate, mine.estimate());
  check_all_values(got[0].estimate, mine.estimate(), 1e-12);
  CHECK(same_bits(got[0].estimate, got[1].estimate));
}

TEST_CASE("the sample of labels is that of one process", "[distributed][shared]") {
  const Data data(9000);
  for (const auto weights : {LabelWeights::kEmpirical, LabelWeights::kUniform}) {
    SoftEntropyAccumulator whole(kWidth, options(0, 300).label_weights(weights));
    data.give(whole, 0, data.tokens());
    const Estimate expected = whole.estimate();
    CHECK(expected.sets[1].labels_kept < 300);
    CHECK(expected.sets[1].labels > 500);
    for (const int ranks : {2, 4}) {
      const auto got = shared(ranks, [&](int rank) {
        SoftEntropyAccumulator mine(kWidth, options(rank, 300).label_weights(weights));
        data.give(mine, part(data, rank, ranks), part(data, rank + 1, ranks));
        return mine;
      });
      check_counts_and_plug_in(got[0], expected);
      CHECK(same_bits(got[0], got[1]));
      CHECK(std::abs(got[0].sets[1].standard_error_nats / expected.sets[1].standard_error_nats - 1) < 0.25);
    }
  }
}

TEST_CASE("ranks may lack tokens, label sets and layers", "[distributed][shared]") {
  const Data data(3000);
  SoftEntropyAccumulator whole(kWidth, options(0));
  data.give(whole, 0, 1000, false);
  data.give(whole, 1000, 3000);
  const Estimate expected = whole.estimate();
  std::vector<std::vector<NamedEstimate>> got(3);
  run_thread_ranks(3, [&](Communicator& communicator) {
    const int rank = communicator.rank();
    SoftEntropyAccumulator mine(kWidth, options(rank)), deep(kWidth, options(rank));
    std::vector<NamedAccumulator> layers;
    if (rank == 0) {  // no set "some"
      data.give(mine, 0, 1000, false);
      layers = {{"first", &mine}};
    } else if (rank == 2) {
      data.give(mine, 1000, 3000);
      data.give(deep, 0, 3000);
      layers = {{"first", &mine}, {"second", &deep}};
    }
    got.at(static_cast<std::size_t>(rank)) = estimated_over_ranks(layers, communicator);
  });
  for (const auto& layers : got) {
    REQUIRE(layers.size() == 2);
    CHECK(layers[0].name == "first");
    CHECK(same_bits(layers[0].estimate, got[0][0].estimate));
    CHECK(same_bits(layers[1].estimate, got[0][1].estimate));
  }
  check_counts_and_plug_in(got[0][0].estimate, expected);
  SoftEntropyAccumulator deep(kWidth, options(0));
  data.give(deep, 0, 3000);
  check_counts_and_plug_in(got[0][1].estimate, deep.estimate());

  const auto none = shared(2, [](int rank) { return SoftEntropyAccumulator(kWidth, options(rank)); });
  CHECK(none[1].tokens == 0);
  CHECK(std::isnan(none[1].entropy_nats));
}

TEST_CASE("ranks of a sequence group have parts of the same sequences", "[distributed][shared]") {
  const Data data(4000);
  SoftEntropyAccumulator whole(kWidth, options(0));
  data.give(whole, 0, data.tokens());
  std::vector<Estimate> grouped(2), apart(2);
  run_thread_ranks(2, [&](Communicator& communicator) {
    const int rank = communicator.rank();
    SoftEntropyAccumulator mine(kWidth, options(rank));
    const auto half = [&](const at::Tensor& t) {
      return t.unflatten(0, {-1, kLength}).slice(1, rank * kLength / 2, (rank + 1) * kLength / 2);
    };
    mine.update(half(data.z), {{"common", half(data.common)}, {"rare", half(data.rare)}, {"some", half(data.some)}});
    const auto at = static_cast<std::size_t>(rank);
    grouped[at] = estimated_over_ranks({{"layer", &mine}}, communicator, 0).at(0).estimate;
    apart[at] = estimated_over_ranks({{"layer", &mine}}, communicator).at(0).estimate;
  });
  check_counts_and_plug_in(grouped[0], whole.estimate());
  CHECK(same_bits(grouped[0], grouped[1]));
  CHECK(apart[0].sequences == 2 * grouped[0].sequences);
  // Everything lies in the sample, so H(Z) has the error of one process if the sequences are the same.
  const double error = whole.estimate().entropy_standard_error_nats;
  CHECK_THAT(grouped[0].entropy_standard_error_nats, WithinAbs(error, 1e-9));
  CHECK(std::abs(apart[0].entropy_standard_error_nats - error) > 1e-6);
}

namespace {

/// Counts what a rank sends to others and receives in the exchange of label rows.
class Counted final : public infoplane::distributed::ByteCollectives {
 public:
  explicit Counted(Communicator& communicator) : inner_(communicator) {}
  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  void sum(std::span<double> values) override { inner_.sum(values); }
  std::string broadcast(std::string mine, int root) override { return inner_.broadcast(std::move(mine), root); }
  std::vector<std::string> all_gather(std::string mine) override { return inner_.all_gather(std::move(mine)); }
  std::vector<std::string> all_to_all(std::vector<std::string> parcels) override {
    for (std::size_t r = 0; r < parcels.size(); ++r) {
      sent += static_cast<int>(r) == rank() ? 0 : parcels[r].size();
    }
    auto all = inner_.all_to_all(std::move(parcels));
    for (const auto& parcel : all) {
      received += parcel.size();
    }
    return all;
  }
  std::size_t sent = 0, received = 0;

 private:
  ByteCommunicator inner_;
};

}  // namespace

TEST_CASE("a rank sends the size of its own rows and receives its share of the labels", "[distributed][shared]") {
  constexpr int kRanks = 4;
  const Data data(24000);
  const std::int64_t sequences = data.tokens() / kLength / kRanks;
  std::vector<std::size_t> sent(kRanks), received(kRanks), own(kRanks);
  run_thread_ranks(kRanks, [&](Communicator& communicator) {
    const auto rank = static_cast<std::size_t>(communicator.rank());
    SoftEntropyAccumulator mine(kWidth, options(communicator.rank()).anchors(100)), empty = mine;
    const std::int64_t begin = static_cast<std::int64_t>(rank) * sequences * kLength;
    data.give(mine, begin, begin + sequences * kLength);
    SoftEntropyAccumulator unlabelled(kWidth, options(communicator.rank()).anchors(100));
    unlabelled.update(data.z.slice(0, begin, begin + sequences * kLength));
    own[rank] = static_cast<std::size_t>(mine.memory_bytes() - unlabelled.memory_bytes());  // of the rows
    Counted counted(communicator);
    infoplane::estimator::estimate_over_ranks({{"layer", &mine}}, counted);
    sent[rank] = counted.sent;
    received[rank] = counted.received;
  });
  const double all = static_cast<double>(received[0] + received[1] + received[2] + received[3]);
  for (std::size_t rank = 0; rank < kRanks; ++rank) {
    CAPTURE(rank, sent[rank], received[rank], own[rank]);
    CHECK(static_cast<double>(sent[rank]) <= 1.2 * static_cast<double>(own[rank]));
    CHECK(static_cast<double>(received[rank]) < 1.1 * all / kRanks);
  }
}

TEST_CASE("what cannot be added is the same error on every rank", "[distributed][shared]") {
  const auto thrown = infoplane::test::try_thread_ranks(3, [](Communicator& communicator) {
    const SoftEntropyAccumulator mine(kWidth, options(0).anchors(communicator.rank() == 1 ? 30 : 20));
    estimated_over_ranks({{"blocks.0", &mine}}, communicator);
  });
  for (const auto& each : thrown) {
    REQUIRE_THROWS_MATCHES(
        std::rethrow_exception(each), infoplane::ArgumentError,
        Catch::Matchers::MessageMatches(ContainsSubstring(
            "\"blocks.0\" of ranks 0 and 1 cannot be added, which differ in: m (20 and 30), epsilon (")));
  }
}

TEST_CASE("what goes wrong with the layers of one rank is the same error on every rank", "[distributed][shared]") {
  const auto thrown = infoplane::test::try_thread_ranks(3, [](Communicator& communicator) {
    const SoftEntropyAccumulator mine(kWidth, options(0));
    estimated_over_ranks({{"blocks.0", communicator.rank() == 1 ? nullptr : &mine}}, communicator);
  });
  for (const auto& each : thrown) {
    REQUIRE_THROWS_MATCHES(std::rethrow_exception(each), infoplane::StateError,
                           Catch::Matchers::Message("the sums of ranks cannot be added: rank 1: the accumulator of "
                                                    "layer \"blocks.0\" is a null pointer"));
  }
}
