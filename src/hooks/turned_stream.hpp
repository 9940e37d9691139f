#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace infoplane::hooks::detail {

/// A stream that entered an operator in another layout than its own.
///
/// An attention that works batch first transposes what it reads in a model of layout [T, B, d]. The residual addition
/// has the stream as it is: it is waited for, and without one the stream counts as it came. (The head, or the final
/// norm, reads a transpose too, and no addition follows.)
class TurnedStream {
 public:
  /// `stream` is held, detached, until its addition or the next block.
  void wait(const at::Tensor& stream, int record);
  bool waits() const noexcept { return stream_.defined(); }

  struct Found {
    int record;
    at::Tensor stream;
  };
  /// The operand that is the stream, where this operator is its addition: nothing waits then.
  std::optional<Found> added(std::string_view name, c10::ArrayRef<const c10::IValue> inputs);
  /// Gives up waiting: the stream as it came.
  Found give_up() noexcept { return {record_, std::exchange(stream_, at::Tensor())}; }

  /// Sizes of the last stream that came.
  void note_sizes(const std::vector<std::int64_t>& sizes) { sizes_ = sizes; }
  /// `stream` itself, or its transpose of axes 0 and 1 where only this has the sizes and the layout of the last one; or
  /// a view with the sizes of the last one, where what reads it sees it with rows joined or parted.
  at::Tensor as_last(const at::Tensor& stream) const;

 private:
  bool is_view_of_last(const at::Tensor& stream) const;

  at::Tensor stream_;
  int record_ = -1;
  std::vector<std::int64_t> sizes_;
};

}  // namespace infoplane::hooks::detail
