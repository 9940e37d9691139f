# The program alone, installed and moved to another place, runs there.
file(REMOVE_RECURSE "${WORK}")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --component program --prefix "${WORK}/prefix"
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${WORK}/prefix" "${WORK}/moved")
file(GLOB_RECURSE installed RELATIVE "${WORK}/moved" "${WORK}/moved/*")
if(NOT installed STREQUAL "bin/infoplane")
  message(FATAL_ERROR "the component program installs: ${installed}")
endif()
execute_process(COMMAND "${WORK}/moved/bin/infoplane" --version OUTPUT_VARIABLE out COMMAND_ERROR_IS_FATAL ANY)
if(NOT out STREQUAL "infoplane ${VERSION}\n")
  message(FATAL_ERROR "the installed program printed: ${out}")
endif()
