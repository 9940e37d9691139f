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

std::string draw_error_key(std::string_view key) { return concat(key, "/draw_error"); }

std::string error_key(std::string_view key) {
  return standard_error_key(key.ends_with(kCorrected) ? key.substr(0, key.size() - kCorrected.size()) : key);
}

std::string curve_gap_key(std::string_view order) { return concat("curve_gap/", order); }

std::string context_key() { return "I(X;Z)/context"; }

std::string mean_direction_key() { return "mean_direction"; }

std::string anchors_in_use_key() { return "anchors_in_use"; }

std::string share_key(std::string_view label_set) { return concat("share/", label_set); }

std::string through_key(std::string_view order) { return concat("I(Y;Z)/through_", order); }

std::string paired_key(std::string_view order) { return concat("I(X;Z)/paired_", order); }

std::string optimality_through_key(std::string_view order) { return concat("optimality_through/", order); }

std::string from_context_key(std::string_view order) { return concat("I(Y;Z)/from_context_", order); }

std::string bound_gap_key(std::string_view order) { return concat("bound_gap/", order); }

std::string efficiency_key(std::string_view order) { return concat("efficiency/", order); }

std::string predicted_key(std::string_view order) { return concat("predicted/", order); }

}  // namespace infoplane::plane
