# The target tidy: clang-tidy over all sources of this build, and over each public header alone. For the preset tidy, whose
# compile commands have no precompiled header of another compiler.
find_program(INFOPLANE_TIDY NAMES run-clang-tidy run-clang-tidy-14)
if(INFOPLANE_TIDY)
  infoplane_part("target tidy" ON "${INFOPLANE_TIDY}")
  add_custom_target(tidy
    COMMAND "${INFOPLANE_TIDY}" -quiet -p "${PROJECT_BINARY_DIR}" "^${PROJECT_SOURCE_DIR}/(benchmarks|examples|src|tests)/"
            "^${PROJECT_BINARY_DIR}/tests/headers/"
    USES_TERMINAL VERBATIM COMMENT "clang-tidy over all sources")
else()
  infoplane_part("target tidy" OFF "run-clang-tidy was not found; Debian: clang-tidy")
  add_custom_target(tidy COMMAND "${CMAKE_COMMAND}" -E echo "run-clang-tidy was not found; Debian: clang-tidy"
                         COMMAND "${CMAKE_COMMAND}" -E false VERBATIM)
endif()
