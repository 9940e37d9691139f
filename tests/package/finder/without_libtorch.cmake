# QUIET: not found, with a message, and the configuration goes on.
find_package(infoplane QUIET)
REQUIRE(NOT infoplane_FOUND)
REQUIRE(infoplane_NOT_FOUND_MESSAGE MATCHES "^LibTorch .* was not found")
REQUIRE(infoplane_NOT_FOUND_MESSAGE MATCHES "pip install torch==${TORCH_VERSION}")
REQUIRE(infoplane_NOT_FOUND_MESSAGE MATCHES "-DCMAKE_PREFIX_PATH=/path/to/libtorch")
REQUIRE(NOT TARGET infoplane::infoplane)
REQUIRE(NOT TARGET infoplane::torch)

# A second look, after the consumer has got one.
list(APPEND CMAKE_PREFIX_PATH "${WORK}/torch")
find_package(infoplane QUIET)
REQUIRE(infoplane_FOUND)
REQUIRE(NOT DEFINED infoplane_NOT_FOUND_MESSAGE)
REQUIRE(TARGET infoplane::infoplane)
REQUIRE(infoplane_VERSION STREQUAL VERSION)
