# INFOPLANE_CUDA: whether the fused CUDA kernels are built. Defines INFOPLANE_CUDA_ENABLED and, where it is on,
# infoplane::torch_cuda. AUTO wants a CUDA compiler and a LibTorch whose CUDA libraries are there: the wheel has
# libtorch_cuda.so even when it was installed for CPU use only, as INFOPLANE_PROVISION does, without what that needs.
set(INFOPLANE_CUDA AUTO CACHE STRING "Build the fused CUDA kernels: AUTO, ON or OFF")
set_property(CACHE INFOPLANE_CUDA PROPERTY STRINGS AUTO ON OFF)
set(INFOPLANE_CUDA_ARCHITECTURES "80-real;90-real;100" CACHE STRING "GPUs to build for; the last one also as PTX")
set(INFOPLANE_CUDA_ENABLED OFF)

function(_infoplane_find_torch_cuda)
  if(NOT EXISTS "${INFOPLANE_TORCH_PREFIX}/lib/libtorch_cuda.so")
    set(missing "it has no libtorch_cuda.so" PARENT_SCOPE)
    return()
  endif()
  # A wheel has its CUDA libraries beside it, or is of no use on a GPU; others take the toolkit's.
  file(GLOB folders "${INFOPLANE_TORCH_PREFIX}/../nvidia/*/lib")
  foreach(library cublas cudnn nccl)
    file(GLOB here "${INFOPLANE_TORCH_PREFIX}/lib/lib${library}*.so*"
                   "${INFOPLANE_TORCH_PREFIX}/../nvidia/*/lib/lib${library}.so*")
    if(NOT here AND NOT folders)
      find_library(INFOPLANE_${library} NAMES ${library} lib${library}.so.13 lib${library}.so.12 lib${library}.so.9
                   lib${library}.so.2)
      set(here ${INFOPLANE_${library}})
    endif()
    if(NOT here)
      set(missing "LibTorch's lib${library} was not found, so it was installed for CPU use" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(missing "" PARENT_SCOPE)
  set(folders "${folders}" PARENT_SCOPE)
endfunction()

if(NOT INFOPLANE_CUDA)
  return()
endif()
_infoplane_find_torch_cuda()
if(NOT missing)
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX} AND EXISTS /usr/local/cuda/bin/nvcc)
    set(CMAKE_CUDA_COMPILER /usr/local/cuda/bin/nvcc)
  endif()
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES ${INFOPLANE_CUDA_ARCHITECTURES})
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    set(missing "there is no CUDA compiler (nvcc on PATH, or -DCMAKE_CUDA_COMPILER)")
  endif()
endif()
if(missing)
  if(INFOPLANE_CUDA STREQUAL "AUTO")
    message(STATUS "CUDA kernels: off (${missing})")
    return()
  endif()
  message(FATAL_ERROR "INFOPLANE_CUDA=${INFOPLANE_CUDA}, but ${missing}. LibTorch: ${INFOPLANE_TORCH_PREFIX}. Pass "
    "-DCMAKE_PREFIX_PATH=/path/to/a/CUDA/libtorch and a CUDA compiler, or -DINFOPLANE_CUDA=OFF")
endif()

enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
set(CMAKE_CUDA_STANDARD 17)   # what CMake 3.25 and the kernels' headers know
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(INFOPLANE_CUDA_ENABLED ON)
message(STATUS "CUDA kernels: on, for ${CMAKE_CUDA_ARCHITECTURES}, by ${CMAKE_CUDA_COMPILER}")
foreach(library c10_cuda torch_cuda)
  add_library(infoplane_${library} SHARED IMPORTED GLOBAL)
  set_target_properties(infoplane_${library} PROPERTIES
    IMPORTED_LOCATION "${INFOPLANE_TORCH_PREFIX}/lib/lib${library}.so" IMPORTED_SONAME "lib${library}.so")
endforeach()
add_library(infoplane::torch_cuda INTERFACE IMPORTED GLOBAL)
# libtorch_cuda registers its operators when it is loaded: nothing names it, so the linker must not drop it.
list(TRANSFORM folders PREPEND "LINKER:-rpath-link," OUTPUT_VARIABLE rpath_links)
set_target_properties(infoplane::torch_cuda PROPERTIES
  INTERFACE_LINK_LIBRARIES "infoplane::torch;infoplane_c10_cuda;CUDA::cudart"
  INTERFACE_LINK_OPTIONS "${rpath_links};LINKER:--push-state,--no-as-needed;${INFOPLANE_TORCH_PREFIX}/lib/libtorch_cuda.so;LINKER:--pop-state")
