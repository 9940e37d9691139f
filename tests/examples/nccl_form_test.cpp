#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <exception>
#include <infoplane/runs/run_file.hpp>
#include <string>
#include <thread>

#include "distributed/nccl_double.hpp"
#include "nccl_training.hpp"
#include "small_run.hpp"
#include "temporary_folder.hpp"

TEST_CASE("the raw NCCL form of the loop trains two ranks alike and writes their run", "[examples][distributed]") {
  const examples_test::TemporaryFolder folder;
  const auto text = train_text::load_bytes(folder.write("a.txt", examples_test::sentences()));
  const auto run_file = (folder.path() / "run.jsonl").string();
  infoplane::test::NcclWorld world(2);
  std::array<at::Tensor, 2> weights;
  std::array<std::exception_ptr, 2> thrown;
  std::array<std::thread, 2> threads;
  for (int rank = 0; rank < 2; ++rank) {
    threads[rank] = std::thread([&, rank] {
      at::set_num_threads(1);
      try {
        weights[rank] =
            ranks_nccl::train(world.communicator(rank), world.stream(rank), at::Device(at::kCPU), text, run_file);
      } catch (...) {
        thrown[rank] = std::current_exception();
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  for (const auto& each : thrown) {
    REQUIRE_NOTHROW(each ? std::rethrow_exception(each) : static_cast<void>(0));
  }
  CHECK(at::equal(weights[0], weights[1]));
  CHECK(world.violations().empty());
  const auto run = infoplane::read_run_file(run_file);
  CHECK(run.header.world_size == 2);
  REQUIRE(run.points.size() == 3);
  CHECK(run.points[0].tokens == std::int64_t{2} * 8 * 32);
  CHECK(run.points[2].tokens == std::int64_t{2} * 4 * 8 * 32);
  CHECK(run.points[2].loss < run.points[0].loss - 1);  // it learns
}
