#include <array>
#include <catch2/catch_test_macros.hpp>
#include <infoplane/distributed/byte_communicator.hpp>
#include <infoplane/distributed/local.hpp>
#include <stdexcept>

#include "thread_ranks.hpp"

using infoplane::distributed::ByteCommunicator;
using infoplane::distributed::Communicator;

namespace {

/// With every byte, and of a length of its own on each rank; nothing on rank 0.
std::string text_of(int rank) {
  std::string text;
  for (int i = 0; i < 300 * rank; ++i) {
    text += static_cast<char>(i);
  }
  return text;
}

void require(bool good, const char* what) {
  if (!good) {
    throw std::runtime_error(what);
  }
}

void use_all(Communicator& communicator) {
  ByteCommunicator ranks(communicator);
  const int rank = ranks.rank();
  const int size = ranks.size();
  require(rank == communicator.rank() && size == communicator.size(), "not the communicator's place");

  std::array<double, 2> values = {1.5, static_cast<double>(rank)};
  ranks.sum(values);
  require(values[0] == 1.5 * size && values[1] == size * (size - 1) / 2.0, "sum");
  ranks.sum({});

  for (int root = 0; root < size; ++root) {
    require(ranks.broadcast(text_of(rank), root) == text_of(root), "broadcast");
  }
  const auto all = ranks.all_gather(text_of(rank));
  std::vector<std::string> parcels;
  for (int other = 0; other < size; ++other) {
    require(all.at(static_cast<std::size_t>(other)) == text_of(other), "all_gather");
    parcels.push_back(std::to_string(rank) + " to " + std::to_string(other) + text_of(other));
  }
  const auto received = ranks.all_to_all(parcels);
  for (int other = 0; other < size; ++other) {
    const auto expected = std::to_string(other) + " to " + std::to_string(rank) + text_of(rank);
    require(received.at(static_cast<std::size_t>(other)) == expected, "all_to_all");
  }
}

}  // namespace

TEST_CASE("bytes go over a communicator whole", "[distributed]") {
  for (const int ranks : {1, 2, 3, 5}) {
    CAPTURE(ranks);
    REQUIRE_NOTHROW(infoplane::test::run_thread_ranks(ranks, use_all));
  }
  infoplane::distributed::Local local;
  REQUIRE_NOTHROW(use_all(local));
  REQUIRE(local.bytes_sent() == 0);
}
