# Finds LibTorch and defines infoplane::torch, and infoplane::fmt on the fmt headers that LibTorch carries.
# TorchConfig.cmake is located but not loaded: in a CUDA build it wants the whole toolkit, switches
# CMAKE_CUDA_ARCHITECTURES off and edits CMAKE_CUDA_FLAGS. A consumer's own find_package(Torch) stays valid beside this.
include_guard(GLOBAL)
set(INFOPLANE_TORCH_VERSION 2.11.0 CACHE STRING "LibTorch to fetch where there is none (INFOPLANE_PROVISION)")
set(INFOPLANE_TORCH_MINIMUM 2.9)

function(_infoplane_torch_install site)
  message(STATUS "Installing torch==${INFOPLANE_TORCH_VERSION} into ${site} (once, 1.2 GB)")
  set(packages torch==${INFOPLANE_TORCH_VERSION})
  if(INFOPLANE_TORCH_VERSION VERSION_GREATER_EQUAL 2.11)   # built for CUDA 13
    list(APPEND packages nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
  else()
    list(APPEND packages nvidia-cuda-runtime-cu12 nvidia-cuda-cupti-cu12)
  endif()
  file(REMOVE_RECURSE "${site}")
  execute_process(
    COMMAND "${INFOPLANE_PYTHON}" -m pip install --no-deps --no-compile --quiet --target "${site}"
            --disable-pip-version-check --root-user-action=ignore ${packages}
    COMMAND_ERROR_IS_FATAL ANY)
  file(TOUCH "${site}/.complete")   # last, so that an interrupted install is made anew
endfunction()

function(_infoplane_torch_prefix out)
  find_path(INFOPLANE_TORCH_CONFIG TorchConfig.cmake HINTS "${Torch_DIR}" ENV Torch_DIR
            PATH_SUFFIXES share/cmake/Torch NO_CMAKE_SYSTEM_PATH DOC "Folder of TorchConfig.cmake")
  if(INFOPLANE_TORCH_CONFIG)
    cmake_path(SET prefix NORMALIZE "${INFOPLANE_TORCH_CONFIG}/../../..")
    set(${out} "${prefix}" PARENT_SCOPE)
    return()
  endif()
  find_program(INFOPLANE_PYTHON NAMES python3 python)
  if(INFOPLANE_PYTHON)   # asks for the place only: importing torch takes seconds
    set(probe "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')")
    execute_process(COMMAND "${INFOPLANE_PYTHON}" -c "${probe}" WORKING_DIRECTORY "${CMAKE_BINARY_DIR}"
                    OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
    if(status EQUAL 0 AND EXISTS "${prefix}/share/cmake/Torch/TorchConfig.cmake")
      set(${out} "${prefix}" PARENT_SCOPE)
      return()
    endif()
  endif()
  set(site "${INFOPLANE_DEPS_DIR}/torch-${INFOPLANE_TORCH_VERSION}")
  if(NOT EXISTS "${site}/.complete")
    if(NOT INFOPLANE_PROVISION)
      message(FATAL_ERROR "LibTorch was not found. Do one of:\n"
        "  * pip install torch==${INFOPLANE_TORCH_VERSION} for the python3 on PATH\n"
        "  * pass -DCMAKE_PREFIX_PATH=/path/to/libtorch\n"
        "  * pass -DINFOPLANE_PROVISION=ON (1.2 GB under ${INFOPLANE_DEPS_DIR})")
    endif()
    if(NOT INFOPLANE_PYTHON)
      message(FATAL_ERROR "INFOPLANE_PROVISION installs LibTorch with pip: put python3 with pip on PATH, "
        "or pass -DCMAKE_PREFIX_PATH=/path/to/libtorch")
    endif()
    _infoplane_torch_install("${site}")
  endif()
  set(${out} "${site}/torch" PARENT_SCOPE)
endfunction()

function(_infoplane_torch_version prefix out)
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
  set(${out} ${MAJOR}.${MINOR}.${PATCH} PARENT_SCOPE)
endfunction()

_infoplane_torch_prefix(INFOPLANE_TORCH_PREFIX)
_infoplane_torch_version("${INFOPLANE_TORCH_PREFIX}" INFOPLANE_TORCH_FOUND_VERSION)
if(INFOPLANE_TORCH_FOUND_VERSION VERSION_LESS INFOPLANE_TORCH_MINIMUM)
  message(FATAL_ERROR "LibTorch ${INFOPLANE_TORCH_FOUND_VERSION} in ${INFOPLANE_TORCH_PREFIX} is older than ${INFOPLANE_TORCH_MINIMUM}")
endif()
message(STATUS "LibTorch ${INFOPLANE_TORCH_FOUND_VERSION}: ${INFOPLANE_TORCH_PREFIX}")

foreach(library c10 torch_cpu)
  add_library(infoplane_${library} SHARED IMPORTED GLOBAL)
  set_target_properties(infoplane_${library} PROPERTIES
    IMPORTED_LOCATION "${INFOPLANE_TORCH_PREFIX}/lib/lib${library}.so" IMPORTED_SONAME "lib${library}.so")
endforeach()
find_package(Threads REQUIRED)
add_library(infoplane::torch INTERFACE IMPORTED GLOBAL)
set_target_properties(infoplane::torch PROPERTIES
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES
    "${INFOPLANE_TORCH_PREFIX}/include;${INFOPLANE_TORCH_PREFIX}/include/torch/csrc/api/include"
  INTERFACE_INCLUDE_DIRECTORIES
    "${INFOPLANE_TORCH_PREFIX}/include;${INFOPLANE_TORCH_PREFIX}/include/torch/csrc/api/include"
  INTERFACE_LINK_LIBRARIES "infoplane_torch_cpu;infoplane_c10;Threads::Threads")

# Only the fmt folder is on this target's path, so that rooms without LibTorch cannot include it by accident.
if(NOT TARGET infoplane_fmt)
  set(_fmt_root "${CMAKE_BINARY_DIR}/fmt-of-libtorch")
  file(MAKE_DIRECTORY "${_fmt_root}")
  file(CREATE_LINK "${INFOPLANE_TORCH_PREFIX}/include/fmt" "${_fmt_root}/fmt" SYMBOLIC)
  add_library(infoplane_fmt INTERFACE IMPORTED GLOBAL)
  set_target_properties(infoplane_fmt PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_fmt_root}" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${_fmt_root}"
    INTERFACE_COMPILE_DEFINITIONS FMT_HEADER_ONLY)
endif()
