#include "monitor/compare_points.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <infoplane/core/error.hpp>

namespace infoplane::test {

std::string compare_points(const std::vector<plane::Point>& got, const std::vector<plane::Point>& expected, bool all) {
  if (got.size() != expected.size()) {
    return detail::concat(got.size(), " points instead of ", expected.size());
  }
  std::string wrong;
  const auto complain = [&wrong](const auto&... parts) { wrong += detail::concat(parts..., '\n'); };
  for (std::size_t p = 0; p < got.size(); ++p) {
    const plane::Point &mine = got[p], &theirs = expected[p];
    if (mine.step != theirs.step || mine.tokens != theirs.tokens || std::abs(mine.loss - theirs.loss) > 1e-12 ||
        mine.layers.size() != theirs.layers.size()) {
      complain("step ", mine.step, ", ", theirs.step, "; tokens ", mine.tokens, ", ", theirs.tokens, "; loss ",
               mine.loss, ", ", theirs.loss, "; layers ", mine.layers.size(), ", ", theirs.layers.size());
      continue;
    }
    for (std::size_t l = 0; l < mine.layers.size(); ++l) {
      const auto &one = mine.layers[l], &other = theirs.layers[l];
      if (one.name != other.name || one.tokens != other.tokens || one.rejected != other.rejected) {
        complain(one.name, " instead of ", other.name, "; tokens ", one.tokens, ", ", other.tokens);
      }
      for (const auto& [key, value] : other.metrics) {
        const bool counts = key.starts_with("tokens/") || key.starts_with("labels/") || key.starts_with("share_");
        const bool plug_in = key.find("/null") == std::string::npos && key.find("/corrected") == std::string::npos &&
                             key.find("/standard_error") == std::string::npos && !key.starts_with("optimality") &&
                             !key.starts_with("distance");
        const double here = plane::value_at(one.metrics, key);
        const double tolerance = counts ? 1e-12 : 1e-6;
        if ((all || plug_in) && !(std::abs(here - value) <= tolerance) && !(std::isnan(here) && std::isnan(value))) {
          complain("step ", mine.step, " ", one.name, " ", key, ": ", here, " instead of ", value);
        }
      }
    }
  }
  return wrong;
}

bool same_points(const std::vector<plane::Point>& a, const std::vector<plane::Point>& b) {
  const auto same_metrics = [](const plane::Metrics& one, const plane::Metrics& other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](const auto& x, const auto& y) {
      return x.first == y.first && std::memcmp(&x.second, &y.second, sizeof(double)) == 0;
    });
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const plane::Point& x, const plane::Point& y) {
    return x.step == y.step && x.tokens == y.tokens && x.bytes_sent == y.bytes_sent &&
           std::memcmp(&x.loss, &y.loss, sizeof(double)) == 0 && same_metrics(x.mean, y.mean) &&
           std::equal(x.layers.begin(), x.layers.end(), y.layers.begin(), y.layers.end(),
                      [&](const plane::LayerPoint& one, const plane::LayerPoint& other) {
                        return one.name == other.name && same_metrics(one.metrics, other.metrics) &&
                               one.reasons == other.reasons;
                      });
  });
}

}  // namespace infoplane::test
