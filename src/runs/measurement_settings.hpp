#pragma once

#include <cstdint>
#include <infoplane/runs/run_header.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/differences.hpp"

namespace infoplane::runs {

/// What measurements must have in common for their values to be comparable: between runs by their headers, between the
/// ranks of a run, and between a monitor and a state that it loads. Each of them knows some of the fields; what one
/// side does not know is not compared.
struct MeasurementSettings {
  std::optional<std::string> library_version;
  std::optional<std::int64_t> every;
  std::optional<std::int64_t> window;
  std::optional<std::string> input_orders;  // such as "1, 2"
  std::optional<std::string> output_orders;
  std::optional<bool> common_positions;
  std::optional<bool> same_positions;
  std::optional<std::int64_t> anchors;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> seed_rule;
  std::optional<std::int64_t> draws;
  std::optional<bool> centre;
  std::optional<std::string> calibration;
  std::optional<std::string> label_weights;
  std::optional<std::int64_t> max_labels;
  std::optional<std::string> blocks;
  std::optional<std::int64_t> width;
  std::optional<double> temperature;  // alike within 1e-9 of itself, as it differs between math libraries
  std::optional<std::string> anchor_hash;
  std::optional<std::vector<std::string>> sites;

  /// Calls `visit(name, member)` for each field, by its name in messages and in their order there.
  template <typename Visit>
  static void each(const Visit& visit) {
    visit("library version", &MeasurementSettings::library_version);
    visit("every", &MeasurementSettings::every);
    visit("window", &MeasurementSettings::window);
    visit("input orders", &MeasurementSettings::input_orders);
    visit("output orders", &MeasurementSettings::output_orders);
    visit("common positions", &MeasurementSettings::common_positions);
    visit("same positions", &MeasurementSettings::same_positions);
    visit("m", &MeasurementSettings::anchors);
    visit("seed", &MeasurementSettings::seed);
    visit("seed rule", &MeasurementSettings::seed_rule);
    visit("draws", &MeasurementSettings::draws);
    visit("centre", &MeasurementSettings::centre);
    visit("calibration", &MeasurementSettings::calibration);
    visit("label weights", &MeasurementSettings::label_weights);
    visit("max_labels", &MeasurementSettings::max_labels);
    visit("blocks", &MeasurementSettings::blocks);
    visit("d", &MeasurementSettings::width);
    visit("temperature", &MeasurementSettings::temperature);
    visit("anchor hash", &MeasurementSettings::anchor_hash);
    visit("sites", &MeasurementSettings::sites);
  }
};

/// Those that a run's header says of its values.
MeasurementSettings settings_of(const RunHeader& header);

/// `may_differ_in_sites`: as the stages of a pipeline do.
Differences differences(const MeasurementSettings& mine, const MeasurementSettings& theirs,
                        bool may_differ_in_sites = false);

/// The fields that are known, as "every 50, window 1, …"; a flag is there by its name alone, or not at all.
std::string text_of(const MeasurementSettings& settings);

}  // namespace infoplane::runs
