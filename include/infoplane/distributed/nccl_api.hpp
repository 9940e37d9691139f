#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

namespace infoplane::distributed {

/// The functions of NCCL that the backend calls, so that it needs no NCCL at link time and a test can put others there.
struct NcclApi {
  decltype(&::ncclAllReduce) all_reduce = nullptr;
  decltype(&::ncclBroadcast) broadcast = nullptr;
  decltype(&::ncclSend) send = nullptr;
  decltype(&::ncclRecv) recv = nullptr;
  decltype(&::ncclGroupStart) group_start = nullptr;
  decltype(&::ncclGroupEnd) group_end = nullptr;
  decltype(&::ncclCommGetAsyncError) async_error = nullptr;
  decltype(&::ncclCommUserRank) user_rank = nullptr;
  decltype(&::ncclCommCount) count = nullptr;
  decltype(&::ncclGetErrorString) error_string = nullptr;

  /// Those of the library that this process has loaded already, as the trainer's communicator came from it.
  /// @throws StateError where it has loaded none.
  static NcclApi loaded();
};

/// The functions of the CUDA runtime that the backend calls. All are asynchronous or return at once.
struct CudaApi {
  cudaError_t (*stream_query)(cudaStream_t) = nullptr;
  cudaError_t (*malloc_async)(void**, std::size_t, cudaStream_t) = nullptr;
  cudaError_t (*free_async)(void*, cudaStream_t) = nullptr;
  cudaError_t (*memcpy_async)(void*, const void*, std::size_t, cudaMemcpyKind, cudaStream_t) = nullptr;
  const char* (*error_string)(cudaError_t) = nullptr;

  /// Those of the runtime that this process has loaded already.
  /// @throws StateError where it has loaded none.
  static CudaApi loaded();
};

}  // namespace infoplane::distributed
