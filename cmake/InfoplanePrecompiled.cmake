# One precompiled header for examples, tests and benchmarks: LibTorch's module headers cost 25 s a file. The library has
# none, so that each of its files includes what it needs; nor has the test of the README.
add_library(infoplane_precompiled OBJECT "${CMAKE_CURRENT_LIST_DIR}/precompiled.cpp")
infoplane_compile_options(infoplane_precompiled)
# Programs and the header that they share must agree on -fPIC or -fPIE, so neither is asked for.
set_target_properties(infoplane_precompiled PROPERTIES POSITION_INDEPENDENT_CODE OFF)
target_link_libraries(infoplane_precompiled PRIVATE infoplane::torch)
target_precompile_headers(infoplane_precompiled PRIVATE <ATen/ATen.h> <torch/nn.h> <torch/optim.h>)
if(INFOPLANE_TESTS)
  target_link_libraries(infoplane_precompiled PRIVATE Catch2::Catch2)
  target_precompile_headers(infoplane_precompiled PRIVATE <catch2/catch_test_macros.hpp>
                            <catch2/matchers/catch_matchers_string.hpp> <catch2/matchers/catch_matchers_exception.hpp>)
endif()

# infoplane_use_precompiled(<target>... [WITHOUT <file>...]): all of their files, but for those that need no LibTorch.
function(infoplane_use_precompiled)
  cmake_parse_arguments(ARG "" "" "WITHOUT" ${ARGN})
  foreach(target IN LISTS ARG_UNPARSED_ARGUMENTS)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_precompile_headers(${target} REUSE_FROM infoplane_precompiled)
  endforeach()
  if(ARG_WITHOUT)
    set_source_files_properties(${ARG_WITHOUT} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()
