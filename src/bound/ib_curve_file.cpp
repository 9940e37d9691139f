#include <cmath>
#include <cstring>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/core/error.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/json_number.hpp"
#include "core/json_tree.hpp"
#include "core/sealed_json.hpp"
#include "core/text.hpp"
#include "core/whole_file.hpp"

namespace infoplane::bound {
namespace {

constexpr int kVersion = 2;  // 1 had no checksum
constexpr const char* kFormat = "infoplane IB curve";
constexpr double kSlack = 1e-6;  // nats; of sums of many terms
constexpr std::size_t kMostBytes = std::size_t{64} << 20U;

std::int64_t integer(const std::string& path, const nlohmann::json& json) {
  const auto value = integer_from_json(json);
  INFOPLANE_CHECK(value, IoError, "the IB curve ", path, " has ", text::shortened(json.dump(), 80),
                  " instead of a 64-bit integer");
  return *value;
}

/// @throws IoError unless the points are what the concave hull of channels of a joint can be.
void check(const std::string& path, const std::vector<IbPoint>& points, double information) {
  INFOPLANE_CHECK(!points.empty() && points.front().complexity == 0 && points.front().expressivity == 0, IoError,
                  "the IB curve ", path, " does not start at (0, 0)");
  double slope = 1;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const double width = points[i].complexity - points[i - 1].complexity;
    const double rise = points[i].expressivity - points[i - 1].expressivity;
    INFOPLANE_CHECK(width > 0, IoError, "the IB curve ", path, " has points that do not rise in complexity, at point ",
                    i);
    INFOPLANE_CHECK(points[i].expressivity <= points[i].complexity + kSlack, IoError, "the IB curve ", path,
                    " has more expressivity than complexity, at point ", i);
    INFOPLANE_CHECK(rise >= 0, IoError, "the IB curve ", path,
                    " has points that do not rise in expressivity, at point ", i);
    INFOPLANE_CHECK(rise <= slope * width + kSlack, IoError, "the IB curve ", path, " is not concave, at point ",
                    i - 1);
    slope = rise / width;
  }
  INFOPLANE_CHECK(points.back().expressivity <= information + kSlack, IoError, "the IB curve ", path,
                  " ends above the joint's information, ", points.back().expressivity, " of ", information);
}

}  // namespace

void IbCurve::save(const std::string& path) const {
  auto points = nlohmann::json::array();
  for (const auto& point : points_) {
    // JSON has no infinity: null stands for it.
    points.push_back({{"complexity", point.complexity},
                      {"expressivity", point.expressivity},
                      {"beta", std::isfinite(point.beta) ? nlohmann::json(point.beta) : nlohmann::json()},
                      {"clusters", point.clusters}});
  }
  nlohmann::json json{{"format", kFormat},
                      {"version", kVersion},
                      {"unit", "nats"},
                      {"row_entropy", row_entropy_},
                      {"column_entropy", column_entropy_},
                      {"information", information_},
                      {"tolerance", tolerance_},
                      {"cluster_limit", cluster_limit_},
                      {"points", points}};
  json::seal(json);
  try {
    replace_file(path, json.dump(1) + '\n');
  } catch (const IoError& error) {
    INFOPLANE_THROW(IoError, "the IB curve cannot be written to ", path, ": ", error.what());
  }
}

IbCurve IbCurve::load(const std::string& path) {
  std::string text;
  const int error = read_whole_file(path, text, kMostBytes);
  INFOPLANE_CHECK(error == 0, IoError, "the IB curve ", path, " cannot be opened: ", std::strerror(error));
  auto json = [&] {
    try {
      return json::parse(text);
    } catch (const IoError& why) {
      INFOPLANE_THROW(IoError, "the IB curve ", path, " cannot be read: ", why.what());
    }
  }();
  IbCurve curve;
  try {
    INFOPLANE_CHECK(json.value("format", "") == kFormat, IoError, path, " is not an IB curve: \"format\" is not \"",
                    kFormat, "\"");
    const auto version = json.at("version");
    INFOPLANE_CHECK(version == 1 || version == kVersion, IoError, "the IB curve ", path, " is of version ",
                    text::shortened(version.dump(), 80), "; this library reads versions 1 and ", kVersion);
    INFOPLANE_CHECK((version == 1 || json.contains("checksum")) && json::unseal(json), IoError, "the IB curve ", path,
                    " is damaged: its checksum is not that of its content; compute it again");
    json.at("row_entropy").get_to(curve.row_entropy_);
    json.at("column_entropy").get_to(curve.column_entropy_);
    json.at("information").get_to(curve.information_);
    json.at("tolerance").get_to(curve.tolerance_);
    curve.cluster_limit_ = json.contains("cluster_limit") ? integer(path, json.at("cluster_limit")) : 0;
    for (const auto& point : json.at("points")) {
      const auto& beta = point.at("beta");
      curve.points_.push_back({point.at("complexity"), point.at("expressivity"),
                               beta.is_null() ? std::numeric_limits<double>::infinity() : beta.get<double>(),
                               integer(path, point.at("clusters"))});
    }
  } catch (const nlohmann::json::exception& why) {
    INFOPLANE_THROW(IoError, "the IB curve ", path, " cannot be read: ", why.what());
  }
  INFOPLANE_CHECK(curve.tolerance_ >= 0, IoError, "the IB curve ", path, " has the tolerance ", curve.tolerance_);
  check(path, curve.points_, curve.information_);
  return curve;
}

}  // namespace infoplane::bound
