#include "report/forgotten.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/plane/metric_keys.hpp>
#include <utility>
#include <vector>

#include "report/movement.hpp"
#include "report/words.hpp"

namespace infoplane::report {

std::string number(double value) {
  const auto size = std::abs(value);
  return size == 0 || (size >= 0.01 && size < 1e4) ? fmt::format("{:.{}f}", value, size < 1 ? 3 : 2)
                                                   : fmt::format("{:.2g}", value);
}

bool has_metric(const runs::RunFile& run, const std::string& key) {
  return std::any_of(run.points.begin(), run.points.end(),
                     [&](const plane::Point& point) { return point.mean.contains(key); });
}

std::string read_of(const runs::RunFile& run, const std::string& order) {
  const bool known = has_metric(run, plane::context_key());
  return !Words(order).is_text ? "all that it read"
         : !known              ? "the text that it read"
         : order == "unigram"  ? "the last token that it read"
                               : "the last " + order + " that it read";
}

std::string forgotten_sentence(const runs::RunFile& run) {
  using Kind = Movement::Kind;
  std::vector<std::pair<std::string, std::string>> what;
  for (const auto& [order, name] : {std::pair("unigram", "the last token"),
                                    {"bigram", "the last pair of tokens"},
                                    {"trigram", "the last three tokens"},
                                    {"quadgram", "the last four tokens"}}) {
    if (has_metric(run, plane::complexity_key(order))) {
      what.emplace_back(plane::complexity_key(order), name);
    }
  }
  if (!has_metric(run, plane::context_key()) || what.empty()) {  // without tokens there is one X only
    return "";
  }
  what.emplace_back(plane::context_key(), "all that was read");
  std::string out;
  for (const auto& [key, name] : what) {
    const auto moved = movement_of_metric(run, key);
    std::string said;
    switch (moved.kind) {
      case Kind::kCompression:
      case Kind::kBoth:
        said = fmt::format("less and less is kept about {} since step {} ({} to {})", name, moved.since,
                           number(moved.turn.value), number(moved.last.value));
        break;
      case Kind::kExpansion:
        said = fmt::format("more and more is kept about {} ({} to {})", name, number(moved.turn.value),
                           number(moved.last.value));
        break;
      case Kind::kStill:
        said = fmt::format("what is kept about {} has not changed beyond its noise", name);
        break;
      default:
        continue;
    }
    out += out.empty() ? "Taken apart: " + said : "; " + said;
  }
  return out.empty() ? "" : out + ".";
}

}  // namespace infoplane::report
