#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/compare/comparison.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/core/version.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/report/report.hpp>

#include "compare/comparison.hpp"
#include "report/draw.hpp"
#include "report/glossary.hpp"
#include "report/report_assets.hpp"
#include "report/report_parts.hpp"
#include "report/words.hpp"

namespace infoplane::report {
namespace {

using svg::escape;

std::string how_to_read_planes(const std::string& order, bool curve) {
  std::string out =
      "<p class=\"note\">Each path is a layer, coloured by the step. Upwards: it knows more about what comes next. To "
      "the "
      "left: it forgets what it read (compression). On a dotted ray expressivity is the same share of complexity; on "
      "the "
      "line “bound” the two are equal. Rings: the best step.";
  if (const Words words(order); !words.is_text) {
    out = fmt::format(
        "<p class=\"note\">Each path is a layer, coloured by the step. Upwards: it knows more about {}. To the right: "
        "it "
        "keeps more of all that it read. It cannot know more about {} than it keeps, so no path crosses the line "
        "“bound”. Rings: the best step.",
        escape(words.next), escape(words.next));
  }
  if (curve) {
    out += fmt::format(
        " Dashed, the IB curve: the most that {} alone can tell about what comes next. A layer above it uses the text "
        "before that, too.",
        order == "unigram" ? "one token" : "one " + escape(order));
  }
  return out + "</p>";
}

std::string shading(const std::vector<ReportPhase>& phases) {
  std::string out;
  int shade = 0;
  for (const auto& phase : phases) {
    if (const auto color = phase_color(phase.name, shade); !color.empty()) {
      out += fmt::format(
          "<span><svg class=\"ip\" viewBox=\"0 0 34 14\" aria-hidden=\"true\"><rect class=\"{} swatch\" x=\"1\" "
          "y=\"1\" "
          "width=\"32\" height=\"12\"/></svg>{}, steps {} to {}</span>",
          color, escape(phase.name), phase.first_step, phase.last_step);
    }
  }
  return out.empty() ? "" : "<div class=\"legend\">" + out + "</div>";
}

/// The plane with other coordinates; empty where the run does not have them.
std::string view_part(const ReportRun& run, const std::string& order, View view, std::size_t max_steps) {
  const Words words(order);
  std::string planes;
  for (const auto& split : runs::splits_of(run.file.points)) {
    const auto plane = plane_of(run, order, split, max_steps, view);
    if (!plane.paths.empty()) {
      planes += parts::figure("plane", draw(plane), caption_of(split, words));
    }
  }
  if (planes.empty()) {
    return "";
  }
  const auto head =
      view == View::kContext
          ? fmt::format(
                "<h3>All that was read, and the next {0}</h3><p class=\"note\">To the right: how much a layer "
                "keeps of everything that it has read, not of the last tokens alone. Nothing that it knows can "
                "be more than that, so no path crosses the diagonal.</p>",
                escape(words.token))
          : fmt::format(
                "<h3>Through the last {0} alone</h3><p class=\"note\">Upwards: what a layer would know about what "
                "comes next if all it kept was about the last {0}. Neither the diagonal nor, where it is of "
                "the measured text, the IB curve can be crossed. What is missing to its expressivity comes "
                "from the context.</p>",
                escape(words.token));
  return head + "<div class=\"grid planes\">" + planes + "</div>";
}

/// Where complexity lies, for the mean and for up to twelve layers.
std::string bands_part(const ReportRun& run, std::size_t max_steps) {
  const auto split = runs::main_split(run.file.points);
  auto names = runs::layers_of(run.file.points);
  constexpr std::size_t kMost = 12;
  if (names.size() > kMost) {
    std::vector<std::string> some;
    for (std::size_t i = 0; i < kMost; ++i) {
      some.push_back(names[i * (names.size() - 1) / (kMost - 1)]);
    }
    names = std::move(some);
  }
  names.insert(names.begin(), "");
  std::string figures;
  for (const auto& name : names) {
    const auto bands = bands_of(run, split, name, max_steps);
    figures += bands.parts.empty() ? "" : parts::figure("bands", draw(bands), "");
  }
  return figures.empty()
             ? ""
             : "<h3>Where complexity lies</h3><p class=\"note\">How much of what a layer keeps of its context "
               "is about the last token, how much more about the one before it, and how much is about the "
               "rest. " +
                   caption_of(split, Words("unigram")) + "</p><div class=\"grid\">" + figures + "</div>";
}

/// What is drawn layer by layer.
std::vector<std::string> metrics_of(const std::string& order) {
  return order == plane::output_set("") ? std::vector<std::string>{"complexity"}
                                        : std::vector<std::string>{"optimality", "complexity", "expressivity"};
}

std::string layers_part(const ReportRun& run, const std::string& order, const std::string& id, std::size_t max_steps) {
  std::string out;
  const auto maps_of = metrics_of(order);
  const Words words(order);
  std::vector<std::string> names;
  for (const auto& metric : maps_of) {
    names.push_back(words.called(metric));
  }
  out += fmt::format("<h3>Layer by layer, {}</h3>", escape(words.heading));
  out += maps_of.size() > 1 ? parts::choice("metric", "Show", names, id + order) : "";
  for (const auto& metric : maps_of) {
    std::vector<HeatMap> maps;
    svg::Extent extent;
    for (const auto& split : runs::splits_of(run.file.points)) {
      maps.push_back(heat_map_of(run, metric, order, split, max_steps));
      extent.add(maps.back().extent.low);
      extent.add(maps.back().extent.high);
    }
    out += fmt::format("<div data-metric=\"{}\">", words.called(metric));
    for (auto& map : maps) {
      map.extent = extent;  // one scale, so that the splits can be compared
      out += map.rows.empty() || map.steps.empty() ? "" : parts::figure("map", draw(map), "", true);
    }
    out += "</div>";
  }
  return out;
}

std::string order_part(const ReportRun& run, const std::string& order, const std::string& id, std::size_t max_steps) {
  const auto& points = run.file.points;
  const auto splits = runs::splits_of(points);
  const Words words(order);
  std::string out = fmt::format("<div data-order=\"{}\">", escape(words.is_text ? order : words.heading)), planes;
  bool curve = false;
  for (const auto& split : splits) {
    const auto plane = plane_of(run, order, split, max_steps);
    if (!plane.paths.empty()) {
      planes += parts::figure("plane", draw(plane), caption_of(split, words));
      curve = curve || !plane.curve.empty();
    }
  }
  if (!planes.empty()) {
    out += fmt::format("<h3>The information plane, {}</h3>", escape(words.heading)) + how_to_read_planes(order, curve) +
           "<div class=\"grid planes\">" + planes + "</div>";
  }
  if (words.is_text) {
    out += view_part(run, order, View::kContext, max_steps) + view_part(run, order, View::kThrough, max_steps);
  }
  out += fmt::format("<h3>Over the steps, {}, mean over the blocks</h3>", escape(words.heading));
  const auto panels = panels_of(run, order, max_steps, choice_of(run));
  out += parts::legend(panels.empty() ? std::vector<Line>{} : panels.front().lines);
  out += panels.empty() ? "" : shading(panels.front().phases);
  out += "<div class=\"grid\">";
  for (const auto& panel : panels) {
    out += parts::figure("panel", draw(panel), "");
  }
  out += "</div>" + layers_part(run, order, id, max_steps);
  return out + parts::values_table(run, order) + "</div>";
}

/// Those that the run has; where that is nothing but the context, this.
std::vector<std::string> drawn_orders(const ReportRun& run) {
  auto orders = runs::orders_of(run.file.points);
  const auto only = runs::order_of(run.file.points, "unigram");
  if (orders.empty() && plane::is_named_output(only)) {
    orders.push_back(only);
  }
  return orders;
}

std::string run_part(const ReportRun& run, const std::string& id, std::size_t max_steps) {
  const auto& header = run.file.header;
  const auto orders = drawn_orders(run);
  const auto main_order = orders.empty() ? "unigram" : orders.front();
  std::string out = fmt::format("<section id=\"{}\"><h2>{}</h2><p class=\"sub\">{}{}</p>", id, escape(header.run),
                                escape(run.source), header.started.empty() ? "" : " started " + escape(header.started));
  const auto sentences = run_summary(run, main_order);
  out += "<p class=\"lead\">" + escape(sentences.front()) + "</p>" + parts::big_numbers(run, main_order);
  out += sentences.size() > 1 ? "<div class=\"card summary\"><h3>In detail</h3><ul>" : "";
  for (std::size_t i = 1; i < sentences.size(); ++i) {
    out += "<li>" + escape(sentences[i]) + "</li>";
  }
  out += sentences.size() > 1 ? "</ul></div>" : "";
  if (orders.size() > 1) {
    std::vector<std::string> names;
    for (const auto& order : orders) {
      names.push_back(Words(order).is_text ? order : Words(order).heading);
    }
    out += parts::choice("order", "Show", names, id);
  }
  for (const auto& order : orders) {
    out += order_part(run, order, id, max_steps);
  }
  out += bands_part(run, max_steps);
  if (orders.empty() && !run.file.points.empty()) {
    out +=
        parts::legend({}) + "<p class=\"note\">No point of this run has complexity and expressivity of one order.</p>";
  }
  const bool known = header.anchors > 0 || !header.run.empty();
  return out + (known ? parts::header_table(header) : "") + "</section>";
}

}  // namespace

ReportCurve report_curve(std::string order, const bound::IbCurve& curve, std::int64_t anchors) {
  INFOPLANE_CHECK(anchors >= 2, ArgumentError, "a curve was to be drawn for ", anchors,
                  " anchors: efficiencies are nats / log m, so give m of at least 2");
  const auto unit = std::log(static_cast<double>(anchors));
  ReportCurve drawn{std::move(order), {}};
  for (const auto& point : curve.points()) {
    drawn.points.emplace_back(point.complexity / unit, point.expressivity / unit);
  }
  return drawn;
}

std::vector<std::string> report_notes(const std::vector<ReportRun>& runs) {
  std::vector<std::string> names;
  std::vector<const runs::RunFile*> files;
  for (const auto& run : runs) {
    names.push_back(run.source.empty() ? run.file.header.run : run.source);
    files.push_back(&run.file);
  }
  auto notes = compare::comparison_notes(files, names);
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (const auto& point : files[i]->points) {
      if (const auto small = point.reasons.find("window"); small != point.reasons.end()) {
        notes.push_back(names[i] + ": " + small->second);
      }
    }
  }
  return notes;
}

std::string html_report(const std::vector<ReportRun>& runs, const ReportOptions& options) {
  INFOPLANE_CHECK(!runs.empty(), ArgumentError, "a report was asked for without a run: give at least one");
  INFOPLANE_CHECK(options.max_steps() >= 2, ArgumentError, "a report was asked for with at most ", options.max_steps(),
                  " steps in a figure: give max_steps of at least 2");
  INFOPLANE_CHECK(options.refresh_seconds() >= 0, ArgumentError, "a page was to be loaded again every ",
                  options.refresh_seconds(), " seconds: give 0 or more");
  const auto max_steps = static_cast<std::size_t>(options.max_steps());
  std::vector<std::string> names;
  names.reserve(runs.size());
  for (const auto& run : runs) {
    names.push_back(run.file.header.run.empty() ? run.source : run.file.header.run);
  }
  const auto joined = detail::join(names);
  const auto title = !options.title().empty() ? options.title() : joined.empty() ? "infoplane" : "infoplane: " + joined;
  const auto refresh = options.refresh_seconds();
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n{}<title>{}</title>\n"
      "<style>{}{}@media (prefers-color-scheme:dark){{{}}}@media print{{{}}}</style>\n</head>\n<body>\n<main>\n"
      "<header><h1>{}</h1><p class=\"sub\">Where the layers of a transformer were on the information plane while it "
      "trained, measured by infoplane {}.</p>{}</header>\n",
      refresh > 0 ? fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">\n", refresh) : "", escape(title),
      kReportStyle, svg::style(false), svg::style(true), svg::style(false), escape(title), version(),
      refresh > 0 ? fmt::format("<p class=\"sub\">The run still trains; this page loads itself again every {} seconds."
                                "</p>",
                                refresh)
                  : "");
  page += glossary(runs);
  if (runs.size() > 1) {
    page += parts::comparison(runs, max_steps);
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    page += run_part(runs[i], fmt::format("run{}", i + 1), max_steps) + "\n";
  }
  page += "</main>\n<div id=\"tip\" role=\"status\" hidden></div>\n<script>";
  return page + kReportScript + "</script>\n</body>\n</html>\n";
}

}  // namespace infoplane::report
