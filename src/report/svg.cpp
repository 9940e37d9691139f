#include "report/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/text.hpp"

namespace infoplane::report::svg {
namespace {

// Viridis: even steps in lightness and hue, told apart by colour-blind people and in grey print.
constexpr std::array<const char*, kHeatColors> kViridis = {
    "#440154", "#481a6c", "#472f7d", "#414487", "#39568c", "#31688e", "#2a788e", "#23888e",
    "#1f988b", "#22a884", "#35b779", "#54c568", "#7ad151", "#a5db36", "#d2e21b", "#fde725"};
// Later steps stand out more from the ground, so the ends that would vanish on it are left out.
constexpr std::array<int, kStepColors> kOnLight = {12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 0};
constexpr std::array<int, kStepColors> kOnDark = {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

struct Theme {
  const char *ink, *soft, *grid, *ground, *shade, *heldout, *train, *best, *stop, *expansion, *compression;
  std::array<const char*, 6> runs;  // Okabe and Ito's, those with contrast on this ground
};

constexpr Theme kLight = {"#1c2430", "#586374", "#e3e7ee",
                          "#ffffff", "#eef1f6", "#0060a8",
                          "#b8500a", "#00795a", "#a83279",
                          "#e4f3ea", "#e6dff4", {"#0060a8", "#b8500a", "#00795a", "#a83279", "#6b6100", "#1c2430"}};
constexpr Theme kDark = {"#e6eaf0", "#9aa6b6", "#2b3442",
                         "#151b24", "#1e2631", "#62b6f2",
                         "#f0a35a", "#35c79b", "#e58abf",
                         "#142b22", "#2b2340", {"#62b6f2", "#f0a35a", "#35c79b", "#e58abf", "#e8dc5a", "#e6eaf0"}};

double nice_distance(double raw) {
  const auto power = std::pow(10, std::floor(std::log10(raw)));
  for (const auto factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= raw * 0.999) {
      return factor * power;
    }
  }
  return 10 * power;
}

int bin(double position, int count) {
  return std::clamp(static_cast<int>(std::clamp(position, 0.0, 1.0) * count), 0, count - 1);
}

/// nullptr for what stands for itself.
const char* entity_of(char32_t character) {
  switch (character) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return nullptr;
  }
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto each = text::first_code_point(text);
    const auto bytes = text.substr(0, each.bytes);
    text.remove_prefix(each.bytes);
    if (!each.valid || each.value == 0xFFFE || each.value == 0xFFFF) {  // XML knows none of these
      out += "\xEF\xBF\xBD";
    } else if (text::is_control(each.value)) {
      out += ' ';
    } else if (const auto* const entity = entity_of(each.value)) {
      out += entity;
    } else {
      out += bytes;
    }
  }
  return out;
}

std::string at(double coordinate) {
  auto text = fmt::format("{:.2f}", std::isfinite(coordinate) ? coordinate : 0.0);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') {
    text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string value(double number) {
  if (std::isnan(number)) {
    return "undefined";
  }
  const auto size = std::abs(number);
  return size == 0 || (size >= 1e-3 && size < 1e4) ? fmt::format("{:.{}f}", number, size < 10 ? 4 : 2)
                                                   : fmt::format("{:.3g}", number);
}

double Scale::operator()(double number) const {
  const auto share = to > from || to < from ? (number - from) / (to - from) : 0.5;
  return low + share * (high - low);
}

std::vector<double> ticks(double from, double to, int about) {
  std::vector<double> found;
  if (!(to > from) || !std::isfinite(to - from)) {
    return {from};
  }
  const auto distance = nice_distance((to - from) / std::max(about, 1));
  const auto first = std::ceil(from / distance - 1e-6), last = std::floor(to / distance + 1e-6);
  for (auto i = first; i <= last && found.size() < 50; ++i) {
    found.push_back(i == 0 ? 0.0 : i * distance);
  }
  return found;
}

std::vector<std::string> labels(const std::vector<double>& ticks) {
  std::vector<std::string> texts;
  const auto distance = ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
  int decimals = 0;
  while (decimals < 6 && std::abs(std::round(distance * std::pow(10, decimals)) - distance * std::pow(10, decimals)) >
                             1e-6 * std::pow(10, decimals) * distance) {
    ++decimals;
  }
  for (const auto tick : ticks) {
    const auto size = std::abs(tick);
    if (size >= 1e6 || (size > 0 && distance < 1e-5)) {
      texts.push_back(fmt::format("{:.3g}", tick));
    } else if (size >= 1e4) {
      texts.push_back(fmt::format("{:.4g}k", tick / 1000));
    } else {
      texts.push_back(fmt::format("{:.{}f}", tick, decimals));
    }
  }
  return texts;
}

std::string step_axes(const Scale& x, const Scale& y, double left, double right, double bottom) {
  std::string out;
  const auto ys = ticks(y.from, y.to, 4), xs = ticks(x.from, x.to, 5);
  const auto y_labels = labels(ys), x_labels = labels(xs);
  for (std::size_t i = 0; i < ys.size(); ++i) {
    out += fmt::format("<path class=\"g\" d=\"M{} {}H{}\"/><text class=\"s e\" x=\"{}\" y=\"{}\">{}</text>", at(left),
                       at(y(ys[i])), at(right), at(left - 6), at(y(ys[i]) + 4), y_labels[i]);
  }
  for (std::size_t i = 0; i < xs.size(); ++i) {
    out += fmt::format("<text class=\"s m\" x=\"{}\" y=\"{}\">{}</text>", at(x(xs[i])), at(bottom + 16), x_labels[i]);
  }
  return out + fmt::format("<path class=\"ax\" d=\"M{} {}H{}\"/><text class=\"s e\" x=\"{}\" y=\"{}\">step</text>",
                           at(left), at(bottom), at(right), at(right), at(bottom + 30));
}

void Extent::add(double number) {
  if (std::isfinite(number)) {
    low = empty ? number : std::min(low, number);
    high = empty ? number : std::max(high, number);
    empty = false;
  }
}

Extent Extent::padded(double share) const {
  if (empty) {
    return {0, 1, true};
  }
  const auto by = high > low ? share * (high - low) : std::max(std::abs(high) * 0.1, 1e-3);
  return {low - by, high + by, false};
}

int step_color(double position) { return bin(position, kStepColors); }
int heat_color(double position) { return bin(position, kHeatColors); }

std::string style(bool dark) {
  const auto& theme = dark ? kDark : kLight;
  std::string css = fmt::format(
      ".ip{{font:13px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}}"
      ".ip text{{fill:{0};font-size:13px}}.ip .s{{fill:{1};font-size:12px}}.ip .h{{font-weight:600}}"
      ".ip .e{{text-anchor:end}}.ip .m{{text-anchor:middle}}"
      ".ip .g{{stroke:{2};stroke-width:1;fill:none}}.ip .ax{{stroke:{1};stroke-width:1;fill:none}}"
      ".ip .ray{{stroke:{1};stroke-width:1;stroke-dasharray:2 4;fill:none}}"
      ".ip .bd{{stroke:{0};stroke-width:1.8;fill:none}}.ip "
      ".cv{{stroke:{9};stroke-width:2.2;fill:none;stroke-dasharray:7 3}}.ip .tcv{{fill:{9}}}"
      ".ip .pe{{fill:{10};stroke:none}}.ip .pc{{fill:{11};stroke:none}}"
      ".ip .over{{fill:{4};stroke:none}}.ip .ph0{{fill:{4};stroke:none}}.ip .ph1{{fill:{3};stroke:none}}"
      ".ip .ln{{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}}"
      ".ip .thin{{stroke-width:1.2}}.ip .halo{{stroke:{3};stroke-width:3px;paint-order:stroke;stroke-linejoin:round}}"
      ".ip .heldout{{stroke:{5}}}.ip .train{{stroke:{6};stroke-dasharray:5 3}}.ip "
      ".other{{stroke:{1};stroke-dasharray:1 3}}"
      ".ip .bheldout{{fill:{5};opacity:.18}}.ip .btrain{{fill:{6};opacity:.18}}.ip .bother{{fill:{1};opacity:.18}}"
      ".ip .fheldout{{fill:{5};stroke:{3}}}.ip .ftrain{{fill:{6};stroke:{3}}}.ip .fother{{fill:{1};stroke:{3}}}"
      ".ip .best{{stroke:{7};stroke-width:1.6;fill:none}}.ip .tbest{{fill:{7};font-weight:600}}"
      ".ip .stop{{stroke:{8};stroke-width:1.6;stroke-dasharray:6 3;fill:none}}.ip .tstop{{fill:{8};font-weight:600}}"
      ".ip .ground{{fill:{3}}}.ip .cur{{stroke:{0};stroke-width:1;opacity:.55}}.ip .none{{fill:{2}}}"
      ".ip .end{{stroke:{3};stroke-width:1.5}}.ip .ring{{fill:none;stroke:{7};stroke-width:2}}",
      theme.ink, theme.soft, theme.grid, theme.ground, theme.shade, theme.heldout, theme.train, theme.best, theme.stop,
      theme.stop, theme.expansion, theme.compression);
  for (int i = 0; i < kStepColors; ++i) {
    const auto* color = kViridis[static_cast<std::size_t>((dark ? kOnDark : kOnLight)[static_cast<std::size_t>(i)])];
    css += fmt::format(".ip .t{0}{{stroke:{1}}}.ip .f{0}{{fill:{1}}}", i, color);
  }
  for (int i = 0; i < kHeatColors && !dark; ++i) {
    css += fmt::format(".ip .q{0}{{fill:{1}}}", i, kViridis[static_cast<std::size_t>(i)]);
  }
  for (std::size_t i = 0; i < theme.runs.size(); ++i) {
    css += fmt::format(".ip .r{0}{{stroke:{1}}}.ip .fr{0}{{fill:{1}}}.ip .br{0}{{fill:{1};opacity:.15}}", i,
                       theme.runs[i]);
  }
  return css;
}

std::string document(double width, double height, const std::string& title, const std::string& body) {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ip\" "
      "viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\">\n<title>{2}</title>\n<style>{3}</style>\n"
      "<rect class=\"ground\" width=\"{0}\" height=\"{1}\"/>\n{4}</svg>\n",
      at(width), at(height), escape(title), style(false), body);
}

}  // namespace infoplane::report::svg
