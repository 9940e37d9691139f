#include "by_exchange.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/maximum.h>

namespace infoplane::distributed {

void reduce_by_exchange(at::Tensor& values, int rank, int size, bool maximum, const Exchange& exchange) {
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
  exchange(parts, theirs);
  at::Tensor result = theirs[0].clone();
  for (int r = 1; r < size; ++r) {
    maximum ? at::maximum_out(result, result, theirs[r]) : result.add_(theirs[r]);
  }
  mine.copy_(result);
  exchange(std::vector<at::Tensor>(size, result), parts);
}

void broadcast_by_exchange(at::Tensor& values, int root, int rank, int size, const Exchange& exchange) {
  const at::Tensor flat = values.view(-1);
  const at::Tensor none = flat.slice(0, 0, 0);
  std::vector<at::Tensor> receive(size, none);
  if (rank != root) {
    receive[root] = flat;
  }
  exchange(std::vector<at::Tensor>(size, rank == root ? flat : none), receive);
}

void all_gather_by_exchange(const at::Tensor& mine, std::vector<at::Tensor>& all, const Exchange& exchange) {
  exchange(std::vector<at::Tensor>(all.size(), mine), all);
}

}  // namespace infoplane::distributed
