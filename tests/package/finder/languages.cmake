# Before a language is enabled it cannot be used, and says so.
list(APPEND CMAKE_PREFIX_PATH "${WORK}/torch")
find_package(infoplane QUIET)
REQUIRE(NOT infoplane_FOUND)
REQUIRE(infoplane_NOT_FOUND_MESSAGE MATCHES "no language is enabled: call project[(]<name> LANGUAGES CXX[)]")
