include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/infoplane")
get_property(rooms GLOBAL PROPERTY INFOPLANE_ROOMS)
install(TARGETS infoplane ${rooms} EXPORT infoplane-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(INFOPLANE_PROGRAM)
  install(TARGETS infoplane_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()
install(DIRECTORY include/infoplane DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT infoplane-targets NAMESPACE infoplane:: DESTINATION ${package_dir})
configure_package_config_file(cmake/infoplane-config.cmake.in "${PROJECT_BINARY_DIR}/infoplane-config.cmake"
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/infoplane-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/infoplane-config.cmake" "${PROJECT_BINARY_DIR}/infoplane-config-version.cmake"
              cmake/InfoplaneTorch.cmake cmake/InfoplaneCuda.cmake DESTINATION ${package_dir})
