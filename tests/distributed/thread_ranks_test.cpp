#include "thread_ranks.hpp"

#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <infoplane/core/error.hpp>
#include <string>

#include "conformance.hpp"

using infoplane::CommunicationError;
using infoplane::distributed::Communicator;
using infoplane::test::Fault;
using infoplane::test::ThreadRanksOptions;
using infoplane::test::try_thread_ranks;
using namespace std::chrono_literals;

namespace {

struct Failure {
  std::string what;
  std::string operation;
  int rank;
  std::chrono::milliseconds waited;
};

Failure failure_of(const std::exception_ptr& thrown) {
  REQUIRE(thrown);
  try {
    std::rethrow_exception(thrown);
  } catch (const CommunicationError& e) {
    return {e.what(), e.operation(), e.rank(), e.waited()};
  }
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void sum_thrice(Communicator& communicator) {
  for (int i = 0; i < 3; ++i) {
    at::Tensor values = at::ones({10}, at::kDouble);
    communicator.sum(values);
  }
}

}  // namespace

TEST_CASE("threads as ranks conform", "[distributed]") {
  for (const auto& conformance : infoplane::test::conformance_cases()) {
    for (const int ranks : {1, 2, 3, 5}) {
      CAPTURE(conformance.name, ranks);
      REQUIRE_NOTHROW(infoplane::test::run_thread_ranks(ranks, conformance.run));
    }
  }
}

TEST_CASE("a rank that dies in any exchange is named on all others", "[distributed]") {
  for (std::int64_t exchange = 0; exchange < 6; ++exchange) {
    const auto thrown =
        try_thread_ranks(3, sum_thrice, {.timeout = 20s, .fault = Fault{Fault::kDies, 1, exchange, 0ms}});
    REQUIRE_THROWS_AS(std::rethrow_exception(thrown[1]), infoplane::test::RankDied);
    for (const int survivor : {0, 2}) {
      const Failure failure = failure_of(thrown[survivor]);
      CAPTURE(failure.what, exchange);
      REQUIRE(failure.operation == "sum");
      REQUIRE(failure.waited < 10s);
      REQUIRE(holds(failure.what, "sum failed on rank " + std::to_string(survivor) + " of 3 after "));
      REQUIRE(holds(failure.what, "a thread as rank"));
    }
    REQUIRE((failure_of(thrown[0]).rank == 1 || failure_of(thrown[2]).rank == 1));
  }
}

TEST_CASE("a rank that is late beyond the timeout is named with the time waited", "[distributed]") {
  const auto thrown = try_thread_ranks(2, sum_thrice, {.timeout = 200ms, .fault = Fault{Fault::kIsLate, 0, 2, 600ms}});
  const Failure failure = failure_of(thrown[1]);
  REQUIRE(failure.rank == 0);
  REQUIRE(failure.waited >= 200ms);
  REQUIRE(failure.waited < 5s);
  REQUIRE(holds(failure.what, "after 0.2 s: rank 0 did not come in time"));
  REQUIRE(failure_of(thrown[0]).operation == "sum");
}

TEST_CASE("a rank within the timeout may be late", "[distributed]") {
  REQUIRE_NOTHROW(
      infoplane::test::run_thread_ranks(3, sum_thrice, {.timeout = 20s, .fault = Fault{Fault::kIsLate, 2, 3, 300ms}}));
}

TEST_CASE("fewer values than announced are an error", "[distributed]") {
  const auto thrown = try_thread_ranks(2, sum_thrice, {.timeout = 20s, .fault = Fault{Fault::kSendsShort, 1, 1, 0ms}});
  REQUIRE(holds(failure_of(thrown[0]).what, "rank 1 sent 5 values instead of 10"));
}

TEST_CASE("ranks that ask for different things all get an error that says so", "[distributed]") {
  const auto differ = [](auto on_last, auto on_others, const std::string& text) {
    CAPTURE(text);
    const auto thrown = try_thread_ranks(3, [&](Communicator& communicator) {
      at::Tensor values = at::ones({4}, at::kDouble);
      communicator.rank() == 2 ? on_last(communicator, values) : on_others(communicator, values);
    });
    const Failure first = failure_of(thrown[0]);
    CAPTURE(first.what);
    REQUIRE(first.rank == 2);
    REQUIRE(holds(first.what, "rank 2 asked for " + text + ": all ranks must make the same calls in the same order"));
    REQUIRE(failure_of(thrown[1]).rank == 2);
    REQUIRE(failure_of(thrown[2]).rank == 0);
  };
  const auto sum = [](Communicator& c, at::Tensor& t) { c.sum(t); };
  differ([](Communicator& c, at::Tensor& t) { c.max(t); }, sum,
         "max number 1 of 4 values of Double, this rank for sum number 1 of 4 values of Double");
  differ([](Communicator& c, at::Tensor& t) { t = t.slice(0, 0, 3), c.sum(t); }, sum,
         "sum number 1 of 3 values of Double, this rank for sum number 1 of 4 values of Double");
  differ([](Communicator& c, at::Tensor& t) { t = t.to(at::kFloat), c.sum(t); }, sum,
         "sum number 1 of 4 values of Float, this rank for sum number 1 of 4 values of Double");
  differ([](Communicator& c, at::Tensor& t) { c.broadcast(t, 1); },
         [](Communicator& c, at::Tensor& t) { c.broadcast(t, 0); },
         "broadcast number 1 of 4 values of Double from rank 1, this rank for broadcast number 1 of 4 values of Double "
         "from rank 0");
  differ([](Communicator& c, at::Tensor& t) { c.all_gather(t); }, sum,
         "all_gather number 1 of Double, this rank for sum number 1 of 4 values of Double");
}

TEST_CASE("a broken communicator says so at once", "[distributed]") {
  const auto thrown = try_thread_ranks(2,
                                       [](Communicator& communicator) {
                                         try {
                                           sum_thrice(communicator);
                                         } catch (const CommunicationError&) {
                                         }
                                         if (communicator.rank() == 1) {
                                           return;
                                         }
                                         INFOPLANE_CHECK(holds(communicator.broken(), "rank 1 did not come in time"),
                                                         Error, communicator.broken());
                                         communicator.all_gather(at::ones({2}, at::kDouble));
                                       },
                                       {.timeout = 300ms, .fault = Fault{Fault::kIsLate, 1, 0, 1000ms}});
  const Failure failure = failure_of(thrown[0]);
  REQUIRE(
      holds(failure.what, "all_gather is not possible: the communicator is broken since sum failed on rank 0 of 2"));
  REQUIRE(failure.operation == "all_gather");
  REQUIRE(failure.rank == 1);
  REQUIRE(failure.waited == 0ms);
}
