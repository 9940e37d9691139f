#include "report/report_parts.hpp"
#include "report/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <map>
#include <set>

namespace infoplane::report::parts {
namespace {

using svg::escape;

std::string config_text(const runs::ConfigValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const auto* flag = std::get_if<bool>(&value)) {
    return *flag ? "true" : "false";
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return fmt::format("{:.6g}", *number);
  }
  return std::to_string(std::get<std::int64_t>(value));
}

/// "blocks.0 (norm input)", the kind where the header tells it.
std::vector<std::string> sites_with_kinds(const runs::RunHeader& header) {
  auto sites = header.sites;
  for (auto& site : sites) {
    if (const auto kind = header.site_kinds.find(site); kind != header.site_kinds.end()) {
      site += " (" + kind->second + ")";
    }
  }
  return sites;
}

std::string fact(const std::string& number, const std::string& what) {
  return fmt::format("<div class=\"fact\"><b>{}</b><span>{}</span></div>", escape(number), escape(what));
}

/// What stands at the last point; where that has no value, that and why, and what there was last. Nothing for what no
/// point has.
std::string ending_fact(const std::string& what, const runs::Ending& ending, const std::string& where) {
  if (!ending.last_defined) {
    return "";
  }
  const auto value = svg::value(ending.last_defined->value);
  return ending.defined()
             ? fact(value, what + " at the end" + where)
             : fact("not defined", fmt::format("{} at the last point, step {}{} ({}); {} at step {}", what, ending.step,
                                               where, ending.reason, value, ending.last_defined->step));
}

/// The same for a table.
std::string ending_cell(const runs::Ending& ending) {
  if (!ending.last_defined) {
    return "undefined";
  }
  const auto value = svg::value(ending.last_defined->value);
  return ending.defined() ? value : fmt::format("not defined ({} at step {})", value, ending.last_defined->step);
}

std::string cell(const runs::Sample& sample) {
  return std::isfinite(sample.standard_error)
             ? fmt::format("<td>{} ± {}</td>", svg::value(sample.value), svg::value(2 * sample.standard_error))
             : fmt::format("<td>{}</td>", svg::value(sample.value));
}

}  // namespace

std::string figure(const std::string& kind, const Drawing& drawing, const std::string& caption, bool wide) {
  const auto hover = drawing.hover.empty() ? "" : " data-h=\"" + escape(drawing.hover) + "\"";
  return fmt::format(
      "<figure{}>{}<svg class=\"ip\" data-kind=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\"{}>{}</svg>"
      "</figure>\n",
      wide ? " class=\"wide\"" : "", caption.empty() ? "" : "<figcaption>" + escape(caption) + "</figcaption>", kind,
      svg::at(drawing.width), svg::at(drawing.height), escape(drawing.alt), hover, drawing.body);
}

std::string legend(const std::vector<Line>& lines) {
  if (lines.size() < 2) {
    return "";
  }
  std::string out = "<div class=\"legend\">";
  for (const auto& line : lines) {
    out += fmt::format(
        "<span><svg class=\"ip\" viewBox=\"0 0 34 14\" aria-hidden=\"true\"><path class=\"ln {}\" "
        "d=\"M1 7H33\"/></svg>{}</span>",
        line.color, escape(line.name));
  }
  return out + "</div>";
}

std::string choice(const std::string& shows, const std::string& title, const std::vector<std::string>& values,
                   const std::string& id) {
  std::string out = fmt::format("<fieldset data-shows=\"{}\" hidden><legend>{}</legend>", shows, escape(title));
  for (std::size_t i = 0; i < values.size(); ++i) {
    out += fmt::format("<label><input type=\"radio\" name=\"{}-{}\" value=\"{}\"{}>{}</label>", escape(id), shows,
                       escape(values[i]), i == 0 ? " checked" : "", escape(values[i]));
  }
  return out + "</fieldset>";
}

std::string big_numbers(const ReportRun& run, const std::string& order) {
  const auto& points = run.file.points;
  if (points.empty()) {
    return "";
  }
  const auto split = runs::main_split(points);
  const auto chosen = runs::points_of(points, split);
  std::string out = "<div class=\"facts\">";
  out += ending_fact("loss", runs::ending_of_loss(chosen), ", " + split_name(split));
  const Words words(order);
  for (const auto* metric : {"complexity", "expressivity", "optimality"}) {
    const auto shown = plane::shown_metric(runs::metric_key(metric, order), points);
    if (words.has_output || metric == std::string_view("complexity")) {
      out += ending_fact(shown.label(words.called(metric)), runs::ending_of(chosen, shown), "");
    }
  }
  if (const auto best = best_step_of(run, order)) {
    out += fact(std::to_string(*best), "best step");
  }
  if (run.stop_step) {
    out += fact(std::to_string(*run.stop_step), "the stopping rule stops here");
  }
  return out + "</div>";
}

std::string values_table(const ReportRun& run, const std::string& order) {
  constexpr std::size_t kMostRows = 60;
  const auto& points = run.file.points;
  const auto splits = runs::splits_of(points);
  constexpr std::array kMetrics = {"complexity", "expressivity", "optimality", "distance"};
  const Words words(order);
  std::vector<plane::ShownMetric> shown;
  shown.reserve(kMetrics.size());
  for (const auto* metric : kMetrics) {
    shown.push_back(plane::shown_metric(runs::metric_key(metric, order), points));
  }
  std::string head = "<tr><th scope=\"col\">step</th>";
  std::map<std::int64_t, std::map<std::string, const plane::Point*>> rows;
  for (const auto& split : splits) {
    head += fmt::format("<th scope=\"col\">loss<br>{}</th>", escape(split_name(split)));
    for (std::size_t i = 0; i < shown.size(); ++i) {
      head += fmt::format("<th scope=\"col\">{}<br>{}</th>", shown[i].label(words.called(kMetrics[i])),
                          escape(split_name(split)));
    }
    for (const auto* point : runs::thinned(runs::points_of(points, split), kMostRows)) {
      rows[point->step][split] = point;
    }
  }
  std::string body;
  for (const auto& [step, row] : rows) {
    body += fmt::format("<tr><th scope=\"row\">{}</th>", step);
    for (const auto& split : splits) {
      const auto found = row.find(split);
      if (found == row.end()) {
        body += "<td></td><td></td><td></td><td></td><td></td>";
        continue;
      }
      body += fmt::format("<td>{}</td>", svg::value(found->second->loss));
      for (const auto& metric : shown) {
        body += cell(runs::sample_of(step, found->second->mean, metric));
      }
    }
    body += "</tr>";
  }
  return fmt::format(
      "<details><summary>The values as a table</summary><div class=\"wide\"><table><caption>Mean over the "
      "blocks, {}, at {} of the measured steps</caption><thead>{}</tr></thead><tbody>{}</tbody></table>"
      "</div></details>",
      escape(Words(order).heading), rows.size(), head, body);
}

std::string header_table(const runs::RunHeader& header) {
  std::string out = "<details><summary>How it was measured</summary><table class=\"header\"><tbody>";
  const auto row = [&](const std::string& name, const std::string& text) {
    if (!text.empty()) {
      out += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(text));
    }
  };
  row("run", header.run);
  row("started", header.started);
  row("anchors m", std::to_string(header.anchors));
  row("width d", std::to_string(header.width));
  row("temperature ε", fmt::format("{:.8g} ({})", header.temperature, header.calibration));
  row("anchor seed", std::to_string(header.seed));
  row("anchor hash", header.anchor_hash);
  row("label sets", detail::join(header.label_sets));
  row("sites", detail::join(sites_with_kinds(header)));
  row("activations", header.dtype);
  row("ranks", std::to_string(header.world_size));
  row("measured every", fmt::format("{} steps", header.every));
  row("window of a train point", header.window > 0 ? fmt::format("{} steps", header.window) : "chosen later");
  row("infoplane", header.library_version);
  row("LibTorch", header.torch_version);
  for (const auto& [name, value] : header.config) {
    row(name, config_text(value));
  }
  return out + "</tbody></table></details>";
}

namespace {

/// The runs that can be compared with the first one; cards about the others, and about what else keeps values apart.
std::vector<const ReportRun*> comparable_runs(const std::vector<ReportRun>& runs, std::string& warnings) {
  std::vector<const ReportRun*> comparable;
  for (const auto& run : runs) {
    const auto fields = runs::differing_fields(runs.front().file.header, run.file.header);
    if (fields.empty()) {
      comparable.push_back(&run);
    } else {
      warnings += fmt::format(
          "<div class=\"card warn\">{} cannot be compared with {}, so it is only shown by itself: it "
          "was measured with other settings: {}.</div>",
          escape(run.file.header.run + " (" + run.source + ")"), escape(runs.front().file.header.run),
          escape(detail::join(fields)));
    }
  }
  for (const auto& note : report_notes(runs)) {
    warnings += "<div class=\"card warn\">" + escape(note) + ".</div>";
  }
  return comparable;
}

/// Adds the main split's line of each of a run's panels to the panel of that title.
void add_lines(std::vector<Panel>& panels, const std::vector<Panel>& of_run, const std::string& name,
               const std::string& color) {
  for (const auto& panel : of_run) {
    auto found = std::find_if(panels.begin(), panels.end(), [&](const Panel& p) { return p.title == panel.title; });
    if (found == panels.end()) {
      panels.push_back({panel.title, panel.hint, {}, panel.first_step, panel.last_step, {}, {}, {}});
      found = panels.end() - 1;
    }
    found->first_step = std::min(found->first_step, panel.first_step);
    found->last_step = std::max(found->last_step, panel.last_step);
    auto line = panel.lines.front();  // the main split comes first
    line.name = name;
    line.color = color;
    found->lines.push_back(std::move(line));
  }
}

/// A run's row of the table: its best step, the optimality there, the loss at the end.
std::string table_row(const ReportRun& run, const std::string& name, const runs::Points& points,
                      const std::string& order, const plane::ShownMetric& optimality) {
  const auto best = best_step_of(run, order);
  const auto samples = runs::means_of(points, optimality);
  const auto at_best =
      std::find_if(samples.begin(), samples.end(), [&](const runs::Sample& s) { return s.step == best; });
  return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", escape(name),
                     best ? std::to_string(*best) : "none",
                     at_best == samples.end() ? "undefined" : svg::value(at_best->value),
                     ending_cell(runs::ending_of_loss(points)), escape(run.source));
}

}  // namespace

std::string comparison(const std::vector<ReportRun>& runs, std::size_t max_steps) {
  constexpr std::size_t kColors = 6;
  std::string out = "<section id=\"comparison\"><h2>The runs side by side</h2>";
  const auto comparable = comparable_runs(runs, out);
  const auto orders = runs::orders_of(runs.front().file.points);
  if (comparable.size() < 2 || orders.empty()) {
    return out + "</section>";
  }
  const auto& order = orders.front();
  std::vector<const std::vector<plane::Point>*> all;
  all.reserve(comparable.size());
  for (const auto* run : comparable) {
    all.push_back(&run->file.points);
  }
  const Choice choice = [&all](const std::string& key) { return runs::common_metric(key, all); };
  const Coordinates shown(choice, order);
  Plane plane{order, shown, {}, {}, std::nullopt};
  std::vector<Panel> panels;
  std::vector<Line> names;
  std::string table;
  for (std::size_t i = 0; i < comparable.size(); ++i) {
    const auto& run = *comparable[i];
    const auto color = fmt::format("r{}", i % kColors);
    // Names repeat where a sweep does not set them.
    const auto name = fmt::format("{}. {}", i + 1, run.file.header.run);
    names.push_back({name, color, {}});
    if (run.file.points.empty()) {
      continue;
    }
    const auto points = runs::points_of(run.file.points, runs::main_split(run.file.points));
    Path path{name, color, {}};
    for (const auto* point : runs::thinned(points, max_steps)) {
      path.spots.push_back(spot_of(point->step, point->mean, shown));
    }
    plane.paths.push_back(std::move(path));
    add_lines(panels, panels_of(run, order, max_steps, choice), name, color);
    table += table_row(run, name, points, order, shown.optimality);
  }
  out += legend(names);
  out += fmt::format(
      "<div class=\"wide\"><table><caption>{} of {} runs were measured alike and can be compared ({}s, mean "
      "over the blocks)</caption><thead><tr><th scope=\"col\">run</th><th scope=\"col\">best step</th><th "
      "scope=\"col\">{} there</th><th scope=\"col\">loss at the end</th><th scope=\"col\">file</th></tr>"
      "</thead><tbody>{}</tbody></table></div>",
      comparable.size(), runs.size(), escape(order), shown.optimality.label("optimality"), table);
  out += "<div class=\"grid planes\">" + figure("plane", draw(plane), "Mean over the blocks of each run.") + "</div>";
  out += "<div class=\"grid\">";
  for (const auto& panel : panels) {
    out += figure("panel", draw(panel), "");
  }
  return out + "</div></section>";
}

}  // namespace infoplane::report::parts
