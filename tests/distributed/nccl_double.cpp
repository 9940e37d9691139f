#include "nccl_double.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>

namespace infoplane::test {
namespace {

struct Call {
  enum Kind { kAllReduce, kBroadcast, kSend, kRecv } kind;
  const void* input;
  void* output;
  std::size_t count;
  ncclDataType_t dtype;
  int detail;  // the reduction, root or peer
  ncclComm_t communicator;
  cudaStream_t stream;

  std::size_t bytes() const {
    const std::size_t width = dtype == ncclUint8 ? 1 : dtype == ncclFloat32 ? 4 : 8;
    return count * width;
  }
  bool same(const Call& other) const {
    return kind == other.kind && count == other.count && dtype == other.dtype && detail == other.detail;
  }
};

struct Parcel {
  std::vector<unsigned char> values;
  std::size_t count;
  ncclDataType_t dtype;
};

// A collective that some ranks have come to.
struct Meeting {
  std::vector<std::unique_ptr<Call>> calls;
  std::vector<std::vector<unsigned char>> values;
  std::size_t arrived = 0;
  std::size_t taken = 0;
};

template <typename T>
void accumulate(std::vector<unsigned char>& total, const std::vector<unsigned char>& more, bool maximum) {
  for (std::size_t begin = 0; begin < total.size(); begin += sizeof(T)) {
    T a;
    T b;
    std::memcpy(&a, total.data() + begin, sizeof(T));
    std::memcpy(&b, more.data() + begin, sizeof(T));
    a = maximum ? std::max(a, b) : static_cast<T>(a + b);
    std::memcpy(total.data() + begin, &a, sizeof(T));
  }
}

thread_local int group_depth = 0;
thread_local std::vector<Call> group_calls;

}  // namespace
}  // namespace infoplane::test

// One command of a stream: does what it can now, and says whether it is done.
using Command = std::function<bool()>;

struct CUstream_st {
  infoplane::test::NcclWorld* world;
  int rank;
  std::mutex mutex;
  std::deque<Command> commands;
  std::map<void*, std::size_t> blocks;
  std::int64_t bytes = 0;
  bool held = false;
  std::vector<std::string> violations;
};

struct ncclComm {
  int rank;
  int size;
  void* state;
  ncclResult_t error = ncclSuccess;
  std::int64_t collectives = 0;
};

namespace infoplane::test {

struct NcclWorld::State {
  std::mutex mutex;
  std::map<std::int64_t, Meeting> meetings;
  std::map<std::pair<int, int>, std::deque<Parcel>> parcels;
  std::vector<ncclComm_t> all;

  void fail_all(ncclResult_t error) {
    for (ncclComm_t one : all) {
      if (one->error == ncclSuccess) {
        one->error = error;
      }
    }
  }

  // Returns true when the collective `number` has its result in `call`.
  bool collective(const Call& call, std::int64_t number, bool& joined) {
    const std::lock_guard lock(mutex);
    ncclComm& mine = *call.communicator;
    if (mine.error != ncclSuccess) {
      return true;  // ended by the error, without a result
    }
    Meeting& meeting = meetings[number];
    meeting.calls.resize(mine.size);
    meeting.values.resize(mine.size);
    if (!joined) {
      joined = true;
      const auto* const data = static_cast<const unsigned char*>(call.input);
      meeting.values[mine.rank].assign(data, data + call.bytes());
      meeting.calls[mine.rank] = std::make_unique<Call>(call);
      ++meeting.arrived;
      std::memset(call.output, kPoison, call.bytes());
    }
    for (const auto& other : meeting.calls) {
      if (other && !other->same(call)) {
        fail_all(ncclInvalidUsage);
        return true;
      }
    }
    if (meeting.arrived < static_cast<std::size_t>(mine.size)) {
      return false;
    }
    std::vector<unsigned char> result = meeting.values[call.kind == Call::kBroadcast ? call.detail : 0];
    if (call.kind == Call::kAllReduce) {
      for (int r = 1; r < mine.size; ++r) {
        const bool maximum = call.detail == ncclMax;
        if (call.dtype == ncclFloat64) {
          accumulate<double>(result, meeting.values[r], maximum);
        } else if (call.dtype == ncclFloat32) {
          accumulate<float>(result, meeting.values[r], maximum);
        } else {
          accumulate<std::int64_t>(result, meeting.values[r], maximum);
        }
      }
    }
    std::memcpy(call.output, result.data(), result.size());
    if (++meeting.taken == static_cast<std::size_t>(mine.size)) {
      meetings.erase(number);
    }
    return true;
  }

  bool send(const Call& call) {
    const std::lock_guard lock(mutex);
    const auto* const data = static_cast<const unsigned char*>(call.input);
    parcels[{call.communicator->rank, call.detail}].push_back({{data, data + call.bytes()}, call.count, call.dtype});
    return true;
  }

  bool recv(const Call& call) {
    const std::lock_guard lock(mutex);
    if (call.communicator->error != ncclSuccess) {
      return true;
    }
    auto& waiting = parcels[{call.detail, call.communicator->rank}];
    if (waiting.empty()) {
      return false;
    }
    const Parcel parcel = std::move(waiting.front());
    waiting.pop_front();
    if (parcel.count != call.count || parcel.dtype != call.dtype) {
      fail_all(ncclInvalidUsage);
      return true;
    }
    std::memcpy(call.output, parcel.values.data(), parcel.values.size());
    return true;
  }

  static State& of(const Call& call) { return *static_cast<State*>(call.communicator->state); }

  // All calls of a group are one command: each makes progress while others wait.
  static void queue(std::vector<Call> calls) {
    struct Part {
      Call call;
      std::int64_t number;
      bool joined = false;
      bool done = false;
    };
    const auto parts = std::make_shared<std::vector<Part>>();
    for (const Call& call : calls) {
      const bool collective = call.kind == Call::kAllReduce || call.kind == Call::kBroadcast;
      parts->push_back({call, collective ? call.communicator->collectives++ : 0});
    }
    if (parts->empty()) {
      return;
    }
    const cudaStream_t stream = calls.front().stream;
    const std::lock_guard lock(stream->mutex);
    stream->commands.push_back([parts, started = false]() mutable {
      if (!started) {
        started = true;
        for (const Part& part : *parts) {
          if (part.call.kind == Call::kRecv) {
            std::memset(part.call.output, kPoison, part.call.bytes());
          }
        }
        return false;  // nothing is done at the first look
      }
      bool all = true;
      for (Part& part : *parts) {
        if (!part.done) {
          State& state = of(part.call);
          part.done = part.call.kind == Call::kSend   ? state.send(part.call)
                      : part.call.kind == Call::kRecv ? state.recv(part.call)
                                                      : state.collective(part.call, part.number, part.joined);
        }
        all = all && part.done;
      }
      return all;
    });
  }

  static ncclResult_t call(const Call& one) {
    {
      const std::lock_guard lock(State::of(one).mutex);
      if (one.communicator->error != ncclSuccess) {
        return one.communicator->error;
      }
    }
    const bool reads = one.detail >= 0 && (one.kind == Call::kAllReduce || one.detail < one.communicator->size);
    if (!reads || (one.count > 0 && !one.input && !one.output)) {
      return ncclInvalidArgument;
    }
    if (group_depth > 0) {
      group_calls.push_back(one);
    } else {
      queue({one});
    }
    return ncclSuccess;
  }
};

NcclWorld::NcclWorld(int ranks) : state_(std::make_shared<State>()) {
  for (int rank = 0; rank < ranks; ++rank) {
    communicators_.push_back(std::make_unique<ncclComm>(ncclComm{rank, ranks, state_.get()}));
    state_->all.push_back(communicators_.back().get());
    streams_.push_back(std::make_unique<CUstream_st>());
    streams_.back()->world = this;
    streams_.back()->rank = rank;
  }
}

NcclWorld::~NcclWorld() {
  for (const auto& stream : streams_) {
    for (const auto& block : stream->blocks) {
      std::free(block.first);
    }
  }
}

ncclComm_t NcclWorld::communicator(int rank) const { return communicators_[rank].get(); }
cudaStream_t NcclWorld::stream(int rank) const { return streams_[rank].get(); }

void NcclWorld::inject(int rank, ncclResult_t error) {
  const std::lock_guard lock(state_->mutex);
  communicators_[rank]->error = error;
}

void NcclWorld::abort(int rank) { inject(rank, ncclInternalError); }

void NcclWorld::hold(int rank, bool held) {
  const std::lock_guard lock(streams_[rank]->mutex);
  streams_[rank]->held = held;
}

std::int64_t NcclWorld::device_bytes(int rank) const {
  const std::lock_guard lock(streams_[rank]->mutex);
  return streams_[rank]->bytes;
}

std::string NcclWorld::violations() const {
  std::string all;
  for (const auto& stream : streams_) {
    const std::lock_guard lock(stream->mutex);
    for (const std::string& one : stream->violations) {
      all += "rank " + std::to_string(stream->rank) + ": " + one + "\n";
    }
  }
  return all;
}

distributed::NcclApi NcclWorld::nccl() {
  distributed::NcclApi api;
  api.all_reduce = [](const void* in, void* out, std::size_t count, ncclDataType_t dtype, ncclRedOp_t op,
                      ncclComm_t comm, cudaStream_t stream) {
    return State::call({Call::kAllReduce, in, out, count, dtype, op, comm, stream});
  };
  api.broadcast = [](const void* in, void* out, std::size_t count, ncclDataType_t dtype, int root, ncclComm_t comm,
                     cudaStream_t stream) {
    return State::call({Call::kBroadcast, in, out, count, dtype, root, comm, stream});
  };
  api.send = [](const void* in, std::size_t count, ncclDataType_t dtype, int peer, ncclComm_t comm,
                cudaStream_t stream) {
    return State::call({Call::kSend, in, nullptr, count, dtype, peer, comm, stream});
  };
  api.recv = [](void* out, std::size_t count, ncclDataType_t dtype, int peer, ncclComm_t comm, cudaStream_t stream) {
    return State::call({Call::kRecv, nullptr, out, count, dtype, peer, comm, stream});
  };
  api.group_start = [] {
    ++group_depth;
    return ncclSuccess;
  };
  api.group_end = [] {
    if (group_depth == 0) {
      return ncclInvalidUsage;
    }
    if (--group_depth == 0) {
      State::queue(std::exchange(group_calls, {}));
    }
    return ncclSuccess;
  };
  api.async_error = [](ncclComm_t comm, ncclResult_t* error) {
    const std::lock_guard lock(static_cast<State*>(comm->state)->mutex);
    *error = comm->error;
    return ncclSuccess;
  };
  api.user_rank = [](const ncclComm_t comm, int* rank) {
    *rank = comm->rank;
    return comm->size > 0 ? ncclSuccess : ncclInvalidArgument;
  };
  api.count = [](const ncclComm_t comm, int* count) {
    *count = comm->size;
    return ncclSuccess;
  };
  api.error_string = [](ncclResult_t result) {
    switch (result) {
      case ncclRemoteError:
        return "remote process exited or there was a network error";
      case ncclInvalidUsage:
        return "invalid usage";
      case ncclInternalError:
        return "internal error";
      default:
        return "another error";
    }
  };
  return api;
}

distributed::CudaApi NcclWorld::cuda() {
  distributed::CudaApi api;
  api.stream_query = [](cudaStream_t stream) {
    const std::lock_guard lock(stream->mutex);
    while (!stream->held && !stream->commands.empty() && stream->commands.front()()) {
      stream->commands.pop_front();
    }
    return stream->commands.empty() && !stream->held ? cudaSuccess : cudaErrorNotReady;
  };
  api.malloc_async = [](void** block, std::size_t bytes, cudaStream_t stream) {
    const std::lock_guard lock(stream->mutex);
    *block = std::malloc(bytes);
    std::memset(*block, kPoison, bytes);
    stream->blocks[*block] = bytes;
    stream->bytes += static_cast<std::int64_t>(bytes);
    return cudaSuccess;
  };
  api.free_async = [](void* block, cudaStream_t stream) {
    const std::lock_guard lock(stream->mutex);
    if (stream->blocks.count(block) == 0) {
      stream->violations.emplace_back("freed a block that is none");
      return cudaErrorInvalidValue;
    }
    stream->commands.push_back([stream, block] {
      stream->bytes -= static_cast<std::int64_t>(stream->blocks[block]);
      stream->blocks.erase(block);
      std::free(block);
      return true;
    });
    return cudaSuccess;
  };
  api.memcpy_async = [](void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
    const std::lock_guard lock(stream->mutex);
    if (!stream->commands.empty()) {
      stream->violations.emplace_back("copied pageable memory while the stream was busy, which blocks");
    }
    std::memcpy(to, from, bytes);
    return cudaSuccess;
  };
  api.error_string = [](cudaError_t error) { return error == cudaErrorInvalidValue ? "invalid argument" : "unknown"; };
  return api;
}

}  // namespace infoplane::test
