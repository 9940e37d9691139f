# The target docs: the API reference. Its warnings are errors, and a public name without a word is a warning.
find_program(INFOPLANE_DOXYGEN doxygen)
if(NOT INFOPLANE_DOXYGEN)
  infoplane_part("API reference" OFF "Debian: doxygen")
  return()
endif()
infoplane_part("API reference" ON "")
configure_file("${PROJECT_SOURCE_DIR}/docs/Doxyfile.in" "${PROJECT_BINARY_DIR}/Doxyfile" @ONLY)
add_custom_target(docs COMMAND "${INFOPLANE_DOXYGEN}" "${PROJECT_BINARY_DIR}/Doxyfile" VERBATIM
                  COMMENT "API reference in ${PROJECT_BINARY_DIR}/docs/html")
