find_package(infoplane QUIET)
REQUIRE(NOT infoplane_FOUND)
REQUIRE(infoplane_NOT_FOUND_MESSAGE MATCHES "LibTorch .* was not found.*pip install torch==${TORCH_VERSION}")
REQUIRE(infoplane_NOT_FOUND_MESSAGE MATCHES "INFOPLANE_PROVISION does nothing here")
