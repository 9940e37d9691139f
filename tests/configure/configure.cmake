cmake_minimum_required(VERSION 3.25)

# A python3 without any package, which keeps what it was asked for in WORK/python.log.
file(REMOVE_RECURSE "${WORK}")
file(WRITE "${WORK}/bin/python3" "#!/bin/sh\necho \"$@\" >>'${WORK}/python.log'\nexit 1\n")
file(CHMOD "${WORK}/bin/python3" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)

# Sets `status` and `log` of a configuration in WORK/build with that python3, what is installed here, and ARGN.
function(configure)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -G Ninja -S "${SOURCE}" -B "${WORK}/build" -D "CMAKE_CXX_COMPILER=${COMPILER}"
            -D "CMAKE_PREFIX_PATH=${TORCH};${PREFIXES}" -D "INFOPLANE_PYTHON=${WORK}/bin/python3" ${ARGN}
    OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE result)
  set(status "${result}" PARENT_SCOPE)
  set(log "${out}${err}" PARENT_SCOPE)
endfunction()

# The table has this row.
function(require_row name state text)
  string(REGEX REPLACE "([][()+.*])" "\\\\\\1" name "${name}")
  if(NOT log MATCHES "--   ${name} +${state} *${text}")
    message(SEND_ERROR "no row \"${name}\" that is ${state} and says \"${text}\" in:\n${log}")
  endif()
endfunction()
