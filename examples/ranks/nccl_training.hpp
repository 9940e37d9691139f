#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <ATen/core/Tensor.h>

#include <string>

#include "text.hpp"

namespace ranks_nccl {

/// @throws std::runtime_error with NCCL's words unless `result` is ncclSuccess.
void check(ncclResult_t result, const char* call);

/// Trains a small model on `device` over the trainer's own communicator, writes a run file on rank 0, and returns the
/// weights at the end, which are the same on every rank: float32, one axis. `stream`: the current one of LibTorch, so
/// that nothing has to wait.
at::Tensor train(ncclComm_t communicator, cudaStream_t stream, const at::Device& device, const train_text::Text& text,
                 const std::string& run_file);

}  // namespace ranks_nccl
