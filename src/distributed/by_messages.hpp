#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace infoplane::distributed {

/// Sends `send[r]` to each other rank r and fills `receive[r]` from it; tensors without elements are not sent. Those of
/// this rank itself are left alone.
using SendReceive = std::function<void(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive)>;

// Collective operations out of messages between pairs of ranks. A wait is then always for a known rank, so a fault can
// be named, and what each rank adds up does not depend on the library below: always in the order of ranks.

/// Each rank reduces its part of `values` (parts as equal as can be), then all send theirs to all.
void reduce_by_messages(at::Tensor& values, int rank, int size, bool maximum, const SendReceive& send_receive);

void broadcast_by_messages(at::Tensor& values, int root, int rank, int size, const SendReceive& send_receive);

void all_gather_by_messages(const at::Tensor& mine, std::vector<at::Tensor>& all, const SendReceive& send_receive);

}  // namespace infoplane::distributed
