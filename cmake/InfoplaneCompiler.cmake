# What every target of this project is compiled with. Nothing here reaches a consumer.
if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  include(InfoplaneCcache)
endif()

# Own defaults of a target: standard, warnings, sanitizers.
function(infoplane_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                           $<$<BOOL:${INFOPLANE_WERROR}>:-Werror>)
  if(INFOPLANE_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${INFOPLANE_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")   # which warns falsely in sanitized code, as its manual says
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
    target_link_options(${target} PUBLIC -fsanitize=${INFOPLANE_SANITIZE})
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND INFOPLANE_CCACHE)
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
endfunction()
