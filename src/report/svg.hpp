#pragma once

#include <string>
#include <string_view>
#include <vector>

// Parts that every figure is made of. Elements carry classes; their colours come from style().
namespace infoplane::report::svg {

/// Text for XML and HTML, content and attribute values: valid UTF-8 that both allow. Controls (see text::is_control)
/// become spaces, bytes that are no UTF-8 U+FFFD.
std::string escape(std::string_view text);

/// A coordinate with two decimals at most; never NaN.
std::string at(double coordinate);

/// A value for people: four significant digits, "undefined" where it is not a number.
std::string value(double number);

/// Maps [from, to] linearly to [low, high]; an empty domain to its middle.
struct Scale {
  double from = 0, to = 1, low = 0, high = 1;
  double operator()(double number) const;
};

/// Round numbers inside [from, to], about so many.
std::vector<double> ticks(double from, double to, int about);

/// The ticks' labels, all with the decimals that their distance needs.
std::vector<std::string> labels(const std::vector<double>& ticks);

/// Axes of a figure over steps between the edges `left` and `right`, with steps along `bottom`.
std::string step_axes(const Scale& x, const Scale& y, double left, double right, double bottom);

/// Extent of finite values; empty until one was added.
struct Extent {
  double low = 0, high = 0;
  bool empty = true;
  void add(double number);
  /// Widened by a share of itself on both sides; something around 0 where it is empty.
  Extent padded(double share) const;
};

constexpr int kStepColors = 12;
constexpr int kHeatColors = 16;

/// Class of a step's colour: `position` in [0, 1] from the first step to the last.
int step_color(double position);
/// Class of a heat map's colour.
int heat_color(double position);

/// Colours of all classes as CSS rules, on a light or a dark ground.
std::string style(bool dark);

/// A whole SVG document with light colours written out, as programs without CSS variables need them.
std::string document(double width, double height, const std::string& title, const std::string& body);

}  // namespace infoplane::report::svg
