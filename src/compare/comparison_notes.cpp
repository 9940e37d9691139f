#include <algorithm>
#include <infoplane/compare/comparison.hpp>
#include <infoplane/core/error.hpp>
#include <map>
#include <utility>

namespace infoplane::compare {
namespace {

/// "blocks.0, blocks.1", and only the ends of what is long.
std::string listed(const std::vector<std::string>& sites) {
  constexpr std::size_t kMost = 4;
  return sites.size() <= kMost ? detail::join(sites)
                               : detail::concat(sites.front(), " … ", sites.back(), " (", sites.size(), " sites)");
}

}  // namespace

std::vector<std::string> comparison_notes(const std::vector<runs::RunHeader>& headers,
                                          const std::vector<std::string>& names) {
  const auto known = std::find_if(headers.begin(), headers.end(),
                                  [](const runs::RunHeader& header) { return !header.site_kinds.empty(); });
  if (known == headers.end()) {
    return {};
  }
  const auto& first_name = names[static_cast<std::size_t>(known - headers.begin())];
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto& kinds = headers[i].site_kinds;
    if (kinds.empty()) {
      notes.push_back(names[i] +
                      " does not tell which tensor its sites read: it was written by an older release, or by hand");
      continue;
    }
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> differing;  // (its kind, the first's)
    for (const auto& site : headers[i].sites) {
      const auto mine = kinds.find(site), other = known->site_kinds.find(site);
      if (mine != kinds.end() && other != known->site_kinds.end() && mine->second != other->second) {
        differing[{mine->second, other->second}].push_back(site);
      }
    }
    for (const auto& [pair, sites] : differing) {
      notes.push_back(detail::concat(names[i], " reads ", listed(sites), " as ", pair.first, ", ", first_name, " as ",
                                     pair.second, ": their values may differ for that alone"));
    }
  }
  return notes;
}

std::vector<std::string> comparison_notes(const std::vector<runs::RunFile>& runs,
                                          const std::vector<std::string>& names) {
  std::vector<runs::RunHeader> headers;
  headers.reserve(runs.size());
  for (const auto& run : runs) {
    headers.push_back(run.header);
  }
  return comparison_notes(headers, names);
}

}  // namespace infoplane::compare
