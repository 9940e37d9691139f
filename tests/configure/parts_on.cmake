# What is found is on, and says where; what was chosen otherwise says how to choose it.
include("${CMAKE_CURRENT_LIST_DIR}/configure.cmake")
file(WRITE "${WORK}/bin/python3" "#!/bin/sh\nexit 0\n")   # every package is there
file(WRITE "${WORK}/nccl/nccl.h" "")
file(WRITE "${WORK}/nccl/cuda_runtime_api.h" "")
file(WRITE "${WORK}/gloo/gloo/rendezvous/store.h" "")
configure(-D "INFOPLANE_TEST_BROWSER=${WORK}/bin/chromium" -D "INFOPLANE_CCACHE=${WORK}/bin/ccache"
          -D "INFOPLANE_NCCL_INCLUDE=${WORK}/nccl" -D "INFOPLANE_CUDA_RUNTIME_INCLUDE=${WORK}/nccl"
          -D "INFOPLANE_GLOO_INCLUDE=${WORK}/gloo" -D INFOPLANE_MPI=OFF
          -D CMAKE_CXX_COMPILER_LAUNCHER= -D INFOPLANE_EXAMPLES=OFF -D INFOPLANE_PROGRAM=OFF -D INFOPLANE_INSTALL=OFF)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${log}")
endif()
require_row("ccache" on "${WORK}/bin/ccache")
require_row("ranks: c10d process group" on "")
require_row("ranks: making a Gloo group" on "")
require_row("ranks: NCCL communicator" on "")
require_row("ranks: MPI communicator" off "-DINFOPLANE_MPI=AUTO")
require_row("tests: browser" on "${WORK}/bin/chromium")
require_row("tests: Python reference" on "")
require_row("tests: reader of event files" on "")
require_row("program infoplane" off "-DINFOPLANE_PROGRAM=ON")
require_row("install rules" off "-DINFOPLANE_INSTALL=ON")
require_row("examples" off "-DINFOPLANE_EXAMPLES=ON")
