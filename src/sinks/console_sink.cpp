#include <fmt/format.h>

#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/shown_metric.hpp>
#include <infoplane/sinks/console_sink.hpp>
#include <iostream>
#include <utility>

#include "core/text.hpp"
#include "runs/series.hpp"
#include "sinks/terminal.hpp"

namespace infoplane::sinks {

std::string metric_heading(const std::string& key) {
  const std::pair<const char*, const char*> kNames[] = {
      {"I(X;Z)/input_", "complexity"},
      {"I(Y;Z)/output_", "expressivity"},
      {"regularity/input_", "regularity"},
      {"optimality/", "optimality"},
      {"distance/", "distance"},
      {"curve_gap/", "curve gap"},
      {"bound_gap/", "bound gap"},
      {"efficiency/", "efficiency"},
      {"predicted/", "predicted"},
      {"I(Y;Z)/through_", "through input"},
      {"I(Y;Z)/from_context_", "from context"},
      {"share/output_", "share of context"},
  };
  const auto corrected = plane::corrected_key("");
  auto plain = key.ends_with(corrected) ? key.substr(0, key.size() - corrected.size()) : key;
  if (plain == plane::context_key()) {
    return "context";
  }
  for (const auto& [prefix, name] : kNames) {
    if (plain.starts_with(prefix)) {
      const auto order = plain.substr(std::string_view(prefix).size());
      return order == "unigram" ? name : fmt::format("{} {}", name, order);
    }
  }
  return plain;
}

ConsoleSink::ConsoleSink(ConsoleSinkOptions options)
    : Sink("the console sink"),
      options_(std::move(options)),
      output_(options_.output() != nullptr ? options_.output() : &std::cout),
      terminal_(options_.terminal().value_or(is_terminal(*output_))) {
  defaults_ = options_.metrics().empty();
}

void ConsoleSink::write_text(const std::string& text) {
  *output_ << (terminal_ ? kEraseLine : "") << text << std::flush;
  if (!*output_) {
    output_->clear();  // the next line may find its way again
    INFOPLANE_THROW(IoError, "a line could not be written");
  }
}

void ConsoleSink::write_header(const runs::RunHeader& header) {
  if (options_.quiet()) {
    return;
  }
  write_text(fmt::format(
      "run {}: {} anchors, d {}, temperature {:.6g} ({}), {} rank{}, every {} steps, window {}\n"
      "  sites: {}\n  label sets: {}\n",
      text::printable(header.run), header.anchors, header.width, header.temperature,
      text::printable(header.calibration), header.world_size, header.world_size == 1 ? "" : "s", header.every,
      header.window, text::printable(detail::join(header.sites)), text::printable(detail::join(header.label_sets))));
}

void ConsoleSink::write_point(const plane::Point& point) {
  if (options_.quiet()) {
    return;
  }
  auto line = fmt::format("step {:>5}  {}", point.step, text::padded(text::printable(point.split), 7));
  line += std::isnan(point.loss) ? fmt::format("  loss {:>6}", "-") : fmt::format("  loss {:>6.4f}", point.loss);
  const auto add = [&](const plane::ShownMetric& metric) {
    const auto found = point.mean.find(metric.key);
    line += fmt::format("  {} {:>7}", text::printable(metric.label(metric_heading(metric.key))),
                        found == point.mean.end() ? "-" : fmt::format("{:.4f}", found->second));
  };
  for (const auto& key : options_.metrics()) {  // as they were asked for
    add({key, plane::is_plug_in(key) && point.mean.contains(key)});
  }
  if (defaults_) {
    const auto order = runs::order_of({&point, 1}, "unigram");
    add(plane::shown_metric(plane::complexity_key(order), point.mean));
    if (order != plane::output_set("")) {  // there is a Y
      for (const auto& key :
           {plane::expressivity_key(order), plane::optimality_key(order), plane::distance_key(order)}) {
        add(plane::shown_metric(key, point.mean));
      }
    }
    if (const auto gap = plane::curve_gap_key("unigram"); point.mean.contains(gap)) {
      add(plane::shown_metric(gap, point.mean));
    }
  }
  if (const auto small = point.reasons.find("window"); small != point.reasons.end()) {
    line += "\nnote: " + text::printable(small->second);
  }
  write_text(line + "\n");
}

void ConsoleSink::flush_output() { *output_ << std::flush; }

}  // namespace infoplane::sinks
