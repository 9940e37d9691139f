#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/process_group.hpp>
#include <string>
#include <thread>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "conformance.hpp"
#include "gloo_threads.hpp"

using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::CommunicationError;
using infoplane::distributed::ProcessGroup;
using infoplane::distributed::ProcessGroupOptions;
using infoplane::test::try_gloo_threads;
using namespace std::chrono_literals;

namespace {

// The group's own collective operations, as for NCCL, on the only device there is.
ProcessGroupOptions own_collectives() { return ProcessGroupOptions().device(at::Device(at::kCPU)); }

void rethrow_first(const std::vector<std::exception_ptr>& thrown) {
  for (const auto& one : thrown) {
    if (one) {
      std::rethrow_exception(one);
    }
  }
}

void conforms(int ranks, const ProcessGroupOptions& options) {
  const char* running = "";
  REQUIRE_NOTHROW(rethrow_first(try_gloo_threads(ranks, [&](const c10::intrusive_ptr<c10d::Backend>& group) {
    ProcessGroup communicator(group, options);
    for (const auto& conformance : infoplane::test::conformance_cases()) {
      if (communicator.rank() == 0) {
        running = conformance.name;
      }
      conformance.run(communicator);
    }
  })));
  CAPTURE(running);
}

}  // namespace

TEST_CASE("a Gloo backend conforms by messages between pairs", "[distributed]") {
  for (const int ranks : {1, 2, 3, 4}) {
    conforms(ranks, {});
  }
}

TEST_CASE("a Gloo backend conforms by its own collectives", "[distributed]") {
  for (const int ranks : {1, 2, 3, 4}) {
    conforms(ranks, own_collectives());
  }
}

TEST_CASE("a c10d::ProcessGroup conforms", "[distributed]") {
  REQUIRE_NOTHROW(rethrow_first(try_gloo_threads(2, [](const c10::intrusive_ptr<c10d::Backend>& backend) {
    const auto group = c10::make_intrusive<c10d::ProcessGroup>(c10::make_intrusive<c10d::HashStore>(),
                                                               backend->getRank(), backend->getSize());
    group->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::GLOO, backend);
    group->setDefaultBackend(c10d::ProcessGroup::GLOO);
    for (const ProcessGroupOptions& options : {ProcessGroupOptions(), own_collectives()}) {
      ProcessGroup communicator(group, options);
      for (const auto& conformance : infoplane::test::conformance_cases()) {
        conformance.run(communicator);
      }
    }
  })));
}

TEST_CASE("the trainer's group goes on after the communicator has ended", "[distributed]") {
  REQUIRE_NOTHROW(rethrow_first(try_gloo_threads(2, [](const c10::intrusive_ptr<c10d::Backend>& group) {
    { ProcessGroup(group).all_gather(at::ones({3}, at::kDouble)); }
    std::vector<at::Tensor> values{at::ones({2})};
    group->allreduce(values)->wait();
    INFOPLANE_CHECK(values[0].equal(at::full({2}, 2.0)), Error, "the trainer's own sum is wrong");
  })));
}

TEST_CASE("the trainer's own messages are not taken for ours", "[distributed]") {
  REQUIRE_NOTHROW(rethrow_first(try_gloo_threads(2, [](const c10::intrusive_ptr<c10d::Backend>& group) {
    const int peer = 1 - group->getRank();
    std::vector<at::Tensor> out{at::full({6}, group->getRank(), at::kLong)};
    std::vector<at::Tensor> in{at::zeros({6}, at::kLong)};
    const auto sent = group->send(out, peer, 0);
    ProcessGroup communicator(group);
    at::Tensor values = at::ones({6}, at::kLong);
    communicator.sum(values);
    group->recv(in, peer, 0)->wait();
    sent->wait();
    INFOPLANE_CHECK(values.eq(2).all().item<bool>() && in[0].eq(peer).all().item<bool>(), Error, "mixed up");
  })));
}

TEST_CASE("a rank that is late beyond the timeout is named", "[distributed]") {
  const auto late = [](const ProcessGroupOptions& options, bool named) {
    const auto thrown = try_gloo_threads(
        3,
        [&](const c10::intrusive_ptr<c10d::Backend>& group) {
          ProcessGroup communicator(group, options);
          at::Tensor values = at::ones({4}, at::kDouble);
          communicator.sum(values);
          if (communicator.rank() == 2) {
            std::this_thread::sleep_for(900ms);
          }
          communicator.max(values);
        },
        3s);
    for (const int rank : {0, 1}) {
      REQUIRE(thrown[rank]);
      try {
        std::rethrow_exception(thrown[rank]);
      } catch (const CommunicationError& e) {
        CAPTURE(e.what());
        CHECK(e.operation() == "max");
        CHECK(e.waited() >= 290ms);
        CHECK(e.waited() < 5s);
        if (named) {
          CHECK((e.rank() == 2 || rank == 1));  // rank 1 may first have noticed that rank 0 has gone
        }
      }
    }
  };
  late(ProcessGroupOptions().timeout(300ms), true);
  late(own_collectives().timeout(300ms), false);
}

TEST_CASE("wrong options of a process group are refused", "[distributed]") {
  REQUIRE_THROWS_MATCHES(ProcessGroup(c10::intrusive_ptr<c10d::Backend>()), ArgumentError,
                         Message("the process group is null; pass the one that the trainer made"));
  REQUIRE_THROWS_MATCHES(ProcessGroup(c10::intrusive_ptr<c10d::ProcessGroup>()), ArgumentError,
                         Message("the process group is null; pass the one that the trainer made"));
  rethrow_first(try_gloo_threads(1, [](const c10::intrusive_ptr<c10d::Backend>& group) {
    REQUIRE_THROWS_MATCHES(ProcessGroup(group, ProcessGroupOptions().timeout(0ms)), ArgumentError,
                           Message("timeout must be above 0, got 0 ms"));
    REQUIRE_THROWS_MATCHES(ProcessGroup(group, ProcessGroupOptions().tag(-1)), ArgumentError,
                           Message("tag must be at least 0, got -1"));
    REQUIRE(ProcessGroup(group).describe() == "gloo process group, rank 0 of 1");
  }));
}
