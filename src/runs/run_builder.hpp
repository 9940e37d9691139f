#pragma once

#include <cstdint>
#include <infoplane/runs/run_file.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane::runs {

/// Streams of a run: a figure or a table has a line for each.
inline constexpr std::size_t kMostSplits = 256;

/// Puts a run together from headers and points as they come, with the layers of few points. Each takes time that is
/// linear in its own size, and, over all of them, logarithmic in their number.
class RunBuilder {
 public:
  /// `max_layer_points`: see RunFileOptions.
  /// @throws ArgumentError if it is from 1 to 3, or negative.
  RunBuilder(RunFile& run, std::int64_t max_layer_points);

  /// Whether the next point of the split may keep its layers.
  bool wants_layers(std::string_view split) const;

  /// @throws IoError if the run was resumed with other anchors.
  void add(RunHeader header);
  /// Takes the point. Its layers stay where they are wanted; where not, until the next one of its split comes.
  /// @throws IoError before the first header, or if there are more splits than a run can have.
  void add(plane::Point point);
  /// Gives the last point of the split the layers that it came without, until the next one comes.
  void lend(std::string_view split, std::vector<plane::LayerPoint> layers);

  /// Takes the points that others replaced out of the run, which until then may hold both.
  void settle();

  bool started() const noexcept { return has_header_; }

 private:
  struct Split {
    std::int64_t last_step = 0;
    std::int64_t seen = 0;                            // points
    std::int64_t stride = 1;                          // of those that keep their layers
    std::int64_t kept = 0;                            // that do
    std::size_t last = 0;                             // index of the last point
    bool lent = false;                                // its layers go when the next one comes
    std::multimap<std::int64_t, std::size_t> points;  // step → index
  };

  void replace(Split& split, std::int64_t from_step);
  void take_back(Split& split);
  void drop_every_other(Split& split);
  void drop_layers(plane::Point& point);

  RunFile& run_;
  std::int64_t most_;
  std::int64_t held_ = 0;  // layers and their metrics
  std::map<std::string, Split, std::less<>> splits_;
  std::vector<bool> replaced_;  // points of the run
  std::size_t replaced_count_ = 0;
  bool has_header_ = false;
};

}  // namespace infoplane::runs
