# Another infoplane, another LibTorch: not found, and both versions named.
find_package(infoplane 9.0 QUIET)
REQUIRE(NOT infoplane_FOUND)
REQUIRE("${VERSION}" IN_LIST infoplane_CONSIDERED_VERSIONS)

foreach(version 1.13.1 2.99.0)
  string(REPLACE "." ";" numbers "${version}")
  list(GET numbers 0 major)
  list(GET numbers 1 minor)
  file(WRITE "${WORK}/torch/include/torch/headeronly/version.h" "#define TORCH_VERSION_MAJOR ${major}\n"
       "#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH 1\n")
  list(APPEND CMAKE_PREFIX_PATH "${WORK}/torch")
  find_package(infoplane QUIET)
  REQUIRE(NOT infoplane_FOUND)
  REQUIRE(infoplane_NOT_FOUND_MESSAGE MATCHES
          "built against LibTorch ${TORCH_VERSION}, but that in ${WORK}/torch is ${major}.${minor}.1. Build infoplane against it")
endforeach()
file(REMOVE "${WORK}/torch/include/torch/headeronly/version.h")
find_package(infoplane QUIET)
REQUIRE(NOT infoplane_FOUND)
REQUIRE(infoplane_NOT_FOUND_MESSAGE MATCHES "built against LibTorch ${TORCH_VERSION}, but that in ${WORK}/torch is of no known version")
