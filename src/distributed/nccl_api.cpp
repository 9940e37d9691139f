#include <dlfcn.h>

#include <array>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/nccl_api.hpp>

namespace infoplane::distributed {
namespace {

// What is in the process: its own symbols, or a library that was loaded privately, as Python does.
class Loaded {
 public:
  template <std::size_t n>
  Loaded(const char* what, const std::array<const char*, n>& names) : what_(what) {
    for (const char* const name : names) {
      if (!library_) {
        library_ = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
      }
    }
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;
  ~Loaded() {
    if (library_) {
      dlclose(library_);  // the reference that dlopen added
    }
  }

  template <typename Function>
  void find(Function& function, const char* name) const {
    void* symbol = dlsym(RTLD_DEFAULT, name);
    if (!symbol && library_) {
      symbol = dlsym(library_, name);
    }
    INFOPLANE_CHECK(symbol, StateError, what_, " is not loaded in this process (no ", name,
                    "); link it into the program whose communicator is passed, as a shared library");
    function = reinterpret_cast<Function>(symbol);
  }

 private:
  const char* what_;
  void* library_ = nullptr;
};

}  // namespace

NcclApi NcclApi::loaded() {
  const Loaded library("NCCL", std::array{"libnccl.so.2", "libnccl.so"});
  NcclApi api;
  library.find(api.all_reduce, "ncclAllReduce");
  library.find(api.broadcast, "ncclBroadcast");
  library.find(api.send, "ncclSend");
  library.find(api.recv, "ncclRecv");
  library.find(api.group_start, "ncclGroupStart");
  library.find(api.group_end, "ncclGroupEnd");
  library.find(api.async_error, "ncclCommGetAsyncError");
  library.find(api.user_rank, "ncclCommUserRank");
  library.find(api.count, "ncclCommCount");
  library.find(api.error_string, "ncclGetErrorString");
  return api;
}

CudaApi CudaApi::loaded() {
  const Loaded library("the CUDA runtime", std::array{"libcudart.so.13", "libcudart.so.12", "libcudart.so"});
  CudaApi api;
  library.find(api.stream_query, "cudaStreamQuery");
  library.find(api.malloc_async, "cudaMallocAsync");
  library.find(api.free_async, "cudaFreeAsync");
  library.find(api.memcpy_async, "cudaMemcpyAsync");
  library.find(api.error_string, "cudaGetErrorString");
  return api;
}

}  // namespace infoplane::distributed
