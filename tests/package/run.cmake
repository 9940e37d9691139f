set(work "${BUILD}/package-test/${WAY}")
file(REMOVE_RECURSE "${work}")
list(PREPEND PREFIXES "${TORCH}")
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")
if(WAY STREQUAL "find_package")
  list(PREPEND PREFIXES "${INSTALLED}")
endif()
execute_process(
  COMMAND "${CMAKE_COMMAND}" -G Ninja -S "${SOURCE}/tests/package/consumer" -B "${work}/build" -D "WAY=${WAY}"
          -D "INFOPLANE_SOURCE=${SOURCE}" -D "CMAKE_PREFIX_PATH=${PREFIXES}" -D CMAKE_BUILD_TYPE=Release
          -D "CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" -D "INFOPLANE_SANITIZE=${SANITIZE}" ${FLAGS}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${work}/build" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${work}/build/consumer" OUTPUT_VARIABLE out COMMAND_ERROR_IS_FATAL ANY)
if(NOT out MATCHES "H.Z. of 64 tokens: 0[.][0-9]+ by infoplane 0[.]1[.]0")
  message(FATAL_ERROR "the consumer printed: ${out}")
endif()
execute_process(COMMAND "${work}/build/hooks_consumer" OUTPUT_VARIABLE out COMMAND_ERROR_IS_FATAL ANY)
if(NOT out MATCHES "1 hook call, sites embedding blocks[.]0 own[.]0 \n")
  message(FATAL_ERROR "the consumer of hooks alone printed: ${out}")
endif()
