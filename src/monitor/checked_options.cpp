#include "monitor/checked_options.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>

#include "core/text.hpp"

namespace infoplane {

namespace {

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMostNames = 16;
  std::string result;
  for (std::size_t i = 0; i < names.size() && i < kMostNames; ++i) {
    result += (i == 0 ? "\"" : ", \"") + text::printable(names[i]) + '"';
  }
  return names.size() > kMostNames ? detail::concat(result, " and ", names.size() - kMostNames, " more") : result;
}

bool has_order(const std::vector<int>& orders, std::string (*name)(int), const std::string& wanted) {
  return std::any_of(orders.begin(), orders.end(), [&](int order) { return name(order) == wanted; });
}

}  // namespace

MonitorOptions checked(MonitorOptions options) {
  INFOPLANE_CHECK(options.every() >= 1, ArgumentError, "MonitorOptions::every must be at least 1, got ",
                  options.every());
  INFOPLANE_CHECK(options.window() >= 0 && options.window() <= options.every(), ArgumentError,
                  "MonitorOptions::window must be between 1 and every (", options.every(), "), or 0 to be chosen, got ",
                  options.window());
  INFOPLANE_CHECK(options.draws() >= 1, ArgumentError, "MonitorOptions::draws must be at least 1, got ",
                  options.draws());
  INFOPLANE_CHECK(options.draws() == 1 || !options.estimator().raw_seed(), ArgumentError, "MonitorOptions::draws(",
                  options.draws(), ") of anchors with SoftEntropyOptions::raw_seed: that is the reference's one draw");
  INFOPLANE_CHECK(options.first_block() >= 0, ArgumentError, "MonitorOptions::first_block must be at least 0, got ",
                  options.first_block());
  const auto& labels = options.labels();
  for (const auto& [order, curve] : options.curves()) {
    INFOPLANE_CHECK(has_order(labels.input_orders(), labels::input_label_name, "input_" + order) &&
                        has_order(labels.output_orders(), labels::output_label_name, "output_" + order),
                    ArgumentError, "MonitorOptions::bound of the order \"", order,
                    "\": the gap to its curve needs the ", "label sets input_", order, " and output_", order,
                    ", but MonitorOptions::labels has input orders ", detail::join(labels.input_orders()),
                    " and output orders ", detail::join(labels.output_orders()));
  }
  return options;
}

hooks::WatchOptions watch_options(const MonitorOptions& options) {
  std::vector<std::string> patterns = options.sites();
  patterns.insert(patterns.end(), options.taps().begin(), options.taps().end());
  return hooks::WatchOptions().sites(std::move(patterns)).blocks(options.blocks());
}

void require_matches(const MonitorOptions& options, const hooks::Watcher& watcher) {
  const auto unmatched = options.pipeline() ? std::vector<std::string>{} : watcher.unmatched_patterns();
  for (const auto& pattern : options.sites()) {
    const bool matches = std::find(unmatched.begin(), unmatched.end(), pattern) == unmatched.end();
    INFOPLANE_CHECK(matches, SiteError, "MonitorOptions::sites: \"", text::printable(pattern),
                    "\" matches no site and no norm of the model. Its sites are ", listed(watcher.names()),
                    ". A name that only tap() in the model's code has belongs to MonitorOptions::taps");
  }
}

}  // namespace infoplane
