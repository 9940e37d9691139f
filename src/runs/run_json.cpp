#include "runs/run_json.hpp"

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "core/json_number.hpp"

namespace infoplane::runs::run_json {
namespace {

// Keeps the order of insertion, so that a line starts with what a reader looks for.
using Json = nlohmann::ordered_json;

/// An object with the entries of a map. What is assigned by its name is searched for among those before it: linear
/// where there are few, as the fields of a point are, and quadratic where there are many.
template <typename Map, typename ToJson>
Json object_of(const Map& map, const ToJson& to_json) {
  Json::object_t object;
  object.reserve(map.size());
  for (const auto& [key, value] : map) {
    object.emplace_back(key, to_json(value));
  }
  return object;
}

Json metrics_to_json(const plane::Metrics& metrics) { return object_of(metrics, number_to_json<Json>); }

Json texts_to_json(const std::map<std::string, std::string, std::less<>>& texts) {
  return object_of(texts, [](const std::string& text) { return Json(text); });
}

Json config_to_json(const ConfigValue& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    return number_to_json<Json>(*number);
  }
  return std::visit([](const auto& each) { return Json(each); }, value);
}

Json curve_to_json(const RunHeader::Curve& points) {
  auto curve = Json::array();
  for (const auto& [complexity, expressivity] : points) {
    curve.push_back({number_to_json<Json>(complexity), number_to_json<Json>(expressivity)});
  }
  return curve;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json layers_to_json(const std::vector<plane::LayerPoint>& layers) {
  auto all = Json::array();
  for (const auto& layer : layers) {
    Json each;
    each["name"] = layer.name;
    each["tokens"] = layer.tokens;
    each["rejected"] = layer.rejected;
    if (layer.sequences > 0) {
      each["sequences"] = layer.sequences;
    }
    each["metrics"] = metrics_to_json(layer.metrics);
    if (!layer.reasons.empty()) {
      each["reasons"] = texts_to_json(layer.reasons);
    }
    all.push_back(std::move(each));
  }
  return all;
}

}  // namespace

std::string encode(const RunHeader& header) {
  Json json;
  json["schema"] = "infoplane.run";
  json["schema_version"] = header.schema_version;
  json["run"] = header.run;
  json["started"] = header.started;
  json["seed"] = header.seed;
  json["m"] = header.anchors;
  json["d"] = header.width;
  if (header.draws > 1) {
    json["draws"] = header.draws;
  }
  if (header.centre) {
    json["centre"] = true;
  }
  json["temperature"] = number_to_json<Json>(header.temperature);
  json["calibration"] = header.calibration;
  json["anchor_hash"] = header.anchor_hash;
  json["label_sets"] = header.label_sets;
  json["sites"] = header.sites;
  if (!header.site_kinds.empty()) {
    json["site_kinds"] = header.site_kinds;
  }
  if (!header.site_groups.empty()) {
    json["site_groups"] = header.site_groups;
  }
  json["dtype"] = header.dtype;
  json["world_size"] = header.world_size;
  json["every"] = header.every;
  json["window"] = header.window;
  json["library_version"] = header.library_version;
  json["torch_version"] = header.torch_version;
  json["config"] = object_of(header.config, config_to_json);
  if (!header.curves.empty()) {
    json["curves"] = object_of(header.curves, curve_to_json);
  }
  return dump(json);
}

std::string encode(const plane::Point& point) {
  Json json;
  json["step"] = point.step;
  json["stream"] = point.split;
  json["tokens"] = point.tokens;
  json["time"] = number_to_json<Json>(point.time);
  json["loss"] = number_to_json<Json>(point.loss);
  if (point.bytes_sent > 0) {
    json["bytes_sent"] = point.bytes_sent;
  }
  if (!point.reasons.empty()) {
    json["reasons"] = texts_to_json(point.reasons);
  }
  json["mean"] = metrics_to_json(point.mean);
  if (!point.groups.empty()) {
    json["groups"] = layers_to_json(point.groups);
  }
  json["layers"] = layers_to_json(point.layers);
  return dump(json);
}

}  // namespace infoplane::runs::run_json
