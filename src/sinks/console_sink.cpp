#include <fmt/format.h>

#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/sinks/console_sink.hpp>
#include <iostream>
#include <utility>

#include "sinks/terminal.hpp"

namespace infoplane::sinks {

std::string metric_heading(const std::string& key) {
  const std::pair<const char*, const char*> kNames[] = {
      {"I(X;Z)/input_", "complexity"}, {"I(Y;Z)/output_", "expressivity"}, {"regularity/input_", "regularity"},
      {"optimality/", "optimality"},   {"distance/", "distance"},          {"curve_gap/", "curve gap"},
  };
  for (const auto& [prefix, name] : kNames) {
    if (key.starts_with(prefix)) {
      const auto order = key.substr(std::string_view(prefix).size());
      return order == "unigram" ? name : fmt::format("{} {}", name, order);
    }
  }
  return key;
}

ConsoleSink::ConsoleSink(ConsoleSinkOptions options)
    : Sink("the console sink"),
      options_(std::move(options)),
      output_(options_.output() != nullptr ? options_.output() : &std::cout),
      terminal_(options_.terminal().value_or(is_terminal(*output_))) {
  defaults_ = options_.metrics().empty();
  if (defaults_) {
    options_.metrics({plane::complexity_key("unigram"), plane::expressivity_key("unigram"),
                      plane::optimality_key("unigram"), plane::distance_key("unigram")});
  }
}

void ConsoleSink::write_text(const std::string& text) {
  *output_ << (terminal_ ? kEraseLine : "") << text << std::flush;
  if (!*output_) {
    output_->clear();  // the next line may find its way again
    INFOPLANE_THROW(IoError, "a line could not be written");
  }
}

void ConsoleSink::write_header(const RunHeader& header) {
  if (options_.quiet()) {
    return;
  }
  write_text(
      fmt::format("run {}: {} anchors, d {}, temperature {:.6g} ({}), {} rank{}, every {} steps, window {}\n"
                  "  sites: {}\n  label sets: {}\n",
                  header.run, header.anchors, header.width, header.temperature, header.calibration, header.world_size,
                  header.world_size == 1 ? "" : "s", header.every, header.window, detail::join(header.sites),
                  detail::join(header.label_sets)));
}

void ConsoleSink::write_point(const plane::Point& point) {
  if (options_.quiet()) {
    return;
  }
  auto line = fmt::format("step {:>5}  {:<7}", point.step, point.stream);
  line += std::isnan(point.loss) ? fmt::format("  loss {:>6}", "-") : fmt::format("  loss {:>6.4f}", point.loss);
  for (const auto& key : options_.metrics()) {
    const auto found = point.mean.find(key);
    line += found == point.mean.end() ? fmt::format("  {} {:>7}", metric_heading(key), "-")
                                      : fmt::format("  {} {:>7.4f}", metric_heading(key), found->second);
  }
  if (const auto gap = point.mean.find(plane::curve_gap_key("unigram")); defaults_ && gap != point.mean.end()) {
    line += fmt::format("  {} {:>7.4f}", metric_heading(gap->first), gap->second);
  }
  write_text(line + "\n");
}

void ConsoleSink::flush_output() { *output_ << std::flush; }

}  // namespace infoplane::sinks
