# Finds LibTorch and defines infoplane::torch, and infoplane::fmt on the fmt headers that LibTorch carries.
# TorchConfig.cmake is located but not loaded: in a CUDA build it wants the whole toolkit, switches
# CMAKE_CUDA_ARCHITECTURES off and edits CMAKE_CUDA_FLAGS. A consumer's own find_package(Torch) stays valid beside this.
include_guard(GLOBAL)
set(INFOPLANE_TORCH_VERSION 2.11.0 CACHE STRING
    "LibTorch to fetch where there is none (INFOPLANE_PROVISION); \"newest\": the newest 2.x of the package index")
option(INFOPLANE_TORCH_SEARCH "Take a LibTorch that is already installed; OFF: exactly INFOPLANE_TORCH_VERSION" ON)
set(INFOPLANE_TORCH_MINIMUM 2.9)

function(_infoplane_pip)
  execute_process(COMMAND "${INFOPLANE_PYTHON}" -m pip install --disable-pip-version-check --quiet ${ARGN}
                  COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The newest 2.x that pip would take here. Asked once for a build folder.
function(_infoplane_torch_newest out)
  if(NOT INFOPLANE_TORCH_NEWEST)
    set(report "${CMAKE_BINARY_DIR}/torch-newest.json")
    _infoplane_pip(--dry-run --ignore-installed --no-deps --report "${report}" "torch>=${INFOPLANE_TORCH_MINIMUM},<3")
    file(READ "${report}" json)
    string(JSON version GET "${json}" install 0 metadata version)
    set(INFOPLANE_TORCH_NEWEST "${version}" CACHE INTERNAL "")
  endif()
  set(${out} "${INFOPLANE_TORCH_NEWEST}" PARENT_SCOPE)
endfunction()

# The wheel and, of the CUDA libraries that its metadata asks for, the two that libtorch_cpu loads.
function(_infoplane_torch_install version site)
  message(STATUS "Installing torch==${version} into ${site} (once, 1.2 GB)")
  file(REMOVE_RECURSE "${site}")
  set(target --no-compile --root-user-action=ignore --target "${site}")
  _infoplane_pip(${target} --no-deps torch==${version})
  file(GLOB metadata "${site}/torch-*.dist-info/METADATA")
  file(STRINGS ${metadata} requirements REGEX "^Requires-Dist: (nvidia-cuda-runtime|nvidia-cuda-cupti|cuda-toolkit)")
  set(libraries)
  foreach(requirement IN LISTS requirements)
    if(requirement MATCHES "^Requires-Dist: cuda-toolkit[^=]*==([0-9.]+)")
      list(APPEND libraries "cuda-toolkit[cudart,cupti]==${CMAKE_MATCH_1}")   # a package that is all dependencies
    elseif(requirement MATCHES "^Requires-Dist: ([a-z0-9-]+==[0-9.]+)")
      list(APPEND libraries ${CMAKE_MATCH_1})
    endif()
  endforeach()
  if(libraries)   # in one call: with --target, a second one does not merge its nvidia folder into the first one's
    _infoplane_pip(${target} ${libraries})
  endif()
  file(TOUCH "${site}/.complete")   # last, so that an interrupted install is made anew
endfunction()

# An installed LibTorch: CMAKE_PREFIX_PATH, Torch_DIR, or that of the python3 on PATH. Empty where there is none.
function(_infoplane_torch_installed out)
  set(${out} "" PARENT_SCOPE)
  find_path(INFOPLANE_TORCH_CONFIG TorchConfig.cmake HINTS "${Torch_DIR}" ENV Torch_DIR
            PATH_SUFFIXES share/cmake/Torch NO_CMAKE_SYSTEM_PATH DOC "Folder of TorchConfig.cmake")
  if(INFOPLANE_TORCH_CONFIG)
    cmake_path(SET prefix NORMALIZE "${INFOPLANE_TORCH_CONFIG}/../../..")
    set(${out} "${prefix}" PARENT_SCOPE)
    return()
  endif()
  if(INFOPLANE_PYTHON)   # asks for the place only: importing torch takes seconds
    set(probe "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')")
    execute_process(COMMAND "${INFOPLANE_PYTHON}" -c "${probe}" WORKING_DIRECTORY "${CMAKE_BINARY_DIR}"
                    OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
    if(status EQUAL 0 AND EXISTS "${prefix}/share/cmake/Torch/TorchConfig.cmake")
      set(${out} "${prefix}" PARENT_SCOPE)
    endif()
  endif()
endfunction()

function(_infoplane_torch_prefix out)
  find_program(INFOPLANE_PYTHON NAMES python3 python)
  if(INFOPLANE_TORCH_SEARCH)
    _infoplane_torch_installed(prefix)
    if(prefix)
      set(${out} "${prefix}" PARENT_SCOPE)
      return()
    endif()
  endif()
  set(version "${INFOPLANE_TORCH_VERSION}")
  if(version STREQUAL "newest" AND INFOPLANE_PROVISION AND INFOPLANE_PYTHON)
    _infoplane_torch_newest(version)
  endif()
  set(site "${INFOPLANE_DEPS_DIR}/torch-${version}")
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
    _infoplane_torch_install("${version}" "${site}")
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
