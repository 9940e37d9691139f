# Sets `dependencies` to the files that `#include <header>` reads.
function(read_dependencies header)
  file(WRITE "leaks.cpp" "#include <${header}>\n")
  execute_process(COMMAND "${COMPILER}" -std=c++20 -M "-I${INCLUDE}" -isystem "${TORCH}"
                          -isystem "${TORCH}/torch/csrc/api/include" leaks.cpp
                  OUTPUT_VARIABLE found COMMAND_ERROR_IS_FATAL ANY)
  if(NOT found MATCHES "${header}")
    message(FATAL_ERROR "the list of dependencies is not one: ${found}")
  endif()
  set(dependencies "${found}" PARENT_SCOPE)
endfunction()

function(refuse header)
  foreach(leak ${ARGN})
    if(dependencies MATCHES "/${leak}")
      message(SEND_ERROR "${header} includes ${leak}")
    endif()
  endforeach()
endfunction()

read_dependencies(infoplane/infoplane.hpp)
if(NOT dependencies MATCHES "infoplane/monitor/monitor.hpp" OR NOT dependencies MATCHES "ATen/core/TensorBody.h")
  message(FATAL_ERROR "the list of dependencies is not one: ${dependencies}")
endif()
refuse(infoplane/infoplane.hpp "fmt/" "nlohmann/" "CLI/" "nccl.h" "mpi.h" "c10d/" "torch/torch.h" "ATen/ATen.h" "torch/nn/")

# Hooks are of use alone, so they need of this library only the core; modules only where they are given hooks.
file(GLOB headers RELATIVE "${INCLUDE}" "${INCLUDE}/infoplane/hooks/*.hpp")
foreach(header IN LISTS headers)
  read_dependencies(${header})
  refuse(${header} "fmt/" "infoplane/estimator/" "infoplane/labels/" "infoplane/plane/" "infoplane/callbacks/"
         "infoplane/runs/" "infoplane/compare/" "infoplane/report/" "infoplane/sinks/" "infoplane/monitor/"
         "infoplane/distributed/" "torch/torch.h" "torch/nn/modules/linear.h")
  if(NOT header STREQUAL "infoplane/hooks/hookable.hpp")
    refuse(${header} "torch/nn/" "ATen/ATen.h")
  endif()
endforeach()

# Ranks: a backend's header may include its library, all others none of them.
file(GLOB headers RELATIVE "${INCLUDE}" "${INCLUDE}/infoplane/distributed/*.hpp")
list(REMOVE_ITEM headers infoplane/distributed/process_group.hpp infoplane/distributed/mpi.hpp
     infoplane/distributed/nccl.hpp infoplane/distributed/nccl_api.hpp)
foreach(header IN LISTS headers)
  read_dependencies(${header})
  refuse(${header} "fmt/" "nccl.h" "mpi.h" "c10d/" "torch/torch.h" "ATen/ATen.h" "torch/nn/")
endforeach()
