#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

namespace infoplane::distributed {

/// The functions of NCCL that the backend calls, so that it needs no NCCL at link time and a test can put others there.
struct NcclApi {
  decltype(&::ncclAllReduce) all_reduce = nullptr;           ///< ncclAllReduce
  decltype(&::ncclBroadcast) broadcast = nullptr;            ///< ncclBroadcast
  decltype(&::ncclSend) send = nullptr;                      ///< ncclSend
  decltype(&::ncclRecv) recv = nullptr;                      ///< ncclRecv
  decltype(&::ncclGroupStart) group_start = nullptr;         ///< ncclGroupStart
  decltype(&::ncclGroupEnd) group_end = nullptr;             ///< ncclGroupEnd
  decltype(&::ncclCommGetAsyncError) async_error = nullptr;  ///< ncclCommGetAsyncError
  decltype(&::ncclCommUserRank) user_rank = nullptr;         ///< ncclCommUserRank
  decltype(&::ncclCommCount) count = nullptr;                ///< ncclCommCount
  decltype(&::ncclGetErrorString) error_string = nullptr;    ///< ncclGetErrorString

  /// Those of the library that this process has loaded already, as the trainer's communicator came from it.
  /// @throws StateError where it has loaded none.
  static NcclApi loaded();
};

/// The functions of the CUDA runtime that the backend calls. All are asynchronous or return at once.
struct CudaApi {
  cudaError_t (*stream_query)(cudaStream_t) = nullptr;                       ///< cudaStreamQuery
  cudaError_t (*malloc_async)(void**, std::size_t, cudaStream_t) = nullptr;  ///< cudaMallocAsync
  cudaError_t (*free_async)(void*, cudaStream_t) = nullptr;                  ///< cudaFreeAsync
  /// cudaMemcpyAsync.
  cudaError_t (*memcpy_async)(void*, const void*, std::size_t, cudaMemcpyKind, cudaStream_t) = nullptr;
  const char* (*error_string)(cudaError_t) = nullptr;  ///< cudaGetErrorString

  /// Those of the runtime that this process has loaded already.
  /// @throws StateError where it has loaded none.
  static CudaApi loaded();
};

}  // namespace infoplane::distributed
