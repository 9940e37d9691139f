# The CUDA half of a LibTorch; for the build of this project and, installed, for its consumers. Enables no language.

# Sets `missing` to what keeps the LibTorch under `prefix` from use on a GPU, empty if nothing does, and `folders` to
# where a wheel has its CUDA libraries.
function(infoplane_find_torch_cuda prefix missing folders)
  set(${missing} "" PARENT_SCOPE)
  if(NOT EXISTS "${prefix}/lib/libtorch_cuda.so")
    set(${missing} "LibTorch has no libtorch_cuda.so" PARENT_SCOPE)
    return()
  endif()
  # A wheel has its CUDA libraries beside it, or is of no use on a GPU; others take the toolkit's.
  file(GLOB beside "${prefix}/../nvidia/*/lib")
  set(${folders} "${beside}" PARENT_SCOPE)
  foreach(library cublas cudnn nccl)
    file(GLOB here "${prefix}/lib/lib${library}*.so*" "${prefix}/../nvidia/*/lib/lib${library}.so*")
    if(NOT here AND NOT beside)
      find_library(INFOPLANE_${library} NAMES ${library} lib${library}.so.13 lib${library}.so.12 lib${library}.so.9
                   lib${library}.so.2)
      mark_as_advanced(INFOPLANE_${library})
      set(here ${INFOPLANE_${library}})
    endif()
    if(NOT here)
      set(${missing} "LibTorch's lib${library} was not found, so it was installed for CPU use" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# infoplane::torch_cuda, beside infoplane::torch and CUDA::cudart.
function(infoplane_torch_cuda_targets prefix folders)
  if(TARGET infoplane::torch_cuda)
    return()
  endif()
  infoplane_torch_libraries("${prefix}" c10_cuda torch_cuda)   # of InfoplaneTorch
  add_library(infoplane::torch_cuda INTERFACE IMPORTED GLOBAL)
  # libtorch_cuda registers its operators when it is loaded: nothing names it, so the linker must not drop it.
  list(TRANSFORM folders PREPEND "LINKER:-rpath-link," OUTPUT_VARIABLE rpath_links)
  set_target_properties(infoplane::torch_cuda PROPERTIES
    INTERFACE_LINK_LIBRARIES "infoplane::torch;infoplane_c10_cuda;CUDA::cudart"
    INTERFACE_LINK_OPTIONS "${rpath_links};LINKER:--push-state,--no-as-needed;${prefix}/lib/libtorch_cuda.so;LINKER:--pop-state")
endfunction()
