#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace infoplane::runs {

/// Version of the run file's format that this library writes, and the newest that it reads.
inline constexpr std::int64_t kSchemaVersion = 1;

/// A value of the trainer's own configuration.
using ConfigValue = std::variant<bool, std::int64_t, double, std::string>;

/// What the points of a run were measured with.
struct RunHeader {
  std::int64_t schema_version = kSchemaVersion;  ///< of the format
  std::string run;                               ///< id or name of the run
  std::string started;                           ///< ISO 8601 in UTC, see utc_timestamp
  std::uint64_t seed = 0;                        ///< anchor seed as asked for
  std::int64_t anchors = 0;                      ///< m
  std::int64_t width = 0;                        ///< d; of the main group where there are several
  std::int64_t draws = 1;                        ///< of the anchors that held-out points are means over
  bool centre = false;                  ///< whether the centre of earlier tokens was taken from the activations
  double temperature = 0;               ///< ε
  std::string calibration;              ///< how ε was chosen: "exact", "find_eps", …
  std::string anchor_hash;              ///< identifies the draw of the anchors
  std::vector<std::string> label_sets;  ///< such as "input_unigram"
  std::vector<std::string> sites;       ///< layers in their order
  /// Which tensor each site reads: "norm input", "centred stream", "tap", … (hooks::SiteKind); empty in files of older
  /// releases.
  std::map<std::string, std::string, std::less<>> site_kinds = {};
  /// The group of each site, as in plane::Point::groups; empty where there is one.
  std::map<std::string, std::string, std::less<>> site_groups = {};
  std::string dtype;                          ///< of the watched activations
  std::int64_t world_size = 1;                ///< ranks
  std::int64_t every = 1;                     ///< steps between two logged steps
  std::int64_t window = 1;                    ///< steps whose micro-batches make one train point; 0: not known yet
  std::string library_version;                ///< of infoplane
  std::string torch_version;                  ///< empty in a trainer that isn't LibTorch
  std::map<std::string, ConfigValue> config;  ///< the trainer's own, such as {"lr", 4e-3}
  /// IB curves of the data by order, as corners (complexity, expressivity) in efficiencies, complexity ascending.
  using Curve = std::vector<std::pair<double, double>>;
  std::map<std::string, Curve> curves;  ///< by order
};

/// What makes values of the two runs incomparable, such as "m (100 and 50)": of m, d, ε, the anchor hash and
/// the centre those that differ. Empty where the runs can be compared. ε may differ by 1e-9 of itself, as it does
/// between math libraries.
std::vector<std::string> differing_fields(const RunHeader& one, const RunHeader& other);

/// "2026-11-25T04:05:45Z".
std::string utc_timestamp(std::chrono::system_clock::time_point time);

}  // namespace infoplane::runs
