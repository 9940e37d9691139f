#pragma once

#include <cstdint>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/core/option.hpp>
#include <infoplane/runs/run_file.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace infoplane::report {

/// A stretch of training with a name, such as "compression". Both ends belong to it.
struct ReportPhase {
  std::string name;             ///< what the page calls it
  std::int64_t first_step = 0;  ///< where it begins
  std::int64_t last_step = 0;   ///< where it ends
};

/// The IB curve of the data for one order: (complexity, expressivity) as efficiencies, complexity ascending.
struct ReportCurve {
  std::string order;                              ///< n-grams that it is of
  std::vector<std::pair<double, double>> points;  ///< its corners
};

/// A solved curve for runs of so many anchors (m).
/// @throws ArgumentError if anchors is below 2.
ReportCurve report_curve(std::string order, const bound::IbCurve& curve, std::int64_t anchors);

/// A run and what is known about it beside its file.
struct ReportRun {
  runs::RunFile file;                     ///< the run
  std::string source;                     ///< path of the file; empty: unknown
  std::optional<std::int64_t> best_step;  ///< without a value: that of the smallest mean distance, see best_step_of
  std::optional<std::int64_t> stop_step;  ///< where a stopping rule ended the run, or would have
  std::string verdict;                    ///< a sentence of the stopping rule; empty: none
  std::vector<ReportPhase> phases = {};   ///< shaded; empty: those of mean complexity, see plane::phases
  std::vector<ReportCurve> curves = {};   ///< drawn beside the diagonal; those of the file's header where none is here
};

/// What a page shows.
struct ReportOptions {
  /// Title of the page; empty: made of the runs' names.
  INFOPLANE_ARG(std::string, title);
  /// Steps that a figure shows at most, evenly chosen, the first and the last among them; at least 2.
  INFOPLANE_ARG(std::int64_t, max_steps) = 200;
  /// Of a run that still trains: a browser loads the page again after so many seconds. 0: never.
  INFOPLANE_ARG(std::int64_t, refresh_seconds) = 0;
};

/// One self-contained HTML page about the runs, without anything from elsewhere: a summary in plain words, information
/// plane, coordinates and loss over steps, layer × step maps, tables. Where a run has corrected values
/// (`<key>/corrected`) they are shown, else the plug-in ones; bands are ± 2 `<key>/standard_error`. Several runs are
/// also drawn into one figure as far as they can be compared (differing_fields).
/// @throws ArgumentError without a run, or if max_steps is below 2.
std::string html_report(const std::vector<ReportRun>& runs, const ReportOptions& options = {});

/// What keeps the runs of a page from being compared value by value (see comparison_notes), and which of their points
/// hold too little.
std::vector<std::string> report_notes(const std::vector<ReportRun>& runs);

/// What happened in a run, in sentences for someone new to the information plane. The first one says it all in plain
/// words, the others give the values.
std::vector<std::string> run_summary(const ReportRun& run, const std::string& order = "unigram");

/// The step with the smallest mean distance to the diagonal bound when two standard errors are added to each, so that
/// no step is best by its noise: on the held-out split if it has finite ones, else on the first split that has; no
/// value without one. By corrected values where the run has them.
std::optional<std::int64_t> best_step_of(const runs::RunFile& run, const std::string& order = "unigram");

/// That step in words: "Nearest to the bound: step 800", "Furthest beyond the bound: step 800" where its distance is
/// negative, with " (by plug-in values)" behind it where the run has no corrected ones. Empty without one.
std::string best_step_line(const runs::RunFile& run, const std::string& order = "unigram");

}  // namespace infoplane::report
