# The LibTorch that this project is built with: one that is installed or, with INFOPLANE_PROVISION, fetched. Sets
# INFOPLANE_TORCH_PREFIX and INFOPLANE_TORCH_FOUND_VERSION, and defines infoplane::torch, and infoplane_fmt on the fmt
# headers that LibTorch carries. Not installed: a package fetches nothing on its user's machine.
include(InfoplaneTorch)
set(INFOPLANE_TORCH_VERSION 2.11.0 CACHE STRING
    "LibTorch to fetch where there is none (INFOPLANE_PROVISION); \"newest\": the newest 2.x of the package index")
option(INFOPLANE_TORCH_SEARCH "Take a LibTorch that is already installed; OFF: exactly INFOPLANE_TORCH_VERSION" ON)
set(INFOPLANE_TORCH_MINIMUM 2.9)
# Part of a folder's name, which is removed before it is filled.
if(NOT INFOPLANE_TORCH_VERSION MATCHES "^(newest|[0-9]+[.][0-9A-Za-z.+]+)$")
  message(FATAL_ERROR "INFOPLANE_TORCH_VERSION is \"${INFOPLANE_TORCH_VERSION}\": give a version such as 2.11.0, or newest")
endif()

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

# One that is installed, if it is new enough. Where another can be fetched, an old one is in nobody's way.
function(_infoplane_torch_installed out)
  set(${out} "" PARENT_SCOPE)
  infoplane_find_torch(prefix)
  if(NOT prefix)
    return()
  endif()
  infoplane_torch_version("${prefix}" version)
  if(version VERSION_GREATER_EQUAL INFOPLANE_TORCH_MINIMUM)
    set(${out} "${prefix}" PARENT_SCOPE)
  elseif(INFOPLANE_PROVISION)
    message(STATUS "LibTorch ${version} in ${prefix} is older than ${INFOPLANE_TORCH_MINIMUM}, so it is left alone")
  else()
    message(FATAL_ERROR "LibTorch ${version} in ${prefix} is older than ${INFOPLANE_TORCH_MINIMUM}. Pass "
      "-DCMAKE_PREFIX_PATH=/path/to/another/libtorch, or -DINFOPLANE_PROVISION=ON (1.2 GB under ${INFOPLANE_DEPS_DIR})")
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

_infoplane_torch_prefix(INFOPLANE_TORCH_PREFIX)
infoplane_torch_version("${INFOPLANE_TORCH_PREFIX}" INFOPLANE_TORCH_FOUND_VERSION)
if(INFOPLANE_TORCH_FOUND_VERSION VERSION_LESS INFOPLANE_TORCH_MINIMUM)
  message(FATAL_ERROR "LibTorch ${INFOPLANE_TORCH_FOUND_VERSION} in ${INFOPLANE_TORCH_PREFIX} is older than ${INFOPLANE_TORCH_MINIMUM}")
endif()
message(STATUS "LibTorch ${INFOPLANE_TORCH_FOUND_VERSION}: ${INFOPLANE_TORCH_PREFIX}")
find_package(Threads REQUIRED)
infoplane_torch_targets("${INFOPLANE_TORCH_PREFIX}")

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
