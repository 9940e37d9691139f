#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/plane/metric_keys.hpp>
#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "report/draw.hpp"
#include "report/movement.hpp"
#include "report/words.hpp"

namespace infoplane::report {
namespace {

using svg::at;

constexpr double kWidth = 430, kHeight = 212, kLeft = 56, kRight = 420, kTop = 44, kBottom = 180;

bool has_value(const Panel& panel) {
  return std::any_of(panel.lines.begin(), panel.lines.end(),
                     [](const Line& line) { return runs::first_finite(line.samples) != nullptr; });
}

svg::Extent values_of(const Panel& panel) {
  svg::Extent values;
  for (const auto& line : panel.lines) {
    const auto vague = runs::vague_error(line.samples);
    for (const auto& sample : line.samples) {
      if (sample.standard_error > vague) {
        continue;
      }
      values.add(sample.value);
      values.add(sample.value - 2 * sample.standard_error);
      values.add(sample.value + 2 * sample.standard_error);
    }
  }
  return values.padded(0.07);
}

std::string curve(const Line& line, const svg::Scale& x, const svg::Scale& y) {
  std::string path;
  bool down = false;
  for (const auto& sample : line.samples) {
    if (!std::isfinite(sample.value)) {
      down = false;
      continue;
    }
    path += fmt::format("{}{} {}", down ? "L" : "M", at(x(static_cast<double>(sample.step))),
                        at(std::clamp(y(sample.value), kTop, kBottom)));
    down = true;
  }
  return path;
}

std::string band(const Line& line, const svg::Scale& x, const svg::Scale& y) {
  std::string out, upper, lower;
  const auto close = [&] {
    if (!upper.empty()) {
      upper[0] = 'M';
      out += upper + lower + "Z";
    }
    upper.clear();
    lower.clear();
  };
  for (const auto& sample : line.samples) {
    if (!std::isfinite(sample.value) || !std::isfinite(sample.standard_error)) {
      close();
      continue;
    }
    const auto column = at(x(static_cast<double>(sample.step)));
    const auto edge = [&](double value) { return at(std::clamp(y(value), kTop, kBottom)); };
    upper += fmt::format("L{} {}", column, edge(sample.value + 2 * sample.standard_error));
    lower.insert(0, fmt::format("L{} {}", column, edge(sample.value - 2 * sample.standard_error)));
  }
  close();
  return out;
}

std::string mark(const std::optional<std::int64_t>& step, const Panel& panel, const svg::Scale& x, const char* name,
                 double row) {
  if (!step || *step < panel.first_step || *step > panel.last_step) {
    return "";
  }
  const auto column = x(static_cast<double>(*step));
  const bool left = column > kRight - 50;
  return fmt::format(
      "<path class=\"{0}\" d=\"M{1} {2}V{3}\"/><text class=\"s halo t{0}{5}\" x=\"{4}\" y=\"{6}\">{0}"
      "</text>",
      name, at(column), at(kTop), at(kBottom), at(column + (left ? -4 : 4)), left ? " e" : "", at(row));
}

std::string axes(const Panel& panel, const svg::Scale& x, const svg::Scale& y) {
  return svg::step_axes(x, y, kLeft, kRight, kBottom) +
         fmt::format("<text class=\"h\" x=\"8\" y=\"16\">{}</text><text class=\"s\" x=\"8\" y=\"33\">{}</text>",
                     svg::escape(panel.title), svg::escape(panel.hint));
}

struct Shades {
  std::string ground, names;  ///< below and above the lines
};

Shades shades(const Panel& panel, const svg::Scale& x) {
  Shades out;
  int shade = 0;
  for (const auto& phase : panel.phases) {
    const auto from = x(static_cast<double>(std::max(phase.first_step, panel.first_step)));
    const auto to = x(static_cast<double>(std::min(phase.last_step, panel.last_step)));
    const auto color = phase_color(phase.name, shade);
    if (to < from || color.empty()) {
      continue;
    }
    out.ground += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>", color, at(from),
                              at(kTop), at(to - from), at(kBottom - kTop));
    if (to - from > 6.5 * static_cast<double>(text::columns(phase.name))) {
      out.names += fmt::format("<text class=\"s m halo\" x=\"{}\" y=\"{}\">{}</text>", at((from + to) / 2),
                               at(kBottom - 5), svg::escape(phase.name));
    }
  }
  return out;
}

std::string hover_of(const Panel& panel) {
  std::string lines;
  for (const auto& line : panel.lines) {
    std::vector<double> steps, values, errors;
    for (const auto& sample : line.samples) {
      steps.push_back(static_cast<double>(sample.step));
      values.push_back(sample.value);
      errors.push_back(sample.standard_error);
    }
    const bool any_error = std::any_of(errors.begin(), errors.end(), [](double e) { return std::isfinite(e); });
    lines += fmt::format("{}{{\"n\":{},\"s\":{},\"v\":{}", lines.empty() ? "" : ",", json_text(line.name),
                         json_numbers(steps), json_numbers(values));
    lines += any_error ? ",\"e\":" + json_numbers(errors) + "}" : "}";
  }
  return fmt::format("{{\"t\":{},\"x\":[{},{},{},{}],\"y\":[{},{}],\"lines\":[{}]}}", json_text(panel.title),
                     panel.first_step, panel.last_step, kLeft, kRight, kTop, kBottom, lines);
}

}  // namespace

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string json_numbers(const std::vector<double>& numbers) {
  std::string out;
  for (const auto number : numbers) {
    out += out.empty() ? "[" : ",";
    if (!std::isfinite(number)) {
      out += "null";
    } else if (number == std::round(number) && std::abs(number) < 1e15) {
      out += fmt::format("{:.0f}", number);  // steps stay exact
    } else {
      out += fmt::format("{:.5g}", number);
    }
  }
  return (out.empty() ? "[" : out) + "]";
}

std::string phase_color(const std::string& name, int& shade) {
  if (name == plane::to_string(plane::PhaseKind::kExpansion)) {
    return "pe";
  }
  if (name == plane::to_string(plane::PhaseKind::kCompression)) {
    return "pc";
  }
  return name == plane::to_string(plane::PhaseKind::kUndecided) ? "" : fmt::format("ph{}", shade++ % 2);
}

std::string split_color(const std::string& split) { return split == "heldout" || split == "train" ? split : "other"; }

std::string split_name(const std::string& split) { return split == "heldout" ? "held-out" : split; }

namespace {

struct Kind {
  std::string title, hint;
  std::string key;  // empty: the loss
};

/// Of an output set of the trainer's own; X is the whole context.
std::vector<Kind> kinds_of_named(const std::string& order) {
  const auto next = Words(order).next;
  return {
      {"Loss", "lower is better", ""},
      {"Context", "information kept about all that was read", plane::context_key()},
      {"Expressivity", "information held about " + next, plane::expressivity_key(order)},
      {"Share of the context", "of what is kept, what is about " + next, plane::output_share_key(order)},
      {"Distance to the bound", "1 − share; lower is better", plane::distance_key(order)},
  };
}

std::vector<Kind> kinds_of(const std::string& order) {
  return {
      {"Loss", "lower is better", ""},
      {"Complexity", "information kept about the input tokens", plane::complexity_key(order)},
      {"Expressivity", "information held about what comes next", plane::expressivity_key(order)},
      {"Optimality", "expressivity / complexity, as in the paper", plane::optimality_key(order)},
      {"Distance to the bound", "1 − optimality; lower is better", plane::distance_key(order)},
      {"Context", "information kept about all that was read", plane::context_key()},
      {"Share of the context", "of what is kept, what is about what comes next", plane::output_share_key(order)},
      {"Through the input", "about what comes next, by the input alone", plane::through_key(order)},
      {"From the context", "expressivity that the input alone does not give", plane::from_context_key(order)},
      {"Predicted", "H(Y) − loss: how much of the next token the model predicts", plane::predicted_key(order)},
      {"Efficiency", "through the input / the most that is possible; at most 1", plane::efficiency_key(order)},
      {"Gap to the IB curve", "best possible expressivity − the layers' own", plane::curve_gap_key(order)},
  };
}

}  // namespace

std::vector<Panel> panels_of(const ReportRun& run, const std::string& order, std::size_t max_steps,
                             const Choice& choice) {
  const auto kinds = Words(order).is_text ? kinds_of(order) : kinds_of_named(order);
  const auto& points = run.file.points;
  svg::Extent steps;
  for (const auto& point : points) {
    steps.add(static_cast<double>(point.step));
  }
  const auto best_step = best_step_of(run, order);
  const auto phases = phases_of(run, order);
  std::vector<std::pair<std::string, runs::Points>> splits;
  for (const auto& split : runs::splits_of(points)) {
    splits.emplace_back(split, runs::thinned(runs::points_of(points, split), max_steps));
  }
  std::vector<Panel> panels;
  for (const auto& kind : kinds) {
    Panel panel{
        kind.title, kind.hint,     {},    static_cast<std::int64_t>(steps.low), static_cast<std::int64_t>(steps.high),
        best_step,  run.stop_step, phases};
    const auto shown = choice(kind.key);
    panel.hint += shown.plug_in ? "; plug-in values" : shown.key != kind.key ? "; corrected for chance" : "";
    for (const auto& [split, chosen] : splits) {
      panel.lines.push_back({split_name(split), split_color(split),
                             kind.key.empty() ? runs::losses_of(chosen) : runs::means_of(chosen, shown)});
    }
    std::erase_if(panel.lines, [](const Line& line) { return runs::first_finite(line.samples) == nullptr; });
    if (has_value(panel)) {
      panels.push_back(std::move(panel));
    }
  }
  return panels;
}

Drawing draw(const Panel& panel) {
  const auto values = values_of(panel);
  const svg::Scale x{static_cast<double>(panel.first_step), static_cast<double>(panel.last_step), kLeft + 4,
                     kRight - 4};
  const svg::Scale y{values.low, values.high, kBottom, kTop};
  const auto phases = shades(panel, x);
  auto body = phases.ground + axes(panel, x, y);
  for (const auto& line : panel.lines) {
    const auto area = band(line, x, y);
    if (!area.empty()) {
      body += fmt::format("<path class=\"b{}\" d=\"{}\"/>", line.color, area);
    }
  }
  body += mark(panel.best_step, panel, x, "best", kTop + 10) + mark(panel.stop_step, panel, x, "stop", kTop + 24);
  for (const auto& line : panel.lines) {
    body += fmt::format("<path class=\"ln {}\" d=\"{}\"/>", line.color, curve(line, x, y));
    if (line.samples.size() == 1 && std::isfinite(line.samples[0].value)) {
      body += fmt::format("<circle class=\"f{}\" cx=\"{}\" cy=\"{}\" r=\"4\"/>", line.color,
                          at(x(static_cast<double>(line.samples[0].step))), at(y(line.samples[0].value)));
    }
  }
  body += phases.names;
  std::string alt = panel.title + " over steps";
  for (const auto& line : panel.lines) {
    if (const auto* last = runs::last_finite(line.samples)) {
      alt += fmt::format("; {}: {} at step {}, {} at step {}", line.name,
                         svg::value(runs::first_finite(line.samples)->value), runs::first_finite(line.samples)->step,
                         svg::value(last->value), last->step);
    }
  }
  return {kWidth, kHeight, body, hover_of(panel), alt};
}

}  // namespace infoplane::report
