# Folders under INFOPLANE_DEPS_DIR are removed before they are filled, so it is never the root nor relative to anything.
cmake_path(SET deps_dir NORMALIZE "${INFOPLANE_DEPS_DIR}")
cmake_path(GET deps_dir RELATIVE_PART below_root)
if(NOT IS_ABSOLUTE "${INFOPLANE_DEPS_DIR}" OR below_root STREQUAL "")
  message(FATAL_ERROR "INFOPLANE_DEPS_DIR is \"${INFOPLANE_DEPS_DIR}\", where nothing can be fetched to: pass an absolute path, such as "
    "-DINFOPLANE_DEPS_DIR=${PROJECT_SOURCE_DIR}/build/deps, or none at all (cmake -U INFOPLANE_DEPS_DIR)")
endif()

# infoplane_provide_debian(<folder> <package>...): with INFOPLANE_PROVISION, unpacks Debian packages under
# INFOPLANE_DEPS_DIR/<folder> and puts that on CMAKE_PREFIX_PATH. Where this isn't a Debian, does nothing.
function(infoplane_provide_debian folder)
  set(dest "${INFOPLANE_DEPS_DIR}/${folder}")
  if(INFOPLANE_PROVISION AND NOT EXISTS "${dest}/.complete")
    list(JOIN ARGN " " packages)
    message(STATUS "Fetching ${packages} into ${dest} (once)")
    set(log "${CMAKE_BINARY_DIR}/${folder}.log")
    file(MAKE_DIRECTORY "${INFOPLANE_DEPS_DIR}")
    execute_process(COMMAND sh "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/debian_unpack.sh" "${dest}" ${ARGN}
                    OUTPUT_FILE "${log}" ERROR_FILE "${log}" RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
      message(STATUS "Not a Debian, or no package source reached (see ${log})")
    endif()
  endif()
  if(EXISTS "${dest}/.complete")
    list(PREPEND CMAKE_PREFIX_PATH "${dest}")
    set(CMAKE_PREFIX_PATH "${CMAKE_PREFIX_PATH}" PARENT_SCOPE)
  endif()
endfunction()

# What an earlier configuration provided: its packages are cached, so nobody asks for them again, but whoever configures
# with the prefixes of this one needs all of them.
foreach(folder gloo catch2 cli11 nlohmann-json)
  if(EXISTS "${INFOPLANE_DEPS_DIR}/${folder}/.complete")
    list(APPEND CMAKE_PREFIX_PATH "${INFOPLANE_DEPS_DIR}/${folder}")
  endif()
endforeach()
