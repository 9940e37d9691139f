#pragma once

#include <functional>
#include <infoplane/plane/point.hpp>
#include <map>
#include <string>

#include "runs/line_decoder.hpp"

namespace infoplane::runs::run_json {

/// Reads the line of a point.
class PointDecoder final : public LineDecoder {
 public:
  plane::Point take() { return std::move(point_); }

 protected:
  void on_scalar(json::Scalar value) override;
  bool on_open(json::Kind kind) override;
  void on_close() override;
  void on_name(std::string text) override;

 private:
  enum class In : std::uint8_t { kLine, kPoint, kMean, kPointReasons, kLayers, kLayer, kMetrics, kReasons };

  void point_scalar(json::Scalar& value);
  void layer_scalar(json::Scalar& value);
  bool open_in_point(json::Kind kind);
  bool open_in_layer(json::Kind kind);
  void metric(const char* what, plane::Metrics& into, json::Scalar& value);
  void reason(const char* what, std::map<std::string, std::string, std::less<>>& into, json::Scalar& value);
  plane::LayerPoint& layer() { return (in_groups_ ? point_.groups : point_.layers).back(); }

  plane::Point point_;
  In in_ = In::kLine;
  bool in_groups_ = false;  // else in the layers
  Fields fields_ = point_fields(), layer_fields_ = fields_of_layer();
  std::string key_;

  static Fields point_fields();
  static Fields fields_of_layer();
};

}  // namespace infoplane::runs::run_json
