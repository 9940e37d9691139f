#include "sinks/run_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/json_number.hpp"
#include "core/text.hpp"

namespace infoplane::sinks::run_json {
namespace {

// Keeps the order of insertion, so that a line starts with what a reader looks for.
using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "infoplane.run";

Json metrics_to_json(const plane::Metrics& metrics) {
  auto json = Json::object();
  for (const auto& [key, value] : metrics) {
    json[key] = number_to_json<Json>(value);
  }
  return json;
}

Json config_to_json(const ConfigValue& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    return number_to_json<Json>(*number);
  }
  return std::visit([](const auto& each) { return Json(each); }, value);
}

/// A value for a message. Not its content where that may be long, or nested so deep that writing it ends the stack.
std::string shown(const Json& json) {
  if (json.is_structured() && !json.empty()) {
    return json.is_array() ? "an array" : "an object";
  }
  auto text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text::shortened(text, 80);
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Reads the fields of one object and names the one that is wrong.
class Fields {
 public:
  Fields(const Json& json, std::string what) : json_(json), what_(std::move(what)) {
    INFOPLANE_CHECK(json.is_object(), IoError, what_, " is ", json.type_name(), " instead of an object");
  }

  const Json& at(const char* name) const {
    const auto found = json_.find(name);
    INFOPLANE_CHECK(found != json_.end(), IoError, what_, " has no field \"", name, "\"");
    return *found;
  }

  void read(const char* name, std::string& into) const {
    const auto& json = at(name);
    expect(json.is_string(), name, json, "text");
    into = json.get<std::string>();
  }

  void read(const char* name, std::int64_t& into) const {
    const auto& json = at(name);
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    expect(json.is_number_integer() && !(json.is_number_unsigned() && json.get<std::uint64_t>() > kMax), name, json,
           "a 64-bit integer");
    into = json.get<std::int64_t>();
  }

  void read(const char* name, std::uint64_t& into) const {
    const auto& json = at(name);
    expect(json.is_number_unsigned(), name, json, "an unsigned integer");
    into = json.get<std::uint64_t>();
  }

  void read(const char* name, double& into) const { into = number(name, at(name)); }

  void read(const char* name, std::vector<std::string>& into) const {
    const auto& json = at(name);
    expect(json.is_array(), name, json, "an array of texts");
    for (const auto& each : json) {
      expect(each.is_string(), name, each, "an array of texts");
      into.push_back(each.get<std::string>());
    }
  }

  void read(const char* name, plane::Metrics& into) const {
    const auto& json = at(name);
    expect(json.is_object(), name, json, "an object of numbers");
    for (const auto& [key, value] : json.items()) {
      into.insert_or_assign(key, number(key, value));
    }
  }

  void read(const char* name, std::map<std::string, std::string, std::less<>>& into) const {
    const auto& json = at(name);
    expect(json.is_object(), name, json, "an object of texts");
    for (const auto& [key, value] : json.items()) {
      expect(value.is_string(), key, value, "a text");
      into.insert_or_assign(key, value.get<std::string>());
    }
  }

  void read(const char* name, std::map<std::string, ConfigValue>& into) const {
    const auto& json = at(name);
    expect(json.is_object(), name, json, "an object");
    for (const auto& [key, value] : json.items()) {
      if (value.is_boolean()) {
        into.insert_or_assign(key, value.get<bool>());
      } else if (value.is_number_integer()) {
        into.insert_or_assign(key, value.get<std::int64_t>());
      } else if (value.is_number()) {
        into.insert_or_assign(key, value.get<double>());
      } else {
        expect(value.is_string(), key, value, "a number, text or truth value");
        into.insert_or_assign(key, value.get<std::string>());
      }
    }
  }

  void read(const char* name, std::map<std::string, RunHeader::Curve>& into) const {
    const auto& json = at(name);
    expect(json.is_object(), name, json, "an object of arrays");
    for (const auto& [order, points] : json.items()) {
      expect(points.is_array(), order, points, "an array of pairs of numbers");
      auto& curve = into[order];
      for (const auto& each : points) {
        expect(each.is_array() && each.size() == 2, order, each, "a pair of numbers");
        curve.emplace_back(number(order, each[0]), number(order, each[1]));
      }
    }
  }

 private:
  double number(const std::string& name, const Json& json) const {
    const auto value = number_from_json(json);
    expect(value.has_value(), name, json, R"(a number, "NaN", "Infinity" or "-Infinity")");
    return *value;
  }

  void expect(bool fine, const std::string& name, const Json& json, const char* expected) const {
    INFOPLANE_CHECK(fine, IoError, what_, " has ", shown(json), " in its field \"", name, "\" instead of ", expected);
  }

  const Json& json_;
  std::string what_;
};

enum Kind : std::uint8_t { kBracket = 1, kQuote = 2 };

/// What ends a stretch of plain text outside of strings (quotes and brackets), and within (quote and backslash).
constexpr auto kKinds = [] {
  std::array<std::uint8_t, 256> kinds{};
  for (const auto c : {'"', '[', ']', '{', '}'}) {
    kinds[static_cast<unsigned char>(c)] |= kBracket;
  }
  for (const auto c : {'"', '\\'}) {
    kinds[static_cast<unsigned char>(c)] |= kQuote;
  }
  return kinds;
}();

template <Kind kind>
const char* first_of(const char* at, const char* end) noexcept {
  while (at != end && (kKinds[static_cast<unsigned char>(*at)] & kind) == 0) {
    ++at;
  }
  return at;
}

RunHeader header_from_json(const Json& json) {
  const Fields fields(json, "the header");
  RunHeader header;
  std::string schema;
  fields.read("schema", schema);
  INFOPLANE_CHECK(schema == kSchema, IoError, "the header is of schema \"", schema, "\" instead of \"", kSchema, "\"");
  fields.read("schema_version", header.schema_version);
  INFOPLANE_CHECK(header.schema_version >= 1 && header.schema_version <= kSchemaVersion, IoError,
                  "the file has schema version ", header.schema_version, ", this library reads 1 to ", kSchemaVersion,
                  ": use the infoplane release that wrote it, or a later one");
  fields.read("run", header.run);
  fields.read("started", header.started);
  fields.read("seed", header.seed);
  fields.read("m", header.anchors);
  fields.read("d", header.width);
  fields.read("temperature", header.temperature);
  fields.read("calibration", header.calibration);
  fields.read("anchor_hash", header.anchor_hash);
  fields.read("label_sets", header.label_sets);
  fields.read("sites", header.sites);
  fields.read("dtype", header.dtype);
  fields.read("world_size", header.world_size);
  fields.read("every", header.every);
  fields.read("window", header.window);
  fields.read("library_version", header.library_version);
  fields.read("torch_version", header.torch_version);
  fields.read("config", header.config);
  if (json.contains("site_kinds")) {  // files of older releases have none
    fields.read("site_kinds", header.site_kinds);
  }
  if (json.contains("curves")) {  // of runs that know the bound of their data
    fields.read("curves", header.curves);
  }
  return header;
}

plane::Point point_from_json(const Json& json) {
  const Fields fields(json, "the point");
  plane::Point point;
  fields.read("step", point.step);
  fields.read("stream", point.stream);
  fields.read("tokens", point.tokens);
  fields.read("time", point.time);
  fields.read("loss", point.loss);
  if (json.contains("bytes_sent")) {  // only of several ranks
    fields.read("bytes_sent", point.bytes_sent);
  }
  fields.read("mean", point.mean);
  const auto& layers = fields.at("layers");
  INFOPLANE_CHECK(layers.is_array(), IoError, "the point has ", layers.type_name(),
                  " in its field \"layers\" instead of an array");
  for (const auto& each : layers) {
    const Fields layer_fields(each, "a layer");
    auto& layer = point.layers.emplace_back();
    layer_fields.read("name", layer.name);
    layer_fields.read("tokens", layer.tokens);
    layer_fields.read("rejected", layer.rejected);
    if (each.contains("sequences")) {  // files of older releases have none
      layer_fields.read("sequences", layer.sequences);
    }
    layer_fields.read("metrics", layer.metrics);
    if (each.contains("reasons")) {  // files of older releases have none
      layer_fields.read("reasons", layer.reasons);
    }
  }
  return point;
}

}  // namespace

std::string encode(const RunHeader& header) {
  Json json;
  json["schema"] = kSchema;
  json["schema_version"] = header.schema_version;
  json["run"] = header.run;
  json["started"] = header.started;
  json["seed"] = header.seed;
  json["m"] = header.anchors;
  json["d"] = header.width;
  json["temperature"] = number_to_json<Json>(header.temperature);
  json["calibration"] = header.calibration;
  json["anchor_hash"] = header.anchor_hash;
  json["label_sets"] = header.label_sets;
  json["sites"] = header.sites;
  if (!header.site_kinds.empty()) {
    json["site_kinds"] = header.site_kinds;
  }
  json["dtype"] = header.dtype;
  json["world_size"] = header.world_size;
  json["every"] = header.every;
  json["window"] = header.window;
  json["library_version"] = header.library_version;
  json["torch_version"] = header.torch_version;
  auto& config = json["config"] = Json::object();
  for (const auto& [key, value] : header.config) {
    config[key] = config_to_json(value);
  }
  if (!header.curves.empty()) {
    auto& curves = json["curves"] = Json::object();
    for (const auto& [order, points] : header.curves) {
      auto& curve = curves[order] = Json::array();
      for (const auto& [complexity, expressivity] : points) {
        curve.push_back({number_to_json<Json>(complexity), number_to_json<Json>(expressivity)});
      }
    }
  }
  return dump(json);
}

std::string encode(const plane::Point& point) {
  Json json;
  json["step"] = point.step;
  json["stream"] = point.stream;
  json["tokens"] = point.tokens;
  json["time"] = number_to_json<Json>(point.time);
  json["loss"] = number_to_json<Json>(point.loss);
  if (point.bytes_sent > 0) {
    json["bytes_sent"] = point.bytes_sent;
  }
  json["mean"] = metrics_to_json(point.mean);
  auto& layers = json["layers"] = Json::array();
  for (const auto& layer : point.layers) {
    Json each;
    each["name"] = layer.name;
    each["tokens"] = layer.tokens;
    each["rejected"] = layer.rejected;
    if (layer.sequences > 0) {
      each["sequences"] = layer.sequences;
    }
    each["metrics"] = metrics_to_json(layer.metrics);
    if (!layer.reasons.empty()) {
      each["reasons"] = layer.reasons;
    }
    layers.push_back(std::move(each));
  }
  return dump(json);
}

std::variant<RunHeader, plane::Point> decode(std::string_view line) {
  Json json;
  try {
    json = Json::parse(line);
  } catch (const Json::exception& error) {
    INFOPLANE_THROW(IoError, "not JSON: ", error.what());
  }
  INFOPLANE_CHECK(json.is_object() && (json.contains("schema") || json.contains("step")), IoError,
                  "neither the header nor a point of an infoplane run");
  if (json.contains("schema")) {
    return header_from_json(json);
  }
  return point_from_json(json);
}

std::string without_layers(std::string_view line) {
  constexpr std::string_view kKey = "\"layers\"";
  const auto* const end = line.data() + line.size();
  const char* array = nullptr;  // where "layers" opens
  std::size_t depth = 0;
  for (const char* at = line.data();; ++at) {
    at = first_of<kBracket>(at, end);
    if (at == end) {
      return std::string(line);
    }
    if (*at == '"') {
      const auto start = static_cast<std::size_t>(at - line.data());
      for (at = first_of<kQuote>(at + 1, end); at != end && *at == '\\'; at = first_of<kQuote>(at, end)) {
        at += std::min<std::ptrdiff_t>(2, end - at);
      }
      if (at == end) {
        return std::string(line);
      }
      if (depth == 1 && line.substr(start, kKey.size()) == kKey) {
        const auto value = line.find_first_not_of(" \t:", start + kKey.size());
        array = value != std::string_view::npos && line[value] == '[' ? line.data() + value : array;
      }
    } else if (*at == '[' || *at == '{') {
      ++depth;
    } else if (depth == 0) {
      return std::string(line);
    } else if (--depth == 1 && array != nullptr && *at == ']') {
      return std::string(line.data(), array) + "[" + std::string(at, end);
    }
  }
}

bool is_whole(std::string_view line) noexcept { return Json::accept(line); }

}  // namespace infoplane::sinks::run_json
