#include "runs/point_decoder.hpp"

#include <array>
#include <infoplane/core/error.hpp>
#include <utility>

namespace infoplane::runs::run_json {
namespace {

using json::Kind;

enum PointField : std::uint8_t {
  kStep,
  kSplit,
  kTokens,
  kTime,
  kLoss,
  kBytesSent,
  kPointReasons,
  kMean,
  kLayers,
  kGroups
};
constexpr std::array kPointFields = {Field{"step"},           Field{"stream"}, Field{"tokens"},
                                     Field{"time"},           Field{"loss"},   Field{"bytes_sent", false},
                                     Field{"reasons", false}, Field{"mean"},   Field{"layers"},
                                     Field{"groups", false}};

enum LayerField : std::uint8_t { kName, kLayerTokens, kRejected, kSequences, kMetrics, kReasons };
constexpr std::array kLayerFields = {Field{"name"},     Field{"tokens"},
                                     Field{"rejected"}, Field{"sequences", false},
                                     Field{"metrics"},  Field{"reasons", false}};

constexpr const char* kLayer = "a layer";
constexpr const char* kNumbers = "an object of numbers";
constexpr const char* kTexts = "an object of texts";

[[noreturn]] void refuse_line() { INFOPLANE_THROW(IoError, "neither the header nor a point of an infoplane run"); }

const char* kind_name(const json::Scalar& value) {
  return std::holds_alternative<std::nullptr_t>(value) ? "null"
         : std::holds_alternative<bool>(value)         ? "boolean"
         : std::holds_alternative<std::string>(value)  ? "string"
                                                       : "number";
}

/// Files of this library are sorted: an entry belongs behind those before it.
template <typename Map, typename Value>
void add(const char* what, Map& into, std::string& key, Value value) {
  const auto before = into.size();
  into.try_emplace(into.end(), std::move(key), std::move(value));  // leaves a key alone that is there already
  if (into.size() == before) {
    refuse_twice(what, key);
  }
}

}  // namespace

Fields PointDecoder::point_fields() { return {"the point", kPointFields}; }
Fields PointDecoder::fields_of_layer() { return {kLayer, kLayerFields}; }

void PointDecoder::on_name(std::string text) {
  switch (in_) {
    case In::kPoint:
      INFOPLANE_CHECK(text != "schema", IoError,
                      "a point with a field \"schema\", which makes an object the header of a run");
      fields_.take(text);
      break;
    case In::kLayer:
      layer_fields_.take(text);
      break;
    default:
      key_ = std::move(text);
  }
}

void PointDecoder::on_scalar(json::Scalar value) {
  switch (in_) {
    case In::kLine:
      refuse_line();
    case In::kPoint:
      point_scalar(value);
      break;
    case In::kLayers:
      INFOPLANE_THROW(IoError, kLayer, " is ", kind_name(value), " instead of an object");
    case In::kLayer:
      layer_scalar(value);
      break;
    case In::kMean:
      metric(fields_.what(), point_.mean, value);
      break;
    case In::kMetrics:
      metric(kLayer, layer().metrics, value);
      break;
    case In::kPointReasons:
      reason(fields_.what(), point_.reasons, value);
      break;
    case In::kReasons:
      reason(kLayer, layer().reasons, value);
      break;
  }
}

bool PointDecoder::on_open(Kind kind) {
  switch (in_) {
    case In::kLine:
      if (kind != Kind::kObject) {
        refuse_line();
      }
      in_ = In::kPoint;
      return true;
    case In::kPoint:
      return open_in_point(kind);
    case In::kLayers:
      INFOPLANE_CHECK(kind == Kind::kObject, IoError, kLayer, " is array instead of an object");
      (in_groups_ ? point_.groups : point_.layers).emplace_back();
      layer_fields_.begin();
      in_ = In::kLayer;
      return true;
    case In::kLayer:
      return open_in_layer(kind);
    case In::kPointReasons:
      return unexpected({fields_.what(), key_}, kind, "a text");
    case In::kReasons:
      return unexpected({kLayer, key_}, kind, "a text");
    case In::kMean:
    case In::kMetrics:
      break;
  }
  return unexpected({in_ == In::kMean ? fields_.what() : kLayer, key_}, kind, kNumber);
}

void PointDecoder::on_close() {
  switch (in_) {
    case In::kPoint:
      if (!fields_.has(kStep)) {
        refuse_line();
      }
      fields_.end();
      in_ = In::kLine;
      break;
    case In::kLayer:
      layer_fields_.end();
      in_ = In::kLayers;
      break;
    case In::kMetrics:
    case In::kReasons:
      in_ = In::kLayer;
      break;
    default:
      in_ = In::kPoint;
  }
}

void PointDecoder::point_scalar(json::Scalar& value) {
  const int now = fields_.now();
  if (now < 0) {
    return;
  }
  const Place place{fields_.what(), fields_.name()};
  switch (now) {
    case kStep:
      return read(place, value, point_.step);
    case kSplit:
      return read(place, value, point_.split);
    case kTokens:
      return read(place, value, point_.tokens);
    case kTime:
      return read(place, value, point_.time);
    case kLoss:
      return read(place, value, point_.loss);
    case kBytesSent:
      return read(place, value, point_.bytes_sent);
    default:
      refuse(place, shown(value), now == kMean ? kNumbers : now == kPointReasons ? kTexts : "an array");
  }
}

void PointDecoder::layer_scalar(json::Scalar& value) {
  const int now = layer_fields_.now();
  if (now < 0) {
    return;
  }
  const Place place{kLayer, layer_fields_.name()};
  switch (now) {
    case kName:
      return read(place, value, layer().name);
    case kLayerTokens:
      return read(place, value, layer().tokens);
    case kRejected:
      return read(place, value, layer().rejected);
    case kSequences:
      return read(place, value, layer().sequences);
    default:
      refuse(place, shown(value), now == kMetrics ? kNumbers : kTexts);
  }
}

bool PointDecoder::open_in_point(Kind kind) {
  const int now = fields_.now();
  if (now < 0) {
    return false;
  }
  const Place place{fields_.what(), fields_.name()};
  const bool is_array = now == kLayers || now == kGroups;
  if (now == kMean || now == kPointReasons || is_array) {
    if (kind != (is_array ? Kind::kArray : Kind::kObject)) {
      return unexpected(place, kind, now == kMean ? kNumbers : now == kPointReasons ? kTexts : "an array");
    }
    in_groups_ = now == kGroups;
    in_ = now == kMean ? In::kMean : now == kPointReasons ? In::kPointReasons : In::kLayers;
    return true;
  }
  return unexpected(place, kind, now == kSplit ? kText : now == kTime || now == kLoss ? kNumber : kInteger);
}

bool PointDecoder::open_in_layer(Kind kind) {
  const int now = layer_fields_.now();
  if (now < 0) {
    return false;
  }
  const Place place{kLayer, layer_fields_.name()};
  if (now == kMetrics || now == kReasons) {
    if (kind != Kind::kObject) {
      return unexpected(place, kind, now == kMetrics ? kNumbers : kTexts);
    }
    in_ = now == kMetrics ? In::kMetrics : In::kReasons;
    return true;
  }
  return unexpected(place, kind, now == kName ? kText : kInteger);
}

void PointDecoder::metric(const char* what, plane::Metrics& into, json::Scalar& value) {
  double number = 0;
  read({what, key_}, value, number);
  add(what, into, key_, number);
}

void PointDecoder::reason(const char* what, std::map<std::string, std::string, std::less<>>& into,
                          json::Scalar& value) {
  auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) {
    refuse({what, key_}, shown(value), "a text");
  }
  add(what, into, key_, std::move(*text));
}

}  // namespace infoplane::runs::run_json
