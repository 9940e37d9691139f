#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace infoplane::json {

/// Gives an object a member "checksum", which is that of all the others, whatever their order and spacing. Texts in it
/// are UTF-8.
void seal(nlohmann::json& object);

/// Whether the object is as it was sealed. Takes its seal off; one that has none is as it was.
bool unseal(nlohmann::json& object);

}  // namespace infoplane::json
