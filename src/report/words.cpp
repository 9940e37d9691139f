#include "report/words.hpp"

#include <infoplane/plane/metric_keys.hpp>

namespace infoplane::report {

Words::Words(const std::string& order) : is_text(!plane::is_named_output(order)) {
  name = plane::name_of_set(order);
  has_output = is_text || !name.empty();
  heading = is_text ? order + "s" : name.empty() ? "context" : name;
  next = is_text ? "what comes next" : "the " + name;
  heldout = is_text ? "held-out text" : "held-out data";
  read = is_text ? "the tokens that they read" : "what they read";
  token = order == "unigram" ? "token" : name;
  name = is_text || has_output ? name : "context";
}

std::string Words::called(const std::string& metric) const {
  return is_text || (metric != "complexity" && metric != "optimality") ? metric
         : metric == "complexity"                                      ? "context"
                                                                       : "share";
}

std::string caption_of(const std::string& split, const Words& words) {
  return split == "heldout" ? std::string("On ") + words.heldout + "."
         : split == "train" ? "On training batches."
                            : "On " + split + ".";
}

}  // namespace infoplane::report
