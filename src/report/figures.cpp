#include <algorithm>
#include <infoplane/core/error.hpp>
#include <infoplane/report/figures.hpp>

#include "core/text.hpp"
#include "report/draw.hpp"

namespace infoplane::report {
namespace {

std::size_t checked_steps(const FigureOptions& options) {
  INFOPLANE_CHECK(options.max_steps() >= 2, ArgumentError, "a figure was asked for with at most ", options.max_steps(),
                  " steps: give max_steps of at least 2");
  return static_cast<std::size_t>(options.max_steps());
}

std::string order_in(const ReportRun& run, const FigureOptions& options) {
  return runs::order_of(run.file.points, options.order());
}

/// The split to draw, once it is known to hold the order.
std::string checked_split(const ReportRun& run, const FigureOptions& options) {
  const auto orders = runs::orders_of(run.file.points);
  INFOPLANE_CHECK(std::find(orders.begin(), orders.end(), order_in(run, options)) != orders.end(), ArgumentError,
                  "the run has no complexity and expressivity of ", options.order(), "s; it has ",
                  orders.empty() ? "none" : runs::names_of(orders));
  const auto split = options.split().empty() ? runs::main_split(run.file.points) : options.split();
  INFOPLANE_CHECK(!runs::points_of(run.file.points, split).empty(), ArgumentError, "the run has no stream \"", split,
                  "\"; it has ", detail::join(runs::splits_of(run.file.points)));
  return split;
}

std::string document(const ReportRun& run, const Drawing& drawing) {
  return svg::document(drawing.width, drawing.height, run.file.header.run + ": " + drawing.alt, drawing.body);
}

}  // namespace

std::string plane_svg(const ReportRun& run, const FigureOptions& options) {
  const auto steps = checked_steps(options);
  const auto split = checked_split(run, options);
  return document(run, draw(plane_of(run, order_in(run, options), split, steps)));
}

std::string steps_svg(const ReportRun& run, const FigureOptions& options) {
  const auto steps = checked_steps(options);
  checked_split(run, options);
  Drawing all;
  const auto panels = panels_of(run, order_in(run, options), steps, choice_of(run));
  for (const auto& panel : panels) {
    const auto drawing = draw(panel);
    all.body += "<g transform=\"translate(0 " + svg::at(all.height) + ")\">" + drawing.body + "</g>";
    all.width = drawing.width;
    all.height += drawing.height;
  }
  std::string legend;  // the lines of the first panel: every split is in each
  double x = 8;
  for (const auto& line : panels.front().lines) {
    legend += "<path class=\"ln " + line.color + "\" d=\"M" + svg::at(x) + " " + svg::at(all.height + 8) +
              "h26\"/><text x=\"" + svg::at(x + 32) + "\" y=\"" + svg::at(all.height + 12) + "\">" +
              svg::escape(line.name) + "</text>";
    x += 50 + 8 * static_cast<double>(text::columns(line.name));
  }
  all.body += legend;
  all.height += 24;
  all.alt = "loss and coordinates over steps";
  return document(run, all);
}

std::string layers_svg(const ReportRun& run, const FigureOptions& options) {
  const auto steps = checked_steps(options);
  const auto split = checked_split(run, options);
  return document(run, draw(heat_map_of(run, options.metric(), order_in(run, options), split, steps)));
}

}  // namespace infoplane::report
