# ccache as the compiler's launcher: one that is installed or, with INFOPLANE_PROVISION on Debian 12, one of its packages.
# Demo, tests and the tests' consumers compile the same files, so a first build of them all takes half as long with it.
find_program(INFOPLANE_CCACHE ccache)

# Fetches ccache; sets INFOPLANE_CCACHE where it runs.
function(_infoplane_provide_ccache)
  set(release "")
  if(EXISTS /etc/os-release)
    file(STRINGS /etc/os-release release REGEX "^VERSION_CODENAME=bookworm$")
  endif()
  if(NOT release)
    return()
  endif()
  infoplane_provide_debian(ccache ccache libhiredis0.14)
  file(GLOB libraries "${INFOPLANE_DEPS_DIR}/ccache/lib/*/libhiredis.so*")
  if(NOT libraries)
    return()
  endif()
  list(GET libraries 0 library)
  cmake_path(GET library PARENT_PATH folder)
  set(found "${INFOPLANE_DEPS_DIR}/ccache/bin/ccache")
  execute_process(COMMAND "${CMAKE_COMMAND}" -E env "LD_LIBRARY_PATH=${folder}" "${found}" --version
                  OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0)
    set(INFOPLANE_CCACHE "${found}" CACHE FILEPATH "" FORCE)
    set(INFOPLANE_CCACHE_LIBRARIES "${folder}" CACHE INTERNAL "")
  endif()
endfunction()

if(NOT INFOPLANE_CCACHE AND INFOPLANE_PROVISION AND NOT "$CACHE{INFOPLANE_CCACHE}" STREQUAL "")   # empty: not wanted
  _infoplane_provide_ccache()
endif()
if(INFOPLANE_CCACHE)
  infoplane_part("ccache" ON "${INFOPLANE_CCACHE}")
else()
  infoplane_part("ccache" OFF "only makes builds quicker; Debian: ccache")
endif()
if(INFOPLANE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers carry time stamps; without this ccache never hits on their users.
  set(settings CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime)
  if(INFOPLANE_CCACHE_LIBRARIES)   # a provided one keeps to itself
    string(JOIN ":" path "${INFOPLANE_CCACHE_LIBRARIES}" $ENV{LD_LIBRARY_PATH})
    list(APPEND settings "LD_LIBRARY_PATH=${path}")
    if(NOT DEFINED ENV{CCACHE_DIR})
      list(APPEND settings "CCACHE_DIR=${INFOPLANE_DEPS_DIR}/ccache-objects")
    endif()
  endif()
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND};-E;env;${settings};${INFOPLANE_CCACHE}")
endif()
