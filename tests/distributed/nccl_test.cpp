#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/nccl.hpp>
#include <string>
#include <thread>

#include "conformance.hpp"
#include "nccl_double.hpp"
#include "operations.hpp"

using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::CommunicationError;
using infoplane::StateError;
using infoplane::distributed::CudaApi;
using infoplane::distributed::Nccl;
using infoplane::distributed::NcclApi;
using infoplane::distributed::NcclOptions;
using infoplane::test::NcclWorld;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

namespace {

std::vector<std::exception_ptr> try_ranks(NcclWorld& world, int ranks, milliseconds timeout,
                                          const std::function<void(Nccl&)>& body) {
  std::vector<std::exception_ptr> thrown(ranks);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        Nccl communicator(world.communicator(rank), world.stream(rank), NcclOptions().timeout(timeout),
                          NcclWorld::nccl(), NcclWorld::cuda());
        body(communicator);
      } catch (...) {
        thrown[rank] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return thrown;
}

struct Failure {
  std::string what;
  std::string operation;
  milliseconds waited;
};

Failure failure_of(const std::exception_ptr& thrown) {
  REQUIRE(thrown);
  try {
    std::rethrow_exception(thrown);
  } catch (const CommunicationError& e) {
    return {e.what(), e.operation(), e.waited()};
  }
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void sum_once(Nccl& communicator) {
  at::Tensor values = at::ones({10}, at::kDouble);
  communicator.sum(values);
}

// Waits for the stream as the backend does, but through the table alone.
bool drains(NcclWorld& world, int rank, int looks = 100) {
  for (int i = 0; i < looks; ++i) {
    if (NcclWorld::cuda().stream_query(world.stream(rank)) == cudaSuccess) {
      return true;
    }
  }
  return false;
}

ncclResult_t error_of(NcclWorld& world, int rank) {
  ncclResult_t error = ncclSuccess;
  NcclWorld::nccl().async_error(world.communicator(rank), &error);
  return error;
}

}  // namespace

TEST_CASE("an NCCL communicator conforms", "[distributed]") {
  for (const int ranks : {1, 2, 3, 4}) {
    for (const auto& conformance : infoplane::test::conformance_cases()) {
      CAPTURE(ranks, conformance.name);
      NcclWorld world(ranks);
      for (const auto& thrown : try_ranks(world, ranks, 60s, [&](Nccl& one) { conformance.run(one); })) {
        REQUIRE_NOTHROW(thrown ? std::rethrow_exception(thrown) : void());
      }
      REQUIRE(world.violations().empty());
      for (int rank = 0; rank < ranks; ++rank) {
        REQUIRE(world.device_bytes(rank) == 0);
      }
    }
  }
}

TEST_CASE("a rank that never comes is an error in time", "[distributed]") {
  NcclWorld world(3);
  const auto thrown = try_ranks(world, 3, 200ms, [](Nccl& communicator) {
    if (communicator.rank() != 2) {
      sum_once(communicator);
    }
  });
  REQUIRE_FALSE(thrown[2]);
  for (const int rank : {0, 1}) {
    const Failure failure = failure_of(thrown[rank]);
    CAPTURE(failure.what);
    REQUIRE(failure.operation == "sum");
    REQUIRE(failure.waited >= 200ms);
    REQUIRE(failure.waited < 5200ms);
    REQUIRE(
        holds(failure.what, "the stream was not done within 200 ms: a rank is late or gone, or the stream is stuck"));
    REQUIRE(holds(failure.what, "NCCL communicator, rank " + std::to_string(rank) + " of 3"));
    REQUIRE(world.device_bytes(rank) > 0);  // what the stream may still use is not freed
  }
}

TEST_CASE("a stream that is stuck before us is an error in time, and nothing is put into it", "[distributed]") {
  NcclWorld world(2);
  world.hold(0, true);
  const auto thrown = try_ranks(world, 2, 200ms, sum_once);
  REQUIRE(holds(failure_of(thrown[0]).what, "the stream was not done within 200 ms"));
  REQUIRE(holds(failure_of(thrown[1]).what, "the stream was not done within 200 ms"));
  REQUIRE(world.device_bytes(0) == 0);
  REQUIRE(world.violations().empty());
}

TEST_CASE("an asynchronous error or an abort wakes those who wait", "[distributed]") {
  const auto woken = [](const std::function<void(NcclWorld&)>& trouble, const std::string& text) {
    NcclWorld world(2);
    std::thread other([&] {
      std::this_thread::sleep_for(100ms);
      trouble(world);
    });
    const auto thrown = try_ranks(world, 2, 60s, [](Nccl& communicator) {
      if (communicator.rank() == 0) {
        sum_once(communicator);
      }
    });
    other.join();
    const Failure failure = failure_of(thrown[0]);
    CAPTURE(failure.what);
    REQUIRE(holds(failure.what, text));
    REQUIRE(failure.waited < 5s);
  };
  woken([](NcclWorld& world) { world.inject(0, ncclRemoteError); },
        "NCCL reports: remote process exited or there was a network error");
  woken([](NcclWorld& world) { world.abort(0); }, "NCCL reports: internal error");
}

TEST_CASE("an error that is there before is reported, not a wrong number", "[distributed]") {
  NcclWorld world(2);
  world.inject(1, ncclRemoteError);
  const auto thrown = try_ranks(world, 2, 300ms, [](Nccl& communicator) {
    try {
      sum_once(communicator);
    } catch (const CommunicationError&) {
      communicator.all_gather(at::ones({2}, at::kDouble));
    }
  });
  REQUIRE(holds(failure_of(thrown[1]).what, "all_gather is not possible: the communicator is broken since sum failed"));
  REQUIRE(holds(failure_of(thrown[1]).what, "NCCL reports: remote process exited"));
  REQUIRE(failure_of(thrown[0]).operation == "all_gather");
}

TEST_CASE("ranks with other sizes are told apart by the handshake", "[distributed]") {
  NcclWorld world(2);
  const auto thrown = try_ranks(world, 2, 60s, [](Nccl& communicator) {
    at::Tensor values = at::ones({communicator.rank() == 0 ? 3 : 4}, at::kDouble);
    communicator.sum(values);
  });
  REQUIRE(holds(failure_of(thrown[0]).what, "rank 1 asked for sum number 1 of 4 values of Double"));
  REQUIRE(holds(failure_of(thrown[1]).what, "rank 0 asked for sum number 1 of 3 values of Double"));
  REQUIRE(world.violations().empty());
}

TEST_CASE("each fault in 50 rounds over the operations ends without a hang", "[distributed]") {
  struct Kind {
    const char* name;
    std::function<void(NcclWorld&, Nccl&, int)> trouble;  // of the victim, in the midst of its calls
    bool may_end_well;                                    // the victim itself
  };
  struct Left {};
  const auto sleep = [](NcclWorld&, Nccl&, int) { std::this_thread::sleep_for(150ms); };
  const std::vector<Kind> kinds = {
      {"leaves", [](NcclWorld&, Nccl&, int) { throw Left(); }, true},
      {"is late", sleep, false},
      {"has an asynchronous error", [](NcclWorld& world, Nccl&, int victim) { world.inject(victim, ncclRemoteError); },
       false},
      {"aborts", [](NcclWorld& world, Nccl&, int victim) { world.abort(victim); }, false},
      {"is stuck", [](NcclWorld& world, Nccl&, int victim) { world.hold(victim, true); }, false},
      {"has other sizes",
       [](NcclWorld&, Nccl& communicator, int) {
         at::Tensor values = at::ones({7}, at::kFloat);
         communicator.max(values);
       },
       false}};
  for (const Kind& kind : kinds) {
    for (int round = 0; round < 50; ++round) {
      NcclWorld world(3);
      const int victim = round % 3;
      const auto thrown = try_ranks(world, 3, 60ms, [&](Nccl& communicator) {
        try {
          for (int i = 0; i < 8; ++i) {
            if (communicator.rank() == victim && i == round % 4) {
              kind.trouble(world, communicator, victim);
            }
            infoplane::test::call(communicator, round % 5);
          }
        } catch (const Left&) {
        }
      });
      for (int rank = 0; rank < 3; ++rank) {
        CAPTURE(kind.name, round, rank, victim);
        // On a busy machine the one that leaves may have lost another before.
        if (thrown[rank] || rank != victim || !kind.may_end_well) {
          REQUIRE(failure_of(thrown[rank]).waited < 5060ms);
        }
      }
    }
  }
}

TEST_CASE("wrong arguments and tables of an NCCL communicator are refused", "[distributed]") {
  NcclWorld world(1);
  const auto make = [&](ncclComm_t communicator, const NcclOptions& options, const NcclApi& nccl, const CudaApi& cuda) {
    Nccl(communicator, world.stream(0), options, nccl, cuda);
  };
  REQUIRE_THROWS_MATCHES(make(nullptr, {}, NcclWorld::nccl(), NcclWorld::cuda()), ArgumentError,
                         Message("the ncclComm_t is null; pass the one that the trainer made"));
  REQUIRE_THROWS_MATCHES(make(world.communicator(0), NcclOptions().timeout(0ms), NcclWorld::nccl(), NcclWorld::cuda()),
                         ArgumentError, Message("timeout must be above 0, got 0 ms"));
  REQUIRE_THROWS_MATCHES(make(world.communicator(0), {}, NcclApi(), NcclWorld::cuda()), StateError,
                         Message("a function of NCCL or CUDA is missing in the table; fill all"));
  NcclWorld none(1);
  NcclApi unknown = NcclWorld::nccl();
  unknown.count = [](const ncclComm_t, int*) { return ncclInvalidArgument; };
  REQUIRE_THROWS_MATCHES(make(none.communicator(0), {}, unknown, NcclWorld::cuda()), ArgumentError,
                         Message("NCCL does not know this ncclComm_t: another error"));
}

TEST_CASE("without NCCL in the process its absence is an error that says so", "[distributed]") {
  REQUIRE_THROWS_MATCHES(
      NcclApi::loaded(), StateError,
      Message("NCCL is not loaded in this process (no ncclAllReduce); link it into the program whose "
              "communicator is passed, as a shared library"));
}

// The double itself: what the tests above rest on.
TEST_CASE("the double does nothing before its stream is asked, and poisons what is not there yet", "[distributed]") {
  NcclWorld world(2);
  const NcclApi nccl = NcclWorld::nccl();
  std::vector<double> values[2] = {{1, 2}, {10, 20}};
  for (int rank = 0; rank < 2; ++rank) {
    REQUIRE(nccl.all_reduce(values[rank].data(), values[rank].data(), 2, ncclFloat64, ncclSum, world.communicator(rank),
                            world.stream(rank)) == ncclSuccess);
  }
  REQUIRE(values[0] == std::vector<double>{1, 2});
  REQUIRE_FALSE(drains(world, 0));
  REQUIRE(reinterpret_cast<const unsigned char*>(values[0].data())[3] == NcclWorld::kPoison);
  REQUIRE(drains(world, 1));
  REQUIRE(drains(world, 0));
  REQUIRE(values[0] == std::vector<double>{11, 22});
  REQUIRE(values[1] == std::vector<double>{11, 22});
}

TEST_CASE("the double reports calls that differ", "[distributed]") {
  const auto differ = [](const std::function<void(const NcclApi&, NcclWorld&, double*, int)>& call) {
    NcclWorld world(2);
    double values[2][4] = {};
    for (int rank = 0; rank < 2; ++rank) {
      call(NcclWorld::nccl(), world, values[rank], rank);
    }
    drains(world, 0);
    drains(world, 1);
    REQUIRE(error_of(world, 0) == ncclInvalidUsage);
    REQUIRE(error_of(world, 1) == ncclInvalidUsage);
  };
  differ([](const NcclApi& nccl, NcclWorld& world, double* values, int rank) {  // counts
    nccl.all_reduce(values, values, 1 + rank, ncclFloat64, ncclSum, world.communicator(rank), world.stream(rank));
  });
  differ([](const NcclApi& nccl, NcclWorld& world, double* values, int rank) {  // dtypes
    nccl.all_reduce(values, values, 2, rank == 0 ? ncclFloat64 : ncclInt64, ncclSum, world.communicator(rank),
                    world.stream(rank));
  });
  differ([](const NcclApi& nccl, NcclWorld& world, double* values, int rank) {  // reductions
    nccl.all_reduce(values, values, 2, ncclFloat64, rank == 0 ? ncclSum : ncclMax, world.communicator(rank),
                    world.stream(rank));
  });
  differ([](const NcclApi& nccl, NcclWorld& world, double* values, int rank) {  // roots
    nccl.broadcast(values, values, 2, ncclFloat64, rank, world.communicator(rank), world.stream(rank));
  });
  differ([](const NcclApi& nccl, NcclWorld& world, double* values, int rank) {  // messages
    rank == 0 ? nccl.send(values, 2, ncclFloat64, 1, world.communicator(0), world.stream(0))
              : nccl.recv(values, 3, ncclFloat64, 0, world.communicator(1), world.stream(1));
  });
}
