#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/runs/run_check.hpp>
#include <infoplane/runs/run_file.hpp>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include "core/some_of.hpp"
#include "runs/run_builder.hpp"
#include "runs/run_json.hpp"
#include "runs/run_lines.hpp"

namespace infoplane::runs {
namespace {

class Checker {
 public:
  void take(std::string_view line, std::int64_t number) {
    number_ = number;
    try {
      auto entry = run_json::decode(line);
      if (auto* header = std::get_if<RunHeader>(&entry)) {
        check(std::move(*header));
      } else {
        check(std::get<plane::Point>(entry));
      }
    } catch (const IoError& error) {
      find(true, error.what());
    }
  }

  std::vector<RunFinding> finish(bool cut) {
    if (cut) {
      ++number_;
      find(false, "the last line was cut off, as by a crash; it is left out");
    }
    if (!first_) {
      number_ = 1;
      find(true, "the file holds no header, so it is no run");
    }
    if (untold_ > 0) {
      findings_.push_back(
          {number_, untold_errors_ > 0,
           detail::concat("and ", untold_, " findings more, of which ", untold_errors_, " are errors")});
    }
    return std::move(findings_);
  }

 private:
  template <typename... Parts>
  void find(bool error, const Parts&... parts) {
    constexpr std::size_t kMost = 100000;
    if (findings_.size() < kMost) {
      findings_.push_back({number_, error, detail::concat(parts...)});
    } else {
      ++untold_;
      untold_errors_ += error ? 1 : 0;
    }
  }

  void check(RunHeader header) {
    if (!first_) {
      sites_.insert(header.sites.begin(), header.sites.end());
      first_ = std::move(header);
      if (first_->anchors < 2) {
        find(true, "the header has ", first_->anchors, " anchors (m); there are 2 at least");
      }
      if (!(first_->temperature > 0) || !std::isfinite(first_->temperature)) {
        find(true, "the header has the temperature ", first_->temperature, ", which is not a positive number");
      }
      return;
    }
    resumed_ = true;
    const auto fields = differing_fields(*first_, header);
    if (!fields.empty()) {
      find(true, "the run was resumed with other settings: ", detail::join(fields));
    }
  }

  void check(const plane::Point& point) {
    if (!first_) {
      find(true, "a point stands before the header, so it isn't known how it was measured");
    }
    if (last_steps_.size() == kMostSplits && !last_steps_.contains(point.split)) {
      find(true, "the run has more than ", kMostSplits, " streams, which is the most that is read");
      return;
    }
    const auto [last, is_new] = last_steps_.try_emplace(point.split, point.step);
    if (!is_new && point.step <= last->second && !resumed_) {
      find(true, "step ", point.step, " of the stream \"", point.split, "\" comes after its step ", last->second,
           ", though the run was not resumed");
    }
    last->second = point.step;
    if (point.step < 0) {
      find(true, "the step ", point.step, " is negative");
    }
    check("the mean", point.mean, false);
    for (const auto& layer : point.layers) {
      check("layer " + layer.name, layer.metrics, true);
      if (layer.tokens <= 0) {
        find(false, "layer ", layer.name, " was measured on ", layer.tokens, " tokens");
      }
      if (!sites_.empty() && !told_sites_ && !sites_.contains(layer.name)) {
        find(false, "layer ", layer.name, " is not among the header's sites: ", some_of(first_->sites));
        told_sites_ = true;
      }
    }
  }

  /// Plug-in efficiencies lie in [0, 1]; corrected ones may leave it by their noise and are not looked at.
  void check(const std::string& what, const plane::Metrics& metrics, bool ratios) {
    constexpr double kRounding = 1e-5;
    for (const auto& [key, value] : metrics) {
      const bool information = key.starts_with("I(") && std::count(key.begin(), key.end(), '/') == 1;
      if ((key == "H(Z)" || information) && (value < -kRounding || value > 1 + kRounding)) {
        find(true, what, " has ", key, " = ", value, ", but an efficiency lies between 0 and 1");
      }
      if (ratios && key.starts_with("optimality/") && std::count(key.begin(), key.end(), '/') == 1) {
        check_ratio(what, metrics, key.substr(key.find('/') + 1), value);
      }
    }
  }

  void check_ratio(const std::string& what, const plane::Metrics& metrics, const std::string& order,
                   double optimality) {
    const auto x = metrics.find(plane::complexity_key(order)), y = metrics.find(plane::expressivity_key(order));
    if (x == metrics.end() || y == metrics.end() || !std::isfinite(optimality)) {
      return;
    }
    const auto expected = y->second / x->second;
    if (!(std::abs(optimality - expected) <= 1e-6 * std::max(1.0, std::abs(expected)))) {
      find(true, what, " has optimality/", order, " = ", optimality, ", but expressivity / complexity is ", expected);
    }
  }

  std::vector<RunFinding> findings_;
  std::int64_t untold_ = 0, untold_errors_ = 0;
  std::unordered_set<std::string> sites_;  // of the first header
  std::optional<RunHeader> first_;
  std::map<std::string, std::int64_t, std::less<>> last_steps_;
  std::int64_t number_ = 0;
  bool resumed_ = false, told_sites_ = false;
};

}  // namespace

std::vector<RunFinding> check_run_file(const std::string& path) {
  Checker checker;
  const bool cut = for_each_line(path, [&](std::string_view line, std::int64_t number) { checker.take(line, number); });
  return checker.finish(cut);
}

}  // namespace infoplane::runs
