#include "runs/header_decoder.hpp"

#include <algorithm>
#include <array>
#include <infoplane/core/error.hpp>
#include <utility>

#include "core/text.hpp"

namespace infoplane::runs::run_json {
namespace {

using json::Kind;

enum HeaderField : std::uint8_t {
  kSchema,
  kVersion,
  kRun,
  kStarted,
  kSeed,
  kAnchors,
  kWidth,
  kTemperature,
  kCalibration,
  kAnchorHash,
  kLabelSets,
  kSites,
  kDtype,
  kWorldSize,
  kEvery,
  kWindow,
  kLibraryVersion,
  kTorchVersion,
  kConfig,
  kSiteKinds,
  kCurves,
  kDraws,
  kSiteGroups,
  kCentre,
};
constexpr std::array kFields = {Field{"schema"},
                                Field{"schema_version"},
                                Field{"run"},
                                Field{"started"},
                                Field{"seed"},
                                Field{"m"},
                                Field{"d"},
                                Field{"temperature"},
                                Field{"calibration"},
                                Field{"anchor_hash"},
                                Field{"label_sets"},
                                Field{"sites"},
                                Field{"dtype"},
                                Field{"world_size"},
                                Field{"every"},
                                Field{"window"},
                                Field{"library_version"},
                                Field{"torch_version"},
                                Field{"config"},
                                Field{"site_kinds", false},
                                Field{"curves", false},
                                Field{"draws", false},
                                Field{"site_groups", false},
                                Field{"centre", false}};

constexpr const char* kArrayOfTexts = "an array of texts";
constexpr const char* kObject = "an object";
constexpr const char* kObjectOfTexts = "an object of texts";
constexpr const char* kArrays = "an object of arrays";
constexpr const char* kPairs = "an array of pairs of numbers";
constexpr const char* kPair = "a pair of numbers";

constexpr std::array kIntegers = {kVersion, kAnchors, kWidth, kWorldSize, kEvery, kWindow, kDraws};

const char* expected(int field) {
  if (std::find(kIntegers.begin(), kIntegers.end(), field) != kIntegers.end()) {
    return kInteger;
  }
  switch (field) {
    case kSeed:
      return "an unsigned integer";
    case kCentre:
      return kFlag;
    case kTemperature:
      return kNumber;
    case kLabelSets:
    case kSites:
      return kArrayOfTexts;
    case kConfig:
      return kObject;
    case kSiteKinds:
    case kSiteGroups:
      return kObjectOfTexts;
    case kCurves:
      return kArrays;
    default:
      return kText;
  }
}

void check_schema(const std::string& schema) {
  INFOPLANE_CHECK(schema == "infoplane.run", IoError, "the header is of schema \"", text::shortened(schema, 80),
                  "\" instead of \"infoplane.run\"");
}

void check_version(std::int64_t version) {
  INFOPLANE_CHECK(version >= 1 && version <= kSchemaVersion, IoError, "the file has schema version ", version,
                  ", this library reads 1 to ", kSchemaVersion,
                  ": use the infoplane release that wrote it, or a later one");
}

}  // namespace

Fields HeaderDecoder::fields() { return {"the header", kFields}; }

std::vector<std::string>& HeaderDecoder::texts() {
  return fields_.now() == kLabelSets ? header_.label_sets : header_.sites;
}

void HeaderDecoder::on_name(std::string text) {
  if (in_ == In::kHeader) {
    fields_.take(text);
    return;
  }
  key_ = std::move(text);
  if ((in_ == In::kConfig && header_.config.contains(key_)) || (in_ == In::kKinds && of_sites().contains(key_))) {
    refuse_twice(fields_.what(), key_);
  }
}

void HeaderDecoder::on_scalar(json::Scalar value) {
  switch (in_) {
    case In::kLine:
      break;  // nothing of a header
    case In::kHeader:
      field(value);
      break;
    case In::kTexts: {
      auto* text = std::get_if<std::string>(&value);
      if (text == nullptr) {
        refuse({fields_.what(), fields_.name()}, shown(value), kArrayOfTexts);
      }
      texts().push_back(std::move(*text));
      break;
    }
    case In::kConfig:
      read(entry(), value, header_.config[key_]);
      break;
    case In::kKinds:
      read(entry(), value, of_sites()[key_]);
      break;
    case In::kCurves:
      refuse(entry(), shown(value), kPairs);
    case In::kCurve:
      refuse(entry(), shown(value), kPair);
    case In::kCorner:
      if (corner_size_ == 2) {
        refuse(entry(), "an array", kPair);
      }
      read(entry(), value, corner_[corner_size_++]);
      break;
  }
}

bool HeaderDecoder::on_open(Kind kind) {
  switch (in_) {
    case In::kLine:
      in_ = In::kHeader;
      return true;
    case In::kHeader:
      return open_field(kind);
    case In::kTexts:
      return unexpected({fields_.what(), fields_.name()}, kind, kArrayOfTexts);
    case In::kConfig:
      return unexpected(entry(), kind, kConfigValue);
    case In::kKinds:
      return unexpected(entry(), kind, kText);
    case In::kCurves: {
      if (kind != Kind::kArray) {
        return unexpected(entry(), kind, kPairs);
      }
      const auto [found, is_new] = header_.curves.try_emplace(key_);
      if (!is_new) {
        refuse_twice(fields_.what(), key_);
      }
      curve_ = &found->second;
      in_ = In::kCurve;
      return true;
    }
    case In::kCurve:
      if (kind != Kind::kArray) {
        return unexpected(entry(), kind, kPair);
      }
      corner_size_ = 0;
      in_ = In::kCorner;
      return true;
    case In::kCorner:
      break;
  }
  return unexpected(entry(), kind, corner_size_ == 2 ? kPair : kNumber);
}

void HeaderDecoder::on_close() {
  switch (in_) {
    case In::kHeader:
      fields_.end();
      in_ = In::kLine;
      break;
    case In::kCurve:
      in_ = In::kCurves;
      break;
    case In::kCorner:
      if (corner_size_ != 2) {
        refuse(entry(), corner_size_ == 0 ? "[]" : "an array", kPair);
      }
      curve_->emplace_back(corner_[0], corner_[1]);
      in_ = In::kCurve;
      break;
    default:
      in_ = In::kHeader;
  }
}

HeaderDecoder::OfSites& HeaderDecoder::of_sites() noexcept {
  return fields_.now() == kSiteGroups ? header_.site_groups : header_.site_kinds;
}

std::string* HeaderDecoder::text_of(int field) noexcept {
  switch (field) {
    case kRun:
      return &header_.run;
    case kStarted:
      return &header_.started;
    case kCalibration:
      return &header_.calibration;
    case kAnchorHash:
      return &header_.anchor_hash;
    case kDtype:
      return &header_.dtype;
    case kLibraryVersion:
      return &header_.library_version;
    case kTorchVersion:
      return &header_.torch_version;
    default:
      return nullptr;
  }
}

std::int64_t* HeaderDecoder::integer_of(int field) noexcept {
  switch (field) {
    case kAnchors:
      return &header_.anchors;
    case kWidth:
      return &header_.width;
    case kWorldSize:
      return &header_.world_size;
    case kEvery:
      return &header_.every;
    case kWindow:
      return &header_.window;
    case kDraws:
      return &header_.draws;
    default:
      return nullptr;
  }
}

void HeaderDecoder::field(json::Scalar& value) {
  const int now = fields_.now();
  if (now < 0) {
    return;
  }
  const Place place{fields_.what(), fields_.name()};
  if (auto* text = text_of(now)) {
    return read(place, value, *text);
  }
  if (auto* integer = integer_of(now)) {
    return read(place, value, *integer);
  }
  std::string schema;
  switch (now) {
    case kSchema:
      read(place, value, schema);
      return check_schema(schema);
    case kVersion:
      read(place, value, header_.schema_version);
      return check_version(header_.schema_version);
    case kSeed:
      return read(place, value, header_.seed);
    case kTemperature:
      return read(place, value, header_.temperature);
    case kCentre:
      return read(place, value, header_.centre);
    default:
      refuse(place, shown(value), expected(now));
  }
}

bool HeaderDecoder::open_field(Kind kind) {
  const int now = fields_.now();
  if (now < 0) {
    return false;
  }
  const bool texts = now == kLabelSets || now == kSites;
  const bool map = now == kConfig || now == kSiteKinds || now == kSiteGroups || now == kCurves;
  if ((texts && kind == Kind::kArray) || (map && kind == Kind::kObject)) {
    in_ = texts ? In::kTexts : now == kConfig ? In::kConfig : now == kCurves ? In::kCurves : In::kKinds;
    return true;
  }
  return unexpected({fields_.what(), fields_.name()}, kind, expected(now));
}

}  // namespace infoplane::runs::run_json
