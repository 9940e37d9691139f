#pragma once

#include <cstdint>
#include <infoplane/plane/point.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runs/measurement_settings.hpp"

namespace infoplane {

/// A site as all ranks call it.
struct SharedSite {
  std::string name;
  int index = -2;          // as in hooks::Site
  std::string kind;        // as to_string(hooks::SiteKind) has it
  std::int64_t width = 0;  // d; 0 where it never came
  std::string row;         // pattern of the tokens that it reads, where there are several
};

/// What does not change between the points of a rank.
struct RankSettings {
  runs::MeasurementSettings measurement;  // must be the same on all ranks, but for the sites of a pipeline
  bool pipeline = false;
  std::vector<SharedSite> sites;
  std::int64_t width = 0;  // d; 0 where nothing was measured yet
  std::string dtype;
  std::vector<std::string> label_sets;
};

/// What a rank says before a point.
struct RankReport {
  std::string split;
  std::int64_t step = 0;
  std::string error;  // why there will be no point
  std::optional<double> loss;
  bool cross_entropy = false;  // what the loss is
  std::string dropped;         // what its observations do not count, in words
  bool has_tokens = false;     // that were measured in the window
  bool ended_early = false;    // a forward of its window
  std::int64_t window = 1;     // steps of a window of the train split
  std::string settings;        // bytes_of(RankSettings); empty where the others know them
};

std::string bytes_of(const RankSettings& settings);
std::string bytes_of(const RankReport& report);
std::string bytes_of(const plane::Metrics& metrics);

/// @throws IoError if the bytes are none.
RankSettings rank_settings_of(std::string_view bytes);
RankReport rank_report_of(std::string_view bytes);
plane::Metrics metrics_of(std::string_view bytes);

}  // namespace infoplane
