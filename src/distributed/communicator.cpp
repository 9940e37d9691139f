#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/communicator.hpp>

#include "core/no_signals.hpp"

namespace infoplane::distributed {
namespace {

enum Operation : std::int64_t { kSum, kMax, kBroadcast, kAllGather, kAllToAll };
constexpr std::array kNames{"sum", "max", "broadcast", "all_gather", "all_to_all"};

// What a rank tells each peer first.
enum Field : std::int64_t { kMagic, kCount, kOperation, kDtype, kSize, kRoot, kFields };
constexpr std::int64_t kGreeting = 0x696e666f706c616e;  // "infoplan": the peer runs this protocol

std::string seconds(std::chrono::milliseconds time) {
  return detail::concat(time.count() / 1000, '.', time.count() % 1000 / 100, " s");
}

std::string operation_name(std::int64_t operation) {
  return operation >= 0 && operation < static_cast<std::int64_t>(kNames.size()) ? kNames[operation]
                                                                                : "unknown operation";
}

std::string say(const std::int64_t* header) {
  const std::int64_t operation = header[kOperation];
  std::string text = detail::concat(operation_name(operation), " number ", header[kCount], " of ");
  if (operation != kAllGather && operation != kAllToAll) {
    text += detail::concat(header[kSize], " values of ");
  }
  text += c10::toString(static_cast<c10::ScalarType>(header[kDtype]));
  return operation == kBroadcast ? detail::concat(text, " from rank ", header[kRoot]) : text;
}

}  // namespace

struct Communicator::Call {
  Operation operation;
  c10::ScalarType dtype = c10::ScalarType::Undefined;
  std::int64_t root = 0;

  const char* name() const { return kNames[operation]; }
  bool sizes_differ() const { return operation == kAllGather || operation == kAllToAll; }
};

void Communicator::check(const Call& call, const at::Tensor& values, bool one_dimension) const {
  INFOPLANE_CHECK(values.defined(), ShapeError, call.name(), ": the tensor is undefined");
  const c10::ScalarType dtype = values.scalar_type();
  const bool moves = call.operation != kSum && call.operation != kMax;
  INFOPLANE_CHECK(dtype == at::kDouble || dtype == at::kFloat || dtype == at::kLong || (moves && dtype == at::kByte),
                  ShapeError, call.name(), " takes float64, float32", moves ? ", int64 and uint8" : " and int64",
                  ", got ", c10::toString(dtype));
  INFOPLANE_CHECK(values.layout() == at::kStrided && values.is_contiguous(), ShapeError, call.name(),
                  ": the tensor of shape [", detail::join(values.sizes()), "] is not contiguous; pass .contiguous()");
  INFOPLANE_CHECK(!one_dimension || values.dim() == 1, ShapeError, call.name(), " takes tensors of one axis, got [",
                  detail::join(values.sizes()), "]; pass .flatten()");
}

at::Tensor Communicator::to_transport(const at::Tensor& values) const {
  return transport_ ? values.to(*transport_) : values;
}

void Communicator::back_from_transport(std::vector<at::Tensor>& tensors, at::Device device) const {
  for (at::Tensor& tensor : tensors) {
    tensor = tensor.to(device);
  }
}

void Communicator::refuse_broken(const Call& call) const {
  if (!broken_.empty()) {
    throw CommunicationError(
        detail::concat(call.name(), " is not possible: the communicator is broken since ", broken_), call.name(),
        failed_peer_, std::chrono::milliseconds(0));
  }
}

// Runs `function`; whatever it throws breaks the communicator.
template <typename Function>
void Communicator::guard(const Call& call, const Function& function) {
  const auto start = std::chrono::steady_clock::now();
  std::string reason;
  try {
    ++operations_;
    const at::NoGradGuard no_grad;
    const NoSignals no_signals;  // a backend may write to the socket of a peer that has died
    function();
    return;
  } catch (const PeerFailure& failure) {
    failed_peer_ = failure.rank;
    reason = failure.rank < 0 ? failure.what : detail::concat("rank ", failure.rank, " ", failure.what);
  } catch (const std::exception& failure) {
    reason = failure.what();
  }
  const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  broken_ = detail::concat(call.name(), " failed on rank ", rank(), " of ", size(), " after ", seconds(waited), ": ",
                           reason, " (", describe(), ")");
  throw CommunicationError(broken_, call.name(), failed_peer_, waited);
}

// Tells each peer r what this rank is about to do, with sizes[r] values, and returns how many values each of them has.
std::vector<std::int64_t> Communicator::shake_hands(const Call& call, const std::vector<std::int64_t>& sizes) {
  const std::int64_t ranks = size();
  std::vector<std::int64_t> theirs(ranks, sizes[rank()]);
  if (ranks == 1) {
    return theirs;
  }
  at::Tensor mine = at::empty({ranks, kFields}, at::kLong);
  auto* const out = mine.mutable_data_ptr<std::int64_t>();
  for (std::int64_t r = 0; r < ranks; ++r) {
    const std::array<std::int64_t, kFields> header{
        kGreeting, operations_, call.operation, static_cast<std::int64_t>(call.dtype), sizes[r], call.root};
    std::copy(header.begin(), header.end(), out + r * kFields);
  }
  const at::Tensor send = to_transport(mine);
  at::Tensor received = at::zeros_like(send);
  const std::vector<at::Tensor> pieces = send.unbind(0);
  std::vector<at::Tensor> results = received.unbind(0);
  results[rank()].copy_(pieces[rank()]);
  do_all_to_all(pieces, results);
  received = received.cpu();

  const auto* const headers = received.const_data_ptr<std::int64_t>();
  const std::int64_t* const own = out + rank() * kFields;
  for (int r = 0; r < ranks; ++r) {
    const std::int64_t* const header = headers + r * kFields;
    if (header[kMagic] != kGreeting) {
      throw PeerFailure{r, "sent something that is no handshake of this library"};
    }
    for (const std::int64_t field : {kCount, kOperation, kDtype, kRoot, kSize}) {
      if (header[field] != own[field] && !(field == kSize && call.sizes_differ())) {
        throw PeerFailure{r, detail::concat("asked for ", say(header), ", this rank for ", say(own),
                                            ": all ranks must make the same calls in the same order")};
      }
    }
    theirs[r] = header[kSize];
  }
  bytes_sent_ += (ranks - 1) * kFields * static_cast<std::int64_t>(sizeof(std::int64_t));
  return theirs;
}

void Communicator::reduce(const Call& call, at::Tensor& values) {
  guard(call, [&] {
    shake_hands(call, std::vector<std::int64_t>(size(), values.numel()));
    if (values.numel() == 0) {
      return;
    }
    at::Tensor moved = to_transport(values);
    switch (call.operation) {
      case kSum:
        do_sum(moved);
        break;
      case kMax:
        do_max(moved);
        break;
      default:
        do_broadcast(moved, static_cast<int>(call.root));
    }
    if (!moved.is_same(values)) {
      values.copy_(moved);
    }
    const std::int64_t ranks = size();
    const auto bytes = static_cast<std::int64_t>(values.nbytes());
    if (call.operation != kBroadcast) {
      bytes_sent_ += (2 * bytes * (ranks - 1) + ranks - 1) / ranks;
    } else if (call.root == rank()) {
      bytes_sent_ += bytes * (ranks - 1);
    }
  });
}

void Communicator::sum(at::Tensor& values) {
  Call call{kSum};
  refuse_broken(call);
  check(call, values, false);
  call.dtype = values.scalar_type();
  reduce(call, values);
}

void Communicator::max(at::Tensor& values) {
  Call call{kMax};
  refuse_broken(call);
  check(call, values, false);
  call.dtype = values.scalar_type();
  reduce(call, values);
}

void Communicator::broadcast(at::Tensor& values, int root) {
  Call call{kBroadcast};
  refuse_broken(call);
  check(call, values, false);
  INFOPLANE_CHECK(root >= 0 && root < size(), ArgumentError, "broadcast from rank ", root, " in a world of ", size());
  call.dtype = values.scalar_type();
  call.root = root;
  reduce(call, values);
}

std::vector<at::Tensor> Communicator::all_gather(const at::Tensor& mine) {
  Call call{kAllGather};
  refuse_broken(call);
  check(call, mine, true);
  call.dtype = mine.scalar_type();
  std::vector<at::Tensor> all;
  guard(call, [&] {
    const std::vector<std::int64_t> sizes = shake_hands(call, std::vector<std::int64_t>(size(), mine.numel()));
    const at::Tensor moved = to_transport(mine);
    for (const std::int64_t size : sizes) {
      all.push_back(at::empty({size}, moved.options()));
    }
    all[rank()].copy_(moved);
    if (std::any_of(sizes.begin(), sizes.end(), [](std::int64_t size) { return size != 0; })) {
      do_all_gather(moved, all);
    }
    back_from_transport(all, mine.device());
    bytes_sent_ += static_cast<std::int64_t>(mine.nbytes()) * (size() - 1);
  });
  return all;
}

std::vector<at::Tensor> Communicator::all_to_all(const std::vector<at::Tensor>& for_each_rank) {
  Call call{kAllToAll};
  refuse_broken(call);
  INFOPLANE_CHECK(static_cast<int>(for_each_rank.size()) == size(), ArgumentError, "all_to_all got ",
                  for_each_rank.size(), " tensors for ", size(), " ranks");
  std::vector<std::int64_t> sizes;
  for (const at::Tensor& piece : for_each_rank) {
    check(call, piece, true);
    const at::Tensor& first = for_each_rank.front();
    INFOPLANE_CHECK(piece.scalar_type() == first.scalar_type() && piece.device() == first.device(), ShapeError,
                    "all_to_all takes tensors of one dtype on one device, got ", c10::toString(first.scalar_type()),
                    " on ", first.device(), " and ", c10::toString(piece.scalar_type()), " on ", piece.device());
    sizes.push_back(piece.numel());
  }
  call.dtype = for_each_rank.front().scalar_type();
  std::vector<at::Tensor> received;
  guard(call, [&] {
    const std::vector<std::int64_t> theirs = shake_hands(call, sizes);
    std::vector<at::Tensor> send;
    std::int64_t bytes = 0;
    for (int r = 0; r < size(); ++r) {
      send.push_back(to_transport(for_each_rank[r]));
      received.push_back(at::empty({theirs[r]}, send.back().options()));
      bytes += r == rank() ? 0 : static_cast<std::int64_t>(for_each_rank[r].nbytes());
    }
    received[rank()].copy_(send[rank()]);
    do_all_to_all(send, received);
    back_from_transport(received, for_each_rank.front().device());
    bytes_sent_ += bytes;
  });
  return received;
}

}  // namespace infoplane::distributed
