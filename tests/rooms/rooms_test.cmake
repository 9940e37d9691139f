# cmake -D WORK=<scratch folder> -P rooms_test.cmake: rooms.cmake fails on what it is there to find, and on nothing else.
cmake_minimum_required(VERSION 3.25)

# Runs rooms.cmake over a tree that has, beside a good file, one of that content; sets `status` and `log`.
function(check_tree file content)
  file(REMOVE_RECURSE "${WORK}")
  file(WRITE "${WORK}/src/plane/good.cpp" "#include <infoplane/plane/point.hpp>\n#include <infoplane/estimator/estimate.hpp>\n"
       "#include <report>\n#include <ATen/core/Tensor.h>\n\n#include \"bound/concave_hull.hpp\"\n// #include \"sinks/sink.hpp\"\n")
  file(WRITE "${WORK}/${file}" "${content}")
  execute_process(COMMAND "${CMAKE_COMMAND}" -D "SOURCE=${WORK}" -P "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/rooms.cmake"
                  OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE result)
  string(REGEX REPLACE "[ \n]+" " " log "${out}${err}")
  set(status "${result}" PARENT_SCOPE)
  set(log "${log}" PARENT_SCOPE)
endfunction()

function(require_error text)
  string(FIND "${log}" "${text}" at)
  if(status EQUAL 0 OR at EQUAL -1)
    message(SEND_ERROR "not an error that says \"${text}\", but an end with ${status}: ${log}")
  endif()
endfunction()

check_tree(include/infoplane/plane/point.hpp "#pragma once\n")
if(NOT status EQUAL 0 OR NOT log MATCHES "2 arrows between rooms")
  message(SEND_ERROR "includes downwards are refused with ${status}: ${log}")
endif()
check_tree(src/runs/deep/run.cpp "#include \"report/svg.hpp\"\n")
require_error("src/runs/deep/run.cpp includes report/svg.hpp, but the room runs may include only: core, plane")
check_tree(include/infoplane/runs/run.hpp "  #  include <infoplane/sinks/sink.hpp>\n")
require_error("include/infoplane/runs/run.hpp includes sinks/sink.hpp")
check_tree(src/plane/point.cpp "#include <infoplane/estimator/accumulator.hpp>\n")
require_error("may include only: core, bound, estimator/estimate.hpp")
check_tree(src/core/kernel.cuh "#include \"labels/runs.hpp\"\n")
require_error("src/core/kernel.cuh includes labels/runs.hpp")
check_tree(src/attic/old.cpp "#include <vector>\n")
require_error("src/attic/old.cpp: the room attic is not in the table")
