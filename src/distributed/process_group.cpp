#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/process_group.hpp>
#include <numeric>
#include <thread>

#include "by_messages.hpp"

namespace infoplane::distributed {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// What Gloo and the others say has stack traces and places in their sources behind the first line.
std::string first_line(const char* text) {
  const std::string all = text;
  return all.substr(0, all.find('\n'));
}

}  // namespace

ProcessGroup::ProcessGroup(c10::intrusive_ptr<c10d::Backend> group, const ProcessGroupOptions& options)
    : ProcessGroup(Group(std::move(group)), options) {}

ProcessGroup::ProcessGroup(c10::intrusive_ptr<c10d::ProcessGroup> group, const ProcessGroupOptions& options)
    : ProcessGroup(Group(std::move(group)), options) {}

ProcessGroup::ProcessGroup(Group group, const ProcessGroupOptions& options)
    : Communicator(options.device() ? *options.device() : at::Device(at::kCPU)),
      group_(std::move(group)),
      options_(options) {
  INFOPLANE_CHECK(std::visit([](const auto& g) { return g.defined(); }, group_), ArgumentError,
                  "the process group is null; pass the one that the trainer made");
  INFOPLANE_CHECK(options_.timeout().count() > 0, ArgumentError, "timeout must be above 0, got ",
                  options_.timeout().count(), " ms");
  INFOPLANE_CHECK(options_.tag() >= 0, ArgumentError, "tag must be at least 0, got ", options_.tag());
}

int ProcessGroup::rank() const noexcept {
  return std::visit([](const auto& group) { return group->getRank(); }, group_);
}

int ProcessGroup::size() const noexcept {
  return std::visit([](const auto& group) { return group->getSize(); }, group_);
}

std::string ProcessGroup::describe() const {
  return infoplane::detail::concat(std::visit([](const auto& group) { return group->getBackendName(); }, group_),
                                   " process group, rank ", rank(), " of ", size());
}

// Asks instead of waiting, because a wait for work of a GPU returns at once or never, whatever its timeout says.
void ProcessGroup::wait(const c10::intrusive_ptr<c10d::Work>& work) {
  const auto deadline = Clock::now() + options_.timeout();
  auto pause = std::chrono::microseconds(20);
  while (!work->isCompleted()) {
    if (Clock::now() > deadline) {
      abandoned_.push_back(work);
      throw PeerFailure{-1, infoplane::detail::concat("not all ranks came within ", options_.timeout().count(), " ms")};
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(1000));
  }
  if (work->exception()) {
    std::rethrow_exception(work->exception());
  }
  work->wait();  // makes the current stream wait for the result
}

void ProcessGroup::send_receive(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive) {
  struct Message {
    int peer;
    bool incoming;
    c10::intrusive_ptr<c10d::Work> work;
  };
  const auto deadline = Clock::now() + options_.timeout();
  std::vector<Message> messages;
  const auto start = [&](int peer, bool incoming, const at::Tensor& tensor) {
    if (tensor.numel() != 0) {
      std::vector<at::Tensor> one{tensor};
      messages.push_back({peer, incoming,
                          std::visit(
                              [&](const auto& group) {
                                return incoming ? group->recv(one, peer, options_.tag())
                                                : group->send(one, peer, options_.tag());
                              },
                              group_)});
    }
  };
  int peer = -1;
  bool incoming = true;
  try {
    for (int shift = 1; shift < size(); ++shift) {  // not all from and to rank 0 first
      peer = (rank() + size() - shift) % size();
      start(peer, true, receive[peer]);
      peer = (rank() + shift) % size();
      start(peer, false, send[peer]);
    }
    std::stable_partition(messages.begin(), messages.end(), [](const Message& message) { return message.incoming; });
    for (const Message& message : messages) {
      peer = message.peer;
      incoming = message.incoming;
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
      message.work->wait(std::max(left, milliseconds(1)));
    }
  } catch (const std::exception& e) {
    for (const Message& message : messages) {
      abandoned_.push_back(message.work);  // the group may still write into its tensors
    }
    const char* const late = incoming ? "did not come in time: " : "took nothing in time: ";
    throw PeerFailure{peer, (Clock::now() >= deadline ? late : "failed: ") + first_line(e.what())};
  }
}

void ProcessGroup::reduce(at::Tensor& values, bool maximum) {
  if (!options_.device()) {
    reduce_by_messages(values, rank(), size(), maximum,
                       [&](const auto& send, auto& receive) { send_receive(send, receive); });
    return;
  }
  std::vector<at::Tensor> tensors{values};
  c10d::AllreduceOptions how;
  how.reduceOp = maximum ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM;
  wait(std::visit([&](const auto& group) { return group->allreduce(tensors, how); }, group_));
}

void ProcessGroup::do_sum(at::Tensor& values) { reduce(values, false); }

void ProcessGroup::do_max(at::Tensor& values) { reduce(values, true); }

void ProcessGroup::do_broadcast(at::Tensor& values, int root) {
  if (!options_.device()) {
    broadcast_by_messages(values, root, rank(), size(),
                          [&](const auto& send, auto& receive) { send_receive(send, receive); });
    return;
  }
  std::vector<at::Tensor> tensors{values};
  c10d::BroadcastOptions how;
  how.rootRank = root;
  wait(std::visit([&](const auto& group) { return group->broadcast(tensors, how); }, group_));
}

void ProcessGroup::do_all_gather(const at::Tensor& mine, std::vector<at::Tensor>& all) {
  if (!options_.device()) {
    all_gather_by_messages(mine, all, [&](const auto& send, auto& receive) { send_receive(send, receive); });
    return;
  }
  // Backends gather equal sizes only.
  std::int64_t longest = 0;
  for (const at::Tensor& theirs : all) {
    longest = std::max(longest, theirs.numel());
  }
  at::Tensor input = at::zeros({longest}, mine.options());
  input.slice(0, 0, mine.numel()).copy_(mine);
  at::Tensor output = at::empty({longest * size()}, mine.options());
  wait(std::visit([&](const auto& group) { return group->_allgather_base(output, input); }, group_));
  for (int r = 0; r < size(); ++r) {
    all[r].copy_(output.slice(0, longest * r, longest * r + all[r].numel()));
  }
}

void ProcessGroup::do_all_to_all(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive) {
  if (!options_.device()) {
    send_receive(send, receive);
    return;
  }
  const auto sizes_of = [](const std::vector<at::Tensor>& tensors) {
    std::vector<std::int64_t> sizes;
    for (const at::Tensor& tensor : tensors) {
      sizes.push_back(tensor.numel());
    }
    return sizes;
  };
  std::vector<std::int64_t> sent = sizes_of(send);
  std::vector<std::int64_t> received = sizes_of(receive);
  at::Tensor input = at::cat(send);
  at::Tensor output = at::empty({std::accumulate(received.begin(), received.end(), std::int64_t{0})}, input.options());
  wait(std::visit([&](const auto& group) { return group->alltoall_base(output, input, received, sent); }, group_));
  std::int64_t begin = 0;
  for (at::Tensor& theirs : receive) {
    theirs.copy_(output.slice(0, begin, begin + theirs.numel()));
    begin += theirs.numel();
  }
}

}  // namespace infoplane::distributed
