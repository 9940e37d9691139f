# Folders under INFOPLANE_DEPS_DIR are removed and filled: it is not empty, not the root and not relative; nor does a
# version lead out of it.
include("${CMAKE_CURRENT_LIST_DIR}/configure.cmake")
function(require_refused message)
  configure(-D INFOPLANE_PROVISION=ON -D INFOPLANE_TORCH_SEARCH=OFF -D INFOPLANE_CCACHE= ${ARGN})
  string(REGEX REPLACE "[ \n]+" " " log "${log}")
  string(FIND "${log}" "${message}" at)
  if(status EQUAL 0 OR at EQUAL -1)
    message(SEND_ERROR "not refused with \"${message}\", but ended with ${status}: ${log}")
  endif()
  if(EXISTS "${WORK}/python.log")
    file(READ "${WORK}/python.log" asked)
    message(SEND_ERROR "python3 was asked for: ${asked}")
  endif()
endfunction()
require_refused("INFOPLANE_DEPS_DIR is \"\", where nothing can be fetched to: pass an absolute path" -D INFOPLANE_DEPS_DIR:PATH=)
require_refused("INFOPLANE_DEPS_DIR is \"/\", where" -D INFOPLANE_DEPS_DIR:PATH=/)
require_refused("INFOPLANE_DEPS_DIR is \"/a/..\", where" -D INFOPLANE_DEPS_DIR:PATH=/a/../)
require_refused("INFOPLANE_DEPS_DIR is \"deps\", where" -D INFOPLANE_DEPS_DIR:STRING=deps)
require_refused("INFOPLANE_TORCH_VERSION is \"\": give a version such as 2.11.0, or newest"
                -D "INFOPLANE_DEPS_DIR:PATH=${WORK}/deps" -D INFOPLANE_TORCH_VERSION=)
require_refused("INFOPLANE_TORCH_VERSION is \"2.9/../..\": give" -D "INFOPLANE_DEPS_DIR:PATH=${WORK}/deps"
                -D INFOPLANE_TORCH_VERSION=2.9/../..)

foreach(folder "" / /deps deps ../deps)
  execute_process(COMMAND sh "${SOURCE}/cmake/debian_unpack.sh" "${folder}" none WORKING_DIRECTORY "${WORK}"
                  RESULT_VARIABLE status ERROR_VARIABLE err)
  if(status EQUAL 0 OR NOT err MATCHES "no folder to unpack into: '${folder}'")
    message(SEND_ERROR "debian_unpack.sh takes \"${folder}\": ${err}")
  endif()
endforeach()
