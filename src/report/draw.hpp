#pragma once

#include <cstdint>
#include <functional>
#include <infoplane/report/report.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/svg.hpp"
#include "runs/series.hpp"

// Figures without their document: a page and a standalone SVG put their own root around them.
namespace infoplane::report {

struct Drawing {
  double width = 0, height = 0;
  std::string body;
  std::string hover;  ///< JSON for the page's script; empty: spots carry their own text
  std::string alt;    ///< what the figure shows, in a sentence
};

/// Which value of a metric, given by its plain key, figures show: of one run, see plane::shown_metric, or of several
/// that are drawn together, see common_metric.
using Choice = std::function<plane::ShownMetric(const std::string& key)>;
Choice choice_of(const ReportRun& run);

/// The step that all parts of a page call the run's best: the one that was given, else that of its distance.
std::optional<std::int64_t> best_step_of(const ReportRun& run, const std::string& order);

/// Whose informations a figure of the plane compares.
enum class View : std::uint8_t {
  kPaper,    ///< of the last tokens and of the next ones: its diagonal can be crossed
  kContext,  ///< of all that was read, and of the next tokens: its diagonal cannot
  kThrough,  ///< of the last tokens, and of the next ones through those alone: neither can the IB curve
};

/// What a figure of the plane shows of an order.
struct Coordinates {
  Coordinates(const Choice& choice, const std::string& order, View view = View::kPaper);
  plane::ShownMetric complexity, expressivity, optimality;  ///< to the right, upwards, and their ratio
  const char *x, *x_means, *y;                              ///< what a reader is told they are
  std::string y_means;                                      ///< in words
  const char* ratio;                                        ///< what their ratio is called
};

/// Where a layer, or the mean of a run, was on the plane.
struct Spot {
  std::int64_t step = 0;
  double complexity = 0, expressivity = 0, optimality = 0;
  bool vague = false;  ///< too uncertain to set the scale
};

struct Path {
  std::string name;
  std::string color;  ///< class; empty: coloured by step
  std::vector<Spot> spots;
};

Spot spot_of(std::int64_t step, const plane::Metrics& metrics, const Coordinates& shown);

struct Plane {
  std::string order;
  Coordinates shown;
  std::vector<Path> paths;
  std::vector<std::pair<double, double>> curve;
  std::optional<std::int64_t> best_step;
};

/// Paths of all layers on one split; none where the run has nothing of the view.
Plane plane_of(const ReportRun& run, const std::string& order, const std::string& split, std::size_t max_steps,
               View view = View::kPaper);
Drawing draw(const Plane& plane);

struct Line {
  std::string name;
  std::string color;  ///< class: "heldout", "train", "other", "r0" …
  plane::Series samples;
};

struct Panel {
  std::string title;
  std::string hint;
  std::vector<Line> lines;
  std::int64_t first_step = 0, last_step = 0;
  std::optional<std::int64_t> best_step, stop_step;
  std::vector<ReportPhase> phases;
};

/// Loss and the mean coordinates of one run; those that it never has are left out.
std::vector<Panel> panels_of(const ReportRun& run, const std::string& order, std::size_t max_steps,
                             const Choice& choice);
Drawing draw(const Panel& panel);

/// Class of a phase's shade, empty for one that isn't decided; those with names of their own take turns.
std::string phase_color(const std::string& name, int& shade);

/// Class of a split's colour.
std::string split_color(const std::string& split);
/// "held-out" for "heldout"; others as they are.
std::string split_name(const std::string& split);

/// Parts of a whole over steps, one upon the other.
struct Bands {
  std::string title;
  std::vector<std::int64_t> steps;
  struct Part {
    std::string name;
    std::vector<double> values;  ///< one a step
  };
  std::vector<Part> parts;
};

/// Where the complexity of a layer lies: in the last token, in the one before it, and so on, and in the rest of the
/// context. Of the mean over the blocks where `layer` is empty. Without parts where the run does not say.
Bands bands_of(const ReportRun& run, const std::string& split, const std::string& layer, std::size_t max_steps);
Drawing draw(const Bands& bands);

struct HeatMap {
  std::string title;
  std::vector<std::string> layers;
  std::vector<std::int64_t> steps;
  std::vector<std::vector<double>> rows;  ///< a value a step for each layer
  svg::Extent extent;
  std::optional<std::int64_t> best_step, stop_step;
};

HeatMap heat_map_of(const ReportRun& run, const std::string& metric, const std::string& order, const std::string& split,
                    std::size_t max_steps);
Drawing draw(const HeatMap& map);

/// A text as a JSON string, and numbers as a JSON array with null for what is not finite.
std::string json_text(const std::string& text);
std::string json_numbers(const std::vector<double>& numbers);

}  // namespace infoplane::report
