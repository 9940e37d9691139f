// The functions of NCCL and the CUDA runtime that the example and the backend call, over the double on host memory. A
// stream's work is done before they return, as LibTorch's CPU kernels know no streams.
#include "distributed/nccl_double.hpp"

namespace {

using infoplane::test::NcclWorld;

thread_local cudaStream_t busy = nullptr;
thread_local int depth = 0;

ncclResult_t finished(ncclResult_t queued, cudaStream_t stream) {
  busy = stream;
  while (queued == ncclSuccess && depth == 0 && NcclWorld::cuda().stream_query(stream) != cudaSuccess) {
  }
  return queued;
}

}  // namespace

extern "C" {

ncclResult_t ncclAllReduce(const void* in, void* out, size_t count, ncclDataType_t dtype, ncclRedOp_t op,
                           ncclComm_t communicator, cudaStream_t stream) {
  return finished(NcclWorld::nccl().all_reduce(in, out, count, dtype, op, communicator, stream), stream);
}
ncclResult_t ncclBroadcast(const void* in, void* out, size_t count, ncclDataType_t dtype, int root,
                           ncclComm_t communicator, cudaStream_t stream) {
  return finished(NcclWorld::nccl().broadcast(in, out, count, dtype, root, communicator, stream), stream);
}
ncclResult_t ncclSend(const void* in, size_t count, ncclDataType_t dtype, int peer, ncclComm_t communicator,
                      cudaStream_t stream) {
  return finished(NcclWorld::nccl().send(in, count, dtype, peer, communicator, stream), stream);
}
ncclResult_t ncclRecv(void* out, size_t count, ncclDataType_t dtype, int peer, ncclComm_t communicator,
                      cudaStream_t stream) {
  return finished(NcclWorld::nccl().recv(out, count, dtype, peer, communicator, stream), stream);
}
ncclResult_t ncclGroupStart() {
  ++depth;
  return NcclWorld::nccl().group_start();
}
ncclResult_t ncclGroupEnd() {
  --depth;
  const auto queued = NcclWorld::nccl().group_end();
  return busy == nullptr ? queued : finished(queued, busy);
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t communicator, ncclResult_t* error) {
  return NcclWorld::nccl().async_error(communicator, error);
}
ncclResult_t ncclCommUserRank(const ncclComm_t communicator, int* rank) {
  return NcclWorld::nccl().user_rank(communicator, rank);
}
ncclResult_t ncclCommCount(const ncclComm_t communicator, int* count) {
  return NcclWorld::nccl().count(communicator, count);
}
const char* ncclGetErrorString(ncclResult_t result) { return NcclWorld::nccl().error_string(result); }

cudaError_t cudaStreamQuery(cudaStream_t stream) { return NcclWorld::cuda().stream_query(stream); }
cudaError_t cudaMallocAsync(void** block, size_t bytes, cudaStream_t stream) {
  return NcclWorld::cuda().malloc_async(block, bytes, stream);
}
cudaError_t cudaFreeAsync(void* block, cudaStream_t stream) { return NcclWorld::cuda().free_async(block, stream); }
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return NcclWorld::cuda().memcpy_async(to, from, bytes, kind, stream);
}
const char* cudaGetErrorString(cudaError_t error) { return NcclWorld::cuda().error_string(error); }

}  // extern "C"
