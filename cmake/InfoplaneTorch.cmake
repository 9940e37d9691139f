# Finds LibTorch and makes targets of it; for the build of this project and, installed, for its consumers. Fetches nothing
# and never ends a configuration. TorchConfig.cmake is located but not loaded: in a CUDA build it wants the whole
# toolkit, switches CMAKE_CUDA_ARCHITECTURES off and edits CMAKE_CUDA_FLAGS. A consumer's own find_package(Torch) stays
# valid beside this, and its LibTorch is taken.

# The root of an installed LibTorch: Torch_DIR, CMAKE_PREFIX_PATH or that of the python3 on PATH; empty without one.
function(infoplane_find_torch out)
  set(${out} "" PARENT_SCOPE)
  if(INFOPLANE_TORCH_CONFIG AND NOT EXISTS "${INFOPLANE_TORCH_CONFIG}/TorchConfig.cmake")
    unset(INFOPLANE_TORCH_CONFIG CACHE)   # it was there once
  endif()
  if(Torch_DIR AND EXISTS "${Torch_DIR}/TorchConfig.cmake")
    set(config "${Torch_DIR}")
  else()
    find_path(INFOPLANE_TORCH_CONFIG TorchConfig.cmake HINTS ENV Torch_DIR
              PATH_SUFFIXES share/cmake/Torch Torch NO_CMAKE_SYSTEM_PATH DOC "Folder of TorchConfig.cmake")
    mark_as_advanced(INFOPLANE_TORCH_CONFIG)
    set(config "${INFOPLANE_TORCH_CONFIG}")
  endif()
  if(config)
    cmake_path(SET prefix NORMALIZE "${config}/../../..")
    string(REGEX REPLACE "/$" "" prefix "${prefix}")
    set(${out} "${prefix}" PARENT_SCOPE)
    return()
  endif()
  find_program(INFOPLANE_PYTHON NAMES python3 python)
  mark_as_advanced(INFOPLANE_PYTHON)
  if(INFOPLANE_PYTHON)   # asks for the place only: importing torch takes seconds
    set(probe "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')")
    execute_process(COMMAND "${INFOPLANE_PYTHON}" -c "${probe}" WORKING_DIRECTORY "${CMAKE_BINARY_DIR}"
                    OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
    if(status EQUAL 0 AND EXISTS "${prefix}/share/cmake/Torch/TorchConfig.cmake")
      set(${out} "${prefix}" PARENT_SCOPE)
    endif()
  endif()
endfunction()

# Its version, such as 2.11.0; empty where its headers don't tell.
function(infoplane_torch_version prefix out)
  set(${out} "" PARENT_SCOPE)
  foreach(folder headeronly csrc/api/include/torch)
    set(header "${prefix}/include/torch/${folder}/version.h")
    if(EXISTS "${header}")
      foreach(part MAJOR MINOR PATCH)
        file(STRINGS "${header}" line REGEX "^#define TORCH_VERSION_${part} ")
        if(line MATCHES "([0-9]+)$")
          set(${part} ${CMAKE_MATCH_1})
        endif()
      endforeach()
    endif()
  endforeach()
  if(DEFINED MAJOR AND DEFINED MINOR AND DEFINED PATCH)
    set(${out} ${MAJOR}.${MINOR}.${PATCH} PARENT_SCOPE)
  endif()
endfunction()

# infoplane_<name>, for each of the shared libraries of the LibTorch under `prefix`.
function(infoplane_torch_libraries prefix)
  foreach(library IN LISTS ARGN)
    add_library(infoplane_${library} SHARED IMPORTED GLOBAL)
    set_target_properties(infoplane_${library} PROPERTIES
      IMPORTED_LOCATION "${prefix}/lib/lib${library}.so" IMPORTED_SONAME "lib${library}.so")
  endforeach()
endfunction()

# infoplane::torch, of the LibTorch under `prefix`. Once: whoever comes later shares it.
function(infoplane_torch_targets prefix)
  if(TARGET infoplane::torch)
    return()
  endif()
  infoplane_torch_libraries("${prefix}" c10 torch_cpu)
  add_library(infoplane::torch INTERFACE IMPORTED GLOBAL)
  set(includes "${prefix}/include;${prefix}/include/torch/csrc/api/include")
  set_target_properties(infoplane::torch PROPERTIES
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${includes}" INTERFACE_INCLUDE_DIRECTORIES "${includes}"
    INTERFACE_LINK_LIBRARIES "infoplane_torch_cpu;infoplane_c10;Threads::Threads")
endfunction()
