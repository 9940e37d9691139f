#include "monitor/compare_points.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <infoplane/core/error.hpp>

namespace infoplane::test {

namespace {

bool is_plug_in(const std::string& key) {
  return key.find("/null") == std::string::npos && key.find("/corrected") == std::string::npos &&
         key.find("/standard_error") == std::string::npos;
}

double tolerance(const std::string& key) {
  const bool counts = key.starts_with("tokens/") || key.starts_with("labels/") || key.starts_with("share_");
  return counts ? 1e-12 : key.starts_with("anchors_in_use") ? 2e-4 : 1e-6;  // e^H of up to 100 anchors
}

/// What two points differ in, a line each; plug-in values alone unless all are asked for.
class Differences {
 public:
  explicit Differences(bool all) : all_(all) {}

  void compare(const plane::Point& mine, const plane::Point& theirs) {
    if (mine.step != theirs.step || mine.tokens != theirs.tokens || std::abs(mine.loss - theirs.loss) > 1e-12 ||
        mine.layers.size() != theirs.layers.size()) {
      add("step ", mine.step, ", ", theirs.step, "; tokens ", mine.tokens, ", ", theirs.tokens, "; loss ", mine.loss,
          ", ", theirs.loss, "; layers ", mine.layers.size(), ", ", theirs.layers.size());
      return;
    }
    for (std::size_t l = 0; l < mine.layers.size(); ++l) {
      const auto &one = mine.layers[l], &other = theirs.layers[l];
      if (one.name != other.name || one.tokens != other.tokens || one.rejected != other.rejected) {
        add(one.name, " instead of ", other.name, "; tokens ", one.tokens, ", ", other.tokens);
      }
      compare(detail::concat("step ", mine.step, ' ', one.name), one.metrics, other.metrics);
    }
    compare(detail::concat("step ", mine.step, " mean"), mine.mean, theirs.mean);
  }

  const std::string& text() const { return text_; }

 private:
  void compare(const std::string& where, const plane::Metrics& mine, const plane::Metrics& theirs) {
    for (const auto& [key, value] : mine) {
      if (!theirs.contains(key)) {
        add(where, ' ', key, ": not a key of one process");
      }
    }
    for (const auto& [key, value] : theirs) {
      const auto here = mine.find(key);
      if (here == mine.end()) {
        add(where, ' ', key, ": missing");
      } else if ((all_ || is_plug_in(key)) && !(std::abs(here->second - value) <= tolerance(key)) &&
                 !(std::isnan(here->second) && std::isnan(value))) {
        add(where, ' ', key, ": ", here->second, " instead of ", value);
      }
    }
  }

  template <typename... Parts>
  void add(const Parts&... parts) {
    text_ += detail::concat(parts..., '\n');
  }

  bool all_;
  std::string text_;
};

}  // namespace

std::string compare_points(const std::vector<plane::Point>& got, const std::vector<plane::Point>& expected, bool all) {
  if (got.size() != expected.size()) {
    return detail::concat(got.size(), " points instead of ", expected.size());
  }
  Differences differences(all);
  for (std::size_t p = 0; p < got.size(); ++p) {
    differences.compare(got[p], expected[p]);
  }
  return differences.text();
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
