#pragma once

#include <string>

namespace infoplane::test {

/// Skips the running case, with its reason, unless `there`. The one way to skip: the case carries the tag
/// [needs:<what>], by which tests/CMakeLists.txt makes it an entry that ctest shows as skipped; without it the case
/// fails, also where nothing is missing.
void needs(const std::string& what, bool there, const std::string& reason);

}  // namespace infoplane::test
