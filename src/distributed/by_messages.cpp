#include "by_messages.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/maximum.h>

namespace infoplane::distributed {

void reduce_by_messages(at::Tensor& values, int rank, int size, bool maximum, const SendReceive& send_receive) {
  const at::Tensor flat = values.view(-1);
  const auto begin_of = [&](std::int64_t r) { return flat.numel() * r / size; };
  std::vector<at::Tensor> parts;
  std::vector<at::Tensor> theirs;
  for (int r = 0; r < size; ++r) {
    parts.push_back(flat.slice(0, begin_of(r), begin_of(r + 1)));
  }
  at::Tensor& mine = parts[rank];
  for (int r = 0; r < size; ++r) {
    theirs.push_back(r == rank ? mine : at::empty({mine.numel()}, values.options()));
  }
  send_receive(parts, theirs);
  at::Tensor result = theirs[0].clone();
  for (int r = 1; r < size; ++r) {
    maximum ? at::maximum_out(result, result, theirs[r]) : result.add_(theirs[r]);
  }
  mine.copy_(result);
  send_receive(std::vector<at::Tensor>(size, result), parts);
}

void broadcast_by_messages(at::Tensor& values, int root, int rank, int size, const SendReceive& send_receive) {
  const at::Tensor flat = values.view(-1);
  const at::Tensor none = flat.slice(0, 0, 0);
  std::vector<at::Tensor> receive(size, none);
  if (rank != root) {
    receive[root] = flat;
  }
  send_receive(std::vector<at::Tensor>(size, rank == root ? flat : none), receive);
}

void all_gather_by_messages(const at::Tensor& mine, std::vector<at::Tensor>& all, const SendReceive& send_receive) {
  send_receive(std::vector<at::Tensor>(all.size(), mine), all);
}

}  // namespace infoplane::distributed
