#include <algorithm>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/nccl.hpp>
#include <thread>

namespace infoplane::distributed {
namespace {

using Clock = std::chrono::steady_clock;

ncclDataType_t type_of(const at::Tensor& values) {
  switch (values.scalar_type()) {
    case at::kDouble:
      return ncclFloat64;
    case at::kFloat:
      return ncclFloat32;
    case at::kLong:
      return ncclInt64;
    default:
      return ncclUint8;
  }
}

bool is_whole(const NcclApi& nccl) {
  return nccl.all_reduce && nccl.broadcast && nccl.send && nccl.recv && nccl.group_start && nccl.group_end &&
         nccl.async_error && nccl.user_rank && nccl.count && nccl.error_string;
}

bool is_whole(const CudaApi& cuda) {
  return cuda.stream_query && cuda.malloc_async && cuda.free_async && cuda.memcpy_async && cuda.error_string;
}

}  // namespace

// The places of an operation's tensors on the device: their own, or in one block of the stream's memory.
class Nccl::Staging {
 public:
  explicit Staging(const Nccl& owner) : owner_(owner) {}
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// Adds a tensor and returns its number; `in`: its values go to the device, `out`: they come back.
  std::size_t add(const at::Tensor& tensor, bool in, bool out) {
    std::size_t offset = 0;
    if (tensor.device().is_cpu()) {
      offset = size_;
      size_ += (tensor.nbytes() + 255) / 256 * 256;
    }
    places_.push_back({tensor, offset, in, out});
    return places_.size() - 1;
  }

  void* at(std::size_t number) const {
    const Place& place = places_[number];
    return place.tensor.device().is_cpu() ? static_cast<char*>(block_) + place.offset
                                          : const_cast<void*>(place.tensor.const_data_ptr());
  }

  // Copies of pageable memory may block until the stream is at them, so they are made only when it has come to rest.
  void to_device() {
    owner_.wait_for_stream();
    if (size_ > 0) {
      owner_.check(owner_.cuda_.malloc_async(&block_, size_, owner_.stream_), "cudaMallocAsync");
    }
    copy(&Place::in, cudaMemcpyHostToDevice);
  }

  void from_device() {
    owner_.wait_for_stream();
    copy(&Place::out, cudaMemcpyDeviceToHost);
    // Not in a destructor: after an error the stream may still use the block.
    if (block_) {
      owner_.check(owner_.cuda_.free_async(block_, owner_.stream_), "cudaFreeAsync");
    }
    owner_.wait_for_stream();
  }

 private:
  struct Place {
    at::Tensor tensor;
    std::size_t offset;
    bool in;
    bool out;
  };

  void copy(bool Place::*wanted, cudaMemcpyKind kind) const {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const at::Tensor& tensor = places_[i].tensor;
      if (places_[i].*wanted && tensor.device().is_cpu() && tensor.nbytes() > 0) {
        void* const host = const_cast<void*>(tensor.const_data_ptr());
        const bool in = kind == cudaMemcpyHostToDevice;
        owner_.check(
            owner_.cuda_.memcpy_async(in ? at(i) : host, in ? host : at(i), tensor.nbytes(), kind, owner_.stream_),
            "cudaMemcpyAsync");
      }
    }
  }

  const Nccl& owner_;
  std::vector<Place> places_;
  std::size_t size_ = 0;
  void* block_ = nullptr;
};

Nccl::Nccl(ncclComm_t communicator, cudaStream_t stream, const NcclOptions& options)
    : Nccl(communicator, stream, options, NcclApi::loaded(), CudaApi::loaded()) {}

Nccl::Nccl(ncclComm_t communicator, cudaStream_t stream, const NcclOptions& options, const NcclApi& nccl,
           const CudaApi& cuda)
    : communicator_(communicator), stream_(stream), options_(options), nccl_(nccl), cuda_(cuda) {
  INFOPLANE_CHECK(is_whole(nccl) && is_whole(cuda), StateError,
                  "a function of NCCL or CUDA is missing in the table; fill all");
  INFOPLANE_CHECK(communicator, ArgumentError, "the ncclComm_t is null; pass the one that the trainer made");
  INFOPLANE_CHECK(options.timeout().count() > 0, ArgumentError, "timeout must be above 0, got ",
                  options.timeout().count(), " ms");
  ncclResult_t known = nccl.user_rank(communicator, &rank_);
  if (known == ncclSuccess) {
    known = nccl.count(communicator, &size_);
  }
  INFOPLANE_CHECK(known == ncclSuccess, ArgumentError,
                  "NCCL does not know this ncclComm_t: ", nccl.error_string(known));
}

std::string Nccl::describe() const { return detail::concat("NCCL communicator, rank ", rank_, " of ", size_); }

void Nccl::check(cudaError_t error, const char* call) const {
  if (error != cudaSuccess) {
    throw PeerFailure{-1, detail::concat(call, ": ", cuda_.error_string(error))};
  }
}

void Nccl::check(ncclResult_t result, const char* call) const {
  if (result == ncclInProgress) {  // of a communicator that doesn't block
    wait_until(
        [this] {
          ncclResult_t state = ncclSuccess;
          return nccl_.async_error(communicator_, &state) == ncclSuccess && state == ncclSuccess;
        },
        call);
  } else if (result != ncclSuccess) {
    throw PeerFailure{-1, detail::concat(call, ": ", nccl_.error_string(result))};
  }
}

void Nccl::wait_until(const std::function<bool()>& ready, const char* what) const {
  const auto deadline = Clock::now() + options_.timeout();
  auto pause = std::chrono::microseconds(5);
  while (true) {
    const bool done = ready();
    // Asked behind the other: a stream is also ready when an error or an abort ended what was in it.
    ncclResult_t state = ncclSuccess;
    const ncclResult_t asked = nccl_.async_error(communicator_, &state);
    state = asked == ncclSuccess ? state : asked;
    if (state != ncclSuccess && state != ncclInProgress) {
      throw PeerFailure{-1, detail::concat("NCCL reports: ", nccl_.error_string(state))};
    }
    if (done) {
      return;
    }
    if (Clock::now() > deadline) {
      throw PeerFailure{-1, detail::concat(what, " was not done within ", options_.timeout().count(),
                                           " ms: a rank is late or gone, or the stream is stuck")};
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(500));
  }
}

void Nccl::wait_for_stream() const {
  wait_until(
      [this] {
        const cudaError_t state = cuda_.stream_query(stream_);
        if (state != cudaErrorNotReady) {
          check(state, "cudaStreamQuery");
        }
        return state == cudaSuccess;
      },
      "the stream");
}

void Nccl::reduce(at::Tensor& values, ncclRedOp_t operation) {
  Staging staging(*this);
  const std::size_t place = staging.add(values, true, true);
  staging.to_device();
  void* const data = staging.at(place);
  check(nccl_.all_reduce(data, data, values.numel(), type_of(values), operation, communicator_, stream_),
        "ncclAllReduce");
  staging.from_device();
}

void Nccl::do_sum(at::Tensor& values) { reduce(values, ncclSum); }

void Nccl::do_max(at::Tensor& values) { reduce(values, ncclMax); }

void Nccl::do_broadcast(at::Tensor& values, int root) {
  Staging staging(*this);
  const std::size_t place = staging.add(values, rank_ == root, rank_ != root);
  staging.to_device();
  void* const data = staging.at(place);
  check(nccl_.broadcast(data, data, values.numel(), type_of(values), root, communicator_, stream_), "ncclBroadcast");
  staging.from_device();
}

void Nccl::do_all_gather(const at::Tensor& mine, std::vector<at::Tensor>& all) {
  do_all_to_all(std::vector<at::Tensor>(size_, mine), all);
}

void Nccl::do_all_to_all(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive) {
  Staging staging(*this);
  std::vector<std::size_t> from(size_);
  std::vector<std::size_t> to(size_);
  for (int r = 0; r < size_; ++r) {
    const bool again = r > 0 && send[r].is_same(send[r - 1]);
    from[r] = again ? from[r - 1] : staging.add(send[r], true, false);
    to[r] = staging.add(receive[r], false, r != rank_);
  }
  staging.to_device();
  // A group that was begun is also ended, or the thread's later calls would be taken for its members.
  ncclResult_t failed = ncclSuccess;
  const auto note = [&](ncclResult_t result) {
    if (failed == ncclSuccess && result != ncclInProgress) {
      failed = result;
    }
  };
  check(nccl_.group_start(), "ncclGroupStart");
  for (int r = 0; r < size_; ++r) {
    if (r != rank_ && send[r].numel() > 0) {
      note(nccl_.send(staging.at(from[r]), send[r].numel(), type_of(send[r]), r, communicator_, stream_));
    }
    if (r != rank_ && receive[r].numel() > 0) {
      note(nccl_.recv(staging.at(to[r]), receive[r].numel(), type_of(receive[r]), r, communicator_, stream_));
    }
  }
  const ncclResult_t ended = nccl_.group_end();
  check(failed, "ncclSend or ncclRecv");
  check(ended, "ncclGroupEnd");
  staging.from_device();
}

}  // namespace infoplane::distributed
