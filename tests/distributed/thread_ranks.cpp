#include "thread_ranks.hpp"

#include <ATen/ATen.h>

#include <condition_variable>
#include <infoplane/core/error.hpp>
#include <map>
#include <mutex>
#include <thread>

namespace infoplane::test {
namespace {

using Pieces = std::vector<at::Tensor>;

// Where the ranks meet: one slot an exchange, which holds what each rank brought.
class MeetingPlace {
 public:
  MeetingPlace(int ranks, ThreadRanksOptions options) : ranks_(ranks), gone_(ranks), options_(std::move(options)) {}

  int ranks() const { return ranks_; }
  const ThreadRanksOptions& options() const { return options_; }

  void leave(int rank) {
    const std::lock_guard lock(mutex_);
    gone_[rank] = true;
    changed_.notify_all();
  }

  /// What all ranks brought to exchange `number`. Returns the first rank that did not come in time as second.
  std::pair<std::vector<Pieces>, std::pair<int, bool>> exchange(int rank, std::int64_t number, Pieces mine) {
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[number];
    slot.brought.resize(ranks_);
    slot.brought[rank] = std::move(mine);
    changed_.notify_all();
    int missing = -1;
    bool left = false;
    const auto settled = [&] {
      missing = -1;
      for (int r = ranks_ - 1; r >= 0; --r) {
        if (slot.brought[r].empty()) {
          missing = r;
          left = gone_[r];
          if (left) {
            return true;
          }
        }
      }
      return missing < 0;
    };
    changed_.wait_for(lock, options_.timeout, settled);
    if (missing >= 0) {
      return {{}, {missing, left}};
    }
    std::vector<Pieces> all = slot.brought;
    if (++slot.taken == ranks_) {
      slots_.erase(number);
    }
    return {all, {-1, false}};
  }

 private:
  struct Slot {
    std::vector<Pieces> brought;
    int taken = 0;
  };

  int ranks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, Slot> slots_;
  std::vector<bool> gone_;
  ThreadRanksOptions options_;
};

class ThreadRank final : public distributed::Communicator {
 public:
  ThreadRank(MeetingPlace& place, int rank) : place_(place), rank_(rank) {}

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return place_.ranks(); }
  std::string describe() const override { return "a thread as rank"; }

 private:
  // What each rank brought for this one.
  Pieces meet(Pieces for_each_rank) {
    const std::int64_t number = exchanges_++;
    const auto& fault = place_.options().fault;
    if (fault && fault->rank == rank_ && fault->at_exchange == number) {
      switch (fault->kind) {
        case Fault::kDies:
          throw RankDied{};
        case Fault::kIsLate:
          std::this_thread::sleep_for(fault->late);
          break;
        case Fault::kSendsShort:
          for (at::Tensor& piece : for_each_rank) {
            piece = piece.flatten().slice(0, 0, piece.numel() / 2);
          }
      }
    }
    for (at::Tensor& piece : for_each_rank) {
      piece = piece.clone();
    }
    auto [all, absent] = place_.exchange(rank_, number, std::move(for_each_rank));
    if (absent.first >= 0) {
      throw PeerFailure{absent.first, absent.second ? "is gone" : "did not come in time"};
    }
    Pieces here;
    for (const Pieces& brought : all) {
      here.push_back(brought[rank_]);
    }
    return here;
  }

  Pieces meet_all(const at::Tensor& values) {
    Pieces here = meet(Pieces(size(), values));
    for (int r = 0; r < size(); ++r) {
      fits(here[r], values, r);
    }
    return here;
  }

  static void fits(const at::Tensor& got, const at::Tensor& expected, int rank) {
    if (got.numel() != expected.numel()) {
      throw PeerFailure{
          rank, "sent " + std::to_string(got.numel()) + " values instead of " + std::to_string(expected.numel())};
    }
  }

  void do_sum(at::Tensor& values) override {
    const Pieces all = meet_all(values);
    values.zero_();
    for (const at::Tensor& theirs : all) {
      values.add_(theirs);
    }
  }

  void do_max(at::Tensor& values) override {
    for (const at::Tensor& theirs : meet_all(values)) {
      at::maximum_out(values, values, theirs);
    }
  }

  void do_broadcast(at::Tensor& values, int root) override { values.copy_(meet_all(values)[root]); }

  void do_all_gather(const at::Tensor& mine, Pieces& all) override { do_all_to_all(Pieces(size(), mine), all); }

  void do_all_to_all(const Pieces& send, Pieces& receive) override {
    const Pieces here = meet(send);
    for (int r = 0; r < size(); ++r) {
      fits(here[r], receive[r], r);
      receive[r].copy_(here[r]);
    }
  }

  MeetingPlace& place_;
  int rank_;
  std::int64_t exchanges_ = 0;
};

}  // namespace

std::vector<std::exception_ptr> try_thread_ranks(int ranks, const std::function<void(distributed::Communicator&)>& body,
                                                 const ThreadRanksOptions& options) {
  MeetingPlace place(ranks, options);
  std::vector<std::exception_ptr> thrown(ranks);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      ThreadRank communicator(place, rank);
      try {
        body(communicator);
      } catch (...) {
        thrown[rank] = std::current_exception();
      }
      place.leave(rank);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return thrown;
}

void run_thread_ranks(int ranks, const std::function<void(distributed::Communicator&)>& body,
                      const ThreadRanksOptions& options) {
  for (const std::exception_ptr& thrown : try_thread_ranks(ranks, body, options)) {
    if (thrown) {
      std::rethrow_exception(thrown);
    }
  }
}

}  // namespace infoplane::test
