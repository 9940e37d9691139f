#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace infoplane::distributed {

/// The ranks that train together, as collective operations over tensors. Passed in, never a global.
///
/// Every function but the plain getters is collective: all ranks call the same ones in the same order. Each operation
/// begins with a handshake (48 bytes to each peer) in which the ranks say what they are about to do, so that ranks that
/// disagree about operation, dtype, size or root get an error and never a wrong number. It returns when its result is
/// there. No wait is longer than the timeout of the backend.
///
/// Tensors are contiguous, on any device (results are on that device), and of dtype float64, float32 or int64; the
/// operations that only move values take uint8 as well. Tensors without elements are valid. No gradient is recorded.
///
/// @throws ShapeError from every operation, for an undefined or non-contiguous tensor and for a wrong dtype; nothing
/// was sent then.
/// @throws CommunicationError from every operation, where a peer died, left, was late beyond the timeout or asked for
/// something else; with the operation, the rank where it is known and the time waited. From then on the communicator is
/// broken: each further operation throws at once. Tensors that were passed to the failed operation hold anything and
/// may still be read and written: the backend keeps them, but memory that they only borrow (from_blob) must stay.
///
/// Not thread-safe: one operation at a time. A backend borrows what it speaks through and never destroys it.
class Communicator {
 public:
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  /// This process among `size()`, from 0.
  virtual int rank() const noexcept = 0;
  /// Number of ranks, at least 1.
  virtual int size() const noexcept = 0;
  /// Backend and place for messages, such as "Gloo process group, rank 1 of 4".
  virtual std::string describe() const = 0;

  /// Replaces `values`, of one shape on all ranks, by their sum over ranks. The result has the same bits on all ranks,
  /// and on every run with the same number of ranks.
  void sum(at::Tensor& values);

  /// Replaces `values`, of one shape on all ranks, by their element-wise maximum over ranks.
  void max(at::Tensor& values);

  /// Replaces `values`, of one shape on all ranks, by those of rank `root`.
  /// @throws ArgumentError unless 0 ≤ root < size().
  void broadcast(at::Tensor& values, int root);

  /// The 1-D tensors of all ranks, by rank. Lengths may differ between ranks.
  std::vector<at::Tensor> all_gather(const at::Tensor& mine);

  /// Sends the 1-D tensor `for_each_rank[r]` to rank r and returns what each rank sent to this one, by rank. All are of
  /// one dtype, of any lengths.
  /// @throws ArgumentError unless there are size() tensors.
  std::vector<at::Tensor> all_to_all(const std::vector<at::Tensor>& for_each_rank);

  /// Bytes that this rank has sent to others so far, in all operations: what the operations need, whatever the backend
  /// makes of it. With n bytes of values and R ranks, sum and max count 2 n (R − 1) / R (rounded up), broadcast
  /// n (R − 1) on its root, all_gather n (R − 1), all_to_all the bytes for other ranks; each also its handshake,
  /// 48 (R − 1).
  std::int64_t bytes_sent() const noexcept { return bytes_sent_; }

  /// Why no operation is possible any more; empty while the communicator works.
  const std::string& broken() const noexcept { return broken_; }

 protected:
  /// `transport`: where tensors must be for this backend; the functions below get them only there. Empty: it takes them
  /// where they are.
  explicit Communicator(std::optional<at::Device> transport = std::nullopt) : transport_(transport) {}

  /// What the functions below throw where they know more than a message: the peer that failed.
  struct PeerFailure {
    int rank;          ///< −1 where it isn't known
    std::string what;  ///< what happened, such as "closed the connection"
  };

  // Called with valid arguments on which all ranks agree, and never again after one has thrown. They return when the
  // result is there, and throw PeerFailure or any std::exception.
  /// Replaces the values by their sum over ranks.
  virtual void do_sum(at::Tensor& values) = 0;
  /// Replaces the values by their maximum over ranks.
  virtual void do_max(at::Tensor& values) = 0;
  /// Replaces the values by those of rank `root`.
  virtual void do_broadcast(at::Tensor& values, int root) = 0;
  /// `all[r]` has the size of what rank r sends; `all[rank()]` already holds `mine`.
  virtual void do_all_gather(const at::Tensor& mine, std::vector<at::Tensor>& all) = 0;
  /// `receive[r]` has the size of what rank r sends here, maybe 0; `receive[rank()]` already holds its values.
  virtual void do_all_to_all(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive) = 0;

 private:
  struct Call;
  template <typename Function>
  void guard(const Call& call, const Function& function);
  std::vector<std::int64_t> shake_hands(const Call& call, const std::vector<std::int64_t>& sizes);
  at::Tensor to_transport(const at::Tensor& values) const;
  void back_from_transport(std::vector<at::Tensor>& tensors, at::Device device) const;
  void refuse_broken(const Call& call) const;
  void check(const Call& call, const at::Tensor& values, bool one_dimension) const;
  void reduce(const Call& call, at::Tensor& values);

  std::optional<at::Device> transport_;
  std::int64_t operations_ = 0;
  int failed_peer_ = -1;
  std::int64_t bytes_sent_ = 0;
  std::string broken_;
};

}  // namespace infoplane::distributed
