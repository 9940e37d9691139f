file(WRITE "umbrella.cpp" "#include <infoplane/infoplane.hpp>\n")
execute_process(COMMAND "${COMPILER}" -std=c++20 -M "-I${INCLUDE}" -isystem "${TORCH}"
                        -isystem "${TORCH}/torch/csrc/api/include" umbrella.cpp
                OUTPUT_VARIABLE dependencies COMMAND_ERROR_IS_FATAL ANY)
if(NOT dependencies MATCHES "infoplane/monitor/monitor.hpp" OR NOT dependencies MATCHES "ATen/core/TensorBody.h")
  message(FATAL_ERROR "the list of dependencies is not one: ${dependencies}")
endif()
foreach(leak "fmt/" "nlohmann/" "CLI/" "nccl.h" "mpi.h" "c10d/" "torch/torch.h" "ATen/ATen.h" "torch/nn/")
  if(dependencies MATCHES "/${leak}")
    message(FATAL_ERROR "infoplane/infoplane.hpp includes ${leak}")
  endif()
endforeach()
