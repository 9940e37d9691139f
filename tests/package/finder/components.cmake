# Rooms are components. Without LibTorch those that need none are found, and the others only missed where required.
find_package(infoplane QUIET COMPONENTS sinks plane)
REQUIRE(infoplane_FOUND)
REQUIRE(infoplane_sinks_FOUND)
REQUIRE(TARGET infoplane::sinks)
REQUIRE(NOT TARGET infoplane::torch)

find_package(infoplane QUIET COMPONENTS sinks OPTIONAL_COMPONENTS hooks nonsense)
REQUIRE(infoplane_FOUND)
REQUIRE(infoplane_sinks_FOUND)
REQUIRE(NOT infoplane_hooks_FOUND)
REQUIRE(NOT infoplane_nonsense_FOUND)

find_package(infoplane QUIET COMPONENTS hooks)
REQUIRE(NOT infoplane_FOUND)
REQUIRE(NOT infoplane_hooks_FOUND)
REQUIRE(infoplane_NOT_FOUND_MESSAGE MATCHES "^LibTorch .* was not found")

find_package(infoplane QUIET OPTIONAL_COMPONENTS hooks)
REQUIRE(infoplane_FOUND)
REQUIRE(NOT infoplane_hooks_FOUND)

list(APPEND CMAKE_PREFIX_PATH "${WORK}/torch")
find_package(infoplane QUIET COMPONENTS hooks)
REQUIRE(infoplane_FOUND)
REQUIRE(infoplane_hooks_FOUND)
REQUIRE(TARGET infoplane::hooks)
REQUIRE(TARGET infoplane::torch)

find_package(infoplane 0.1 QUIET COMPONENTS core labels estimator hooks bound plane callbacks checkpoint runs compare
             report sinks distributed monitor infoplane)
REQUIRE(infoplane_FOUND)
REQUIRE(infoplane_infoplane_FOUND)

find_package(infoplane QUIET COMPONENTS hooks nonsense OPTIONAL_COMPONENTS torch)
REQUIRE(NOT infoplane_FOUND)
REQUIRE(NOT infoplane_hooks_FOUND)
REQUIRE(infoplane_NOT_FOUND_MESSAGE MATCHES "infoplane has no component nonsense, torch. Its components are infoplane, core, .*hooks")
