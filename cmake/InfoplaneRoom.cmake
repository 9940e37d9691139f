# infoplane_room(<name> SOURCES <file>... [DEPENDS <room>...] [TORCH])
# One static library a room, infoplane::<name>. Link edges are the only way to another room, so they hold the
# order of the rooms; a room without TORCH has no LibTorch header on its include path.
function(infoplane_room name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  add_library(infoplane_${name} STATIC ${ARG_SOURCES})
  add_library(infoplane::${name} ALIAS infoplane_${name})
  set_target_properties(infoplane_${name} PROPERTIES EXPORT_NAME ${name})
  infoplane_compile_options(infoplane_${name})
  target_include_directories(infoplane_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPENDS PREPEND infoplane_)
  target_link_libraries(infoplane_${name} PUBLIC ${ARG_DEPENDS} $<$<BOOL:${ARG_TORCH}>:infoplane::torch>)
  foreach(library IN LISTS ARG_PRIVATE)   # header-only: compiled in, never part of the export
    target_link_libraries(infoplane_${name} PRIVATE $<BUILD_INTERFACE:${library}>)
  endforeach()
  set_property(GLOBAL APPEND PROPERTY INFOPLANE_ROOMS infoplane_${name})
endfunction()
