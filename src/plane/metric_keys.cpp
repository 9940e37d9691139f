#include <infoplane/plane/metric_keys.hpp>

namespace infoplane::plane {
namespace {

constexpr std::string_view kCorrected = "/corrected";

std::string concat(std::string_view prefix, std::string_view name) {
  std::string key(prefix);
  key += name;
  return key;
}

}  // namespace

std::string information_key(std::string_view label_set) {
  return concat(label_set.starts_with("output_") ? "I(Y;Z)/" : "I(X;Z)/", label_set);
}

std::string complexity_key(std::string_view order) { return concat("I(X;Z)/input_", order); }

std::string expressivity_key(std::string_view order) { return concat("I(Y;Z)/output_", order); }

std::string optimality_key(std::string_view order) { return concat("optimality/", order); }

std::string distance_key(std::string_view order) { return concat("distance/", order); }

std::string null_key(std::string_view key) { return concat(key, "/null"); }

std::string corrected_key(std::string_view key) { return concat(key, kCorrected); }

std::string standard_error_key(std::string_view key) { return concat(key, "/standard_error"); }

std::string error_key(std::string_view key) {
  return standard_error_key(key.ends_with(kCorrected) ? key.substr(0, key.size() - kCorrected.size()) : key);
}

std::string curve_gap_key(std::string_view order) { return concat("curve_gap/", order); }

}  // namespace infoplane::plane
