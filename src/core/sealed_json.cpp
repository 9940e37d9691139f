#include "core/sealed_json.hpp"

#include <cstdio>

#include "core/checksum.hpp"

namespace infoplane::json {
namespace {

constexpr const char* kSeal = "checksum";

/// Members in the order of their names, numbers in the shortest form that reads back: the same before a text and after.
std::string checksum(const nlohmann::json& object) {
  Checksum sum;
  sum.add(object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(sum.value()));
  return text;
}

}  // namespace

void seal(nlohmann::json& object) {
  object.erase(kSeal);
  object[kSeal] = checksum(object);
}

bool unseal(nlohmann::json& object) {
  const auto found = object.find(kSeal);
  if (found == object.end()) {
    return true;
  }
  const auto seal = *found;
  object.erase(found);
  return seal == checksum(object);
}

}  // namespace infoplane::json
