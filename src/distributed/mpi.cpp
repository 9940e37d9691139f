#include <algorithm>
#include <array>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/mpi.hpp>
#include <memory>
#include <new>
#include <thread>

#include "by_messages.hpp"

namespace infoplane::distributed {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kLongestMessage = std::int64_t{1} << 30;  // MPI counts in int

// While it lives, errors of the communicator are returned instead of ending the process.
class ReturnErrors {
 public:
  explicit ReturnErrors(MPI_Comm communicator) : communicator_(communicator) {
    MPI_Comm_get_errhandler(communicator_, &before_);
    MPI_Comm_set_errhandler(communicator_, MPI_ERRORS_RETURN);
  }
  ReturnErrors(const ReturnErrors&) = delete;
  ReturnErrors& operator=(const ReturnErrors&) = delete;
  ~ReturnErrors() {
    MPI_Comm_set_errhandler(communicator_, before_);
    if (before_ != MPI_ERRHANDLER_NULL) {
      MPI_Errhandler_free(&before_);  // the handle that get_errhandler made
    }
  }

 private:
  MPI_Comm communicator_;
  MPI_Errhandler before_ = MPI_ERRHANDLER_NULL;
};

std::string error_text(int error) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(error, text.data(), &length);
  return {text.data(), static_cast<std::size_t>(length)};
}

struct Message {
  int peer;
  int bytes;
  bool incoming;
  at::Tensor keeps;  // what it reads or writes
};

// Requests under way with their tensors. The tensors of one that cannot be ended are never freed, as MPI may still
// write them.
class Messages {
 public:
  std::vector<MPI_Request> requests;
  std::vector<Message> messages;

  Messages() = default;
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;
  ~Messages() {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i] != MPI_REQUEST_NULL && messages[i].incoming) {
        MPI_Cancel(&requests[i]);
      }
    }
    // A cancelled receive ends at once, but one that a message has met is not cancelled: it ends when its sender goes
    // on, and that may be never.
    const auto deadline = Clock::now() + kPatience;
    while (std::any_of(messages.begin(), messages.end(),
                       [this](const Message& message) { return message.incoming && is_under_way(message); })) {
      if (Clock::now() > deadline) {
        break;
      }
      std::this_thread::yield();
    }
    if (std::any_of(messages.begin(), messages.end(),
                    [this](const Message& message) { return is_under_way(message); })) {
      static_cast<void>(new (std::nothrow) std::vector<Message>(std::move(messages)));
    }
  }

  template <typename Start>
  int add(int peer, const at::Tensor& tensor, bool incoming, const Start& start) {
    auto* const data = static_cast<char*>(const_cast<void*>(tensor.const_data_ptr()));
    const auto size = static_cast<std::int64_t>(tensor.nbytes());
    int error = MPI_SUCCESS;
    for (std::int64_t begin = 0; begin < size && error == MPI_SUCCESS; begin += kLongestMessage) {
      const int bytes = static_cast<int>(std::min(kLongestMessage, size - begin));
      messages.push_back({peer, bytes, incoming, tensor});
      requests.push_back(MPI_REQUEST_NULL);
      error = start(data + begin, bytes, &requests.back());
    }
    return error;
  }

 private:
  static constexpr auto kPatience = std::chrono::milliseconds(100);

  bool is_under_way(const Message& message) {
    MPI_Request& request = requests[static_cast<std::size_t>(&message - messages.data())];
    int ended = 1;
    return request != MPI_REQUEST_NULL && (MPI_Test(&request, &ended, MPI_STATUS_IGNORE) != MPI_SUCCESS || !ended);
  }
};

}  // namespace

Mpi::Mpi(MPI_Comm communicator, const MpiOptions& options)
    : Communicator(at::Device(at::kCPU)), communicator_(communicator), options_(options) {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  INFOPLANE_CHECK(initialized && !finalized, StateError, "MPI ",
                  finalized ? "is already finalized" : "is not initialized",
                  "; make the communicator between MPI_Init and MPI_Finalize");
  INFOPLANE_CHECK(communicator != MPI_COMM_NULL, ArgumentError,
                  "the communicator is MPI_COMM_NULL; pass MPI_COMM_WORLD or another one that holds this rank");
  int inter = 0;
  MPI_Comm_test_inter(communicator, &inter);
  INFOPLANE_CHECK(!inter, ArgumentError, "the communicator joins two groups; pass one of a single group");
  INFOPLANE_CHECK(options.timeout().count() > 0, ArgumentError, "timeout must be above 0, got ",
                  options.timeout().count(), " ms");
  int* most = nullptr;
  int known = 0;
  MPI_Comm_get_attr(communicator, MPI_TAG_UB, static_cast<void*>(&most), &known);
  const int largest = known ? *most : 32767;
  INFOPLANE_CHECK(options.tag() >= 0 && options.tag() <= largest, ArgumentError, "tag must be from 0 to ", largest,
                  ", got ", options.tag());
  MPI_Comm_rank(communicator, &rank_);
  MPI_Comm_size(communicator, &size_);
}

std::string Mpi::describe() const { return detail::concat("MPI communicator, rank ", rank_, " of ", size_); }

void Mpi::send_receive(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive) {
  const ReturnErrors return_errors(communicator_);
  const auto check = [](int error, int peer) {
    if (error != MPI_SUCCESS) {
      throw PeerFailure{peer, "failed: " + error_text(error)};
    }
  };
  Messages under_way;
  for (int shift = 1; shift < size_; ++shift) {
    const int from = (rank_ + size_ - shift) % size_;
    check(under_way.add(from, receive[from], true,
                        [&](void* data, int bytes, MPI_Request* request) {
                          return MPI_Irecv(data, bytes, MPI_BYTE, from, options_.tag(), communicator_, request);
                        }),
          from);
  }
  for (int shift = 1; shift < size_; ++shift) {
    const int to = (rank_ + shift) % size_;
    check(under_way.add(to, send[to], false,
                        [&](const void* data, int bytes, MPI_Request* request) {
                          return MPI_Isend(data, bytes, MPI_BYTE, to, options_.tag(), communicator_, request);
                        }),
          to);
  }

  const int total = static_cast<int>(under_way.requests.size());
  std::vector<int> indices(total);
  std::vector<MPI_Status> statuses(total);
  const auto deadline = Clock::now() + options_.timeout();
  for (int done = 0, idle = 0; done < total;) {
    int completed = 0;
    const int error = MPI_Testsome(total, under_way.requests.data(), &completed, indices.data(), statuses.data());
    for (int i = 0; i < completed; ++i) {
      const Message& message = under_way.messages[indices[i]];
      if (error == MPI_ERR_IN_STATUS) {
        check(statuses[i].MPI_ERROR, message.peer);
      }
      int bytes = message.bytes;
      if (message.incoming) {
        MPI_Get_count(&statuses[i], MPI_BYTE, &bytes);
      }
      if (bytes != message.bytes) {
        throw PeerFailure{message.peer, detail::concat("sent ", bytes, " bytes instead of ", message.bytes)};
      }
    }
    if (error != MPI_SUCCESS && error != MPI_ERR_IN_STATUS) {
      check(error, -1);
    }
    if (completed > 0) {
      done += completed;
      idle = 0;
      continue;
    }
    if (Clock::now() > deadline) {
      const auto late = std::find_if(under_way.requests.begin(), under_way.requests.end(),
                                     [](MPI_Request request) { return request != MPI_REQUEST_NULL; });
      const Message& message = under_way.messages[late - under_way.requests.begin()];
      throw PeerFailure{message.peer, detail::concat(message.incoming ? "did not come within " : "took nothing within ",
                                                     options_.timeout().count(), " ms")};
    }
    if (++idle < 200) {  // a message within a node takes microseconds
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
}

void Mpi::do_sum(at::Tensor& values) {
  reduce_by_messages(values, rank_, size_, false,
                     [&](const auto& send, auto& receive) { send_receive(send, receive); });
}

void Mpi::do_max(at::Tensor& values) {
  reduce_by_messages(values, rank_, size_, true, [&](const auto& send, auto& receive) { send_receive(send, receive); });
}

void Mpi::do_broadcast(at::Tensor& values, int root) {
  broadcast_by_messages(values, root, rank_, size_,
                        [&](const auto& send, auto& receive) { send_receive(send, receive); });
}

void Mpi::do_all_gather(const at::Tensor& mine, std::vector<at::Tensor>& all) {
  all_gather_by_messages(mine, all, [&](const auto& send, auto& receive) { send_receive(send, receive); });
}

void Mpi::do_all_to_all(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive) {
  send_receive(send, receive);
}

}  // namespace infoplane::distributed
