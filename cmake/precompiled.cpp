// Exists to make the precompiled header of cmake/InfoplanePrecompiled.cmake.
