#pragma once

#include <cstdint>
#include <infoplane/sinks/run_file.hpp>
#include <map>
#include <string>
#include <string_view>

namespace infoplane::sinks {

/// Puts a run together from headers and points as they come, with the layers of few points.
class RunBuilder {
 public:
  /// `max_layer_points`: see RunFileOptions.
  /// @throws ArgumentError if it is from 1 to 3, or negative.
  RunBuilder(RunFile& run, std::int64_t max_layer_points);

  /// Whether the next point of the stream may keep its layers.
  bool wants_layers(std::string_view stream) const;

  /// @throws IoError if the run was resumed with other anchors.
  void add(RunHeader header);
  /// Takes the point with its layers where they are wanted, and returns whether they were kept.
  /// @throws IoError before the first header.
  bool add(plane::Point point);

  bool started() const noexcept { return has_header_; }
  const RunFile& run() const noexcept { return run_; }

 private:
  struct Stream {
    std::int64_t last_step = 0;
    std::int64_t seen = 0;    // points
    std::int64_t stride = 1;  // of those that keep their layers
    std::int64_t kept = 0;
  };

  void drop_every_other(Stream& stream, const std::string& name);

  RunFile& run_;
  std::int64_t most_;
  std::map<std::string, Stream, std::less<>> streams_;
  bool has_header_ = false;
};

}  // namespace infoplane::sinks
