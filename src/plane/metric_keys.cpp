#include <infoplane/plane/metric_keys.hpp>

namespace infoplane::plane {
namespace {

constexpr std::string_view kCorrected = "/corrected";
constexpr std::string_view kInputSide = "input:";
constexpr std::string_view kOutputSide = "output:";

std::string concat(std::string_view prefix, std::string_view name) {
  std::string key(prefix);
  key += name;
  return key;
}

}  // namespace

std::string input_set(std::string_view name) { return concat(kInputSide, name); }

std::string output_set(std::string_view name) { return concat(kOutputSide, name); }

bool is_named_output(std::string_view label_set) noexcept { return label_set.starts_with(kOutputSide); }

bool is_output(std::string_view label_set) noexcept {
  return is_named_output(label_set) || label_set.starts_with("output_");
}

std::string_view name_of_set(std::string_view label_set) noexcept {
  for (const auto side : {kInputSide, kOutputSide}) {
    if (label_set.starts_with(side)) {
      return label_set.substr(side.size());
    }
  }
  return label_set;
}

std::string information_key(std::string_view label_set) {
  return concat(is_output(label_set) ? "I(Y;Z)/" : "I(X;Z)/", name_of_set(label_set));
}

std::string complexity_key(std::string_view order) {
  return is_named_output(order) ? context_key() : concat("I(X;Z)/input_", order);
}

std::string expressivity_key(std::string_view order) {
  return is_named_output(order) ? information_key(order) : concat("I(Y;Z)/output_", order);
}

std::string optimality_key(std::string_view order) {
  return is_named_output(order) ? share_key(order) : concat("optimality/", order);
}

std::string distance_key(std::string_view order) { return concat("distance/", name_of_set(order)); }

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

std::string share_key(std::string_view label_set) { return concat("share/", name_of_set(label_set)); }

std::string output_share_key(std::string_view order) {
  return is_named_output(order) ? share_key(order) : concat("share/output_", order);
}

std::string regularity_key(std::string_view label_set) { return concat("regularity/", name_of_set(label_set)); }

std::string through_key(std::string_view order) { return concat("I(Y;Z)/through_", order); }

std::string paired_key(std::string_view order) { return concat("I(X;Z)/paired_", order); }

std::string optimality_through_key(std::string_view order) { return concat("optimality_through/", order); }

std::string from_context_key(std::string_view order) { return concat("I(Y;Z)/from_context_", order); }

std::string bound_gap_key(std::string_view order) { return concat("bound_gap/", order); }

std::string efficiency_key(std::string_view order) { return concat("efficiency/", order); }

std::string predicted_key(std::string_view order) { return concat("predicted/", order); }

}  // namespace infoplane::plane
