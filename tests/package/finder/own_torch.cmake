# The LibTorch of the consumer's own find_package(Torch), which set Torch_DIR, comes before others; and it is found where
# PyTorch's documentation says to point CMAKE_PREFIX_PATH to.
function(place_of out)
  get_target_property(location infoplane_torch_cpu IMPORTED_LOCATION)
  set(${out} "${location}" PARENT_SCOPE)
endfunction()
file(COPY "${WORK}/torch/" DESTINATION "${WORK}/other")
set(Torch_DIR "${WORK}/torch/share/cmake/Torch")
list(APPEND CMAKE_PREFIX_PATH "${WORK}/other/share/cmake")
find_package(infoplane QUIET)
REQUIRE(infoplane_FOUND)
place_of(location)
REQUIRE(location STREQUAL "${WORK}/torch/lib/libtorch_cpu.so")

unset(Torch_DIR)
infoplane_find_torch(prefix)
REQUIRE(prefix STREQUAL "${WORK}/other")
