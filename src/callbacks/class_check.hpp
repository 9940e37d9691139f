#pragma once

#include <string>
#include <string_view>

namespace infoplane::callbacks {

/// Makes sure that a source in an archive's code/ is one class with attributes: nothing that could run.
/// @throws IoError, with the reason alone, naming the record and the line.
void check_class(std::string_view source, const std::string& record);

}  // namespace infoplane::callbacks
