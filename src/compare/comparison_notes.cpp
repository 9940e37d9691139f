#include <algorithm>
#include <cmath>
#include <cstdint>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <map>
#include <utility>
#include <variant>

#include "compare/comparison.hpp"
#include "runs/series.hpp"

namespace infoplane::compare {
namespace {

using Notes = std::vector<std::string>;

/// "blocks.0, blocks.1", and only the ends of what is long.
std::string listed(const std::vector<std::string>& sites) {
  constexpr std::size_t kMost = 4;
  return sites.size() <= kMost ? detail::join(sites)
                               : detail::concat(sites.front(), " … ", sites.back(), " (", sites.size(), " sites)");
}

void note_kinds(Notes& notes, const std::vector<const runs::RunHeader*>& headers, const Notes& names) {
  const auto known = std::find_if(headers.begin(), headers.end(),
                                  [](const runs::RunHeader* header) { return !header->site_kinds.empty(); });
  if (known == headers.end()) {
    return;
  }
  const auto& first_name = names[static_cast<std::size_t>(known - headers.begin())];
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto& kinds = headers[i]->site_kinds;
    if (kinds.empty()) {
      notes.push_back(names[i] +
                      " does not tell which tensor its sites read: it was written by an older release, or by hand");
      continue;
    }
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> differing;  // (its kind, the first's)
    for (const auto& site : headers[i]->sites) {
      const auto mine = kinds.find(site), other = (*known)->site_kinds.find(site);
      if (mine != kinds.end() && other != (*known)->site_kinds.end() && mine->second != other->second) {
        differing[{mine->second, other->second}].push_back(site);
      }
    }
    for (const auto& [pair, sites] : differing) {
      notes.push_back(detail::concat(names[i], " reads ", listed(sites), " as ", pair.first, ", ", first_name, " as ",
                                     pair.second, ": their values may differ for that alone"));
    }
  }
}

void note_sites(Notes& notes, const runs::RunHeader& first, const std::string& first_name, const runs::RunHeader& other,
                const std::string& name) {
  if (first.sites != other.sites) {
    notes.push_back(detail::concat(name, " watches ", listed(other.sites), ", ", first_name, " ", listed(first.sites),
                                   ": their means are over other layers"));
  }
}

void note_draws(Notes& notes, const runs::RunHeader& first, const std::string& first_name, const runs::RunHeader& other,
                const std::string& name) {
  if (first.draws != other.draws) {
    notes.push_back(detail::concat(name, "'s held-out points are means over ", other.draws, " draws of the anchors, ",
                                   first_name, "'s over ", first.draws, ": of one draw the error is not known"));
  }
}

void note_curves(Notes& notes, const runs::RunHeader& first, const std::string& first_name,
                 const runs::RunHeader& other, const std::string& name) {
  for (const auto& [order, curve] : first.curves) {
    if (other.curves.contains(order) && !same_curve(first, other, order)) {
      notes.push_back(detail::concat(name, "'s IB curve of ", order, "s goes ", curve_name(other, order), ", ",
                                     first_name, "'s ", curve_name(first, order), ": they are of other texts"));
    }
  }
}

std::string text_of(const runs::ConfigValue& value) {
  return std::visit([](const auto& each) { return detail::concat(each); }, value);
}

/// What a trainer may have called its data.
void note_details(Notes& notes, const runs::RunHeader& first, const std::string& first_name,
                  const runs::RunHeader& other, const std::string& name) {
  for (const char* key : {"corpus", "data", "dataset", "text"}) {
    const auto one = first.config.find(key), two = other.config.find(key);
    if (one != first.config.end() && two != other.config.end() && one->second != two->second) {
      notes.push_back(detail::concat(name, " says ", key, " ", text_of(two->second), ", ", first_name, " ",
                                     text_of(one->second), ": values of other texts differ for that alone"));
    }
  }
}

/// Of the mean at the last held-out point: a fixed batch has always the same.
std::map<std::string, double> heldout_counts(const runs::RunFile& run) {
  std::map<std::string, double> counts;
  auto points = runs::points_of(run.points, "heldout");
  std::erase_if(points, [](const plane::Point* point) {  // not all that it was given
    return point->tokens == 0 || point->reasons.contains("tokens") ||
           std::any_of(point->layers.begin(), point->layers.end(),
                       [](const plane::LayerPoint& layer) { return layer.reasons.contains("tokens"); });
  });
  if (!points.empty()) {
    for (const auto& [key, value] : points.back()->mean) {
      if ((key.starts_with("tokens/") || key.starts_with("labels/")) && std::isfinite(value)) {
        counts.emplace(key, value);
      }
    }
  }
  return counts;
}

void note_heldout(Notes& notes, const runs::RunFile& first, const std::string& first_name, const runs::RunFile& other,
                  const std::string& name) {
  const auto one = heldout_counts(first), two = heldout_counts(other);
  for (const auto& [key, count] : one) {
    const auto found = two.find(key);
    if (found == two.end() || found->second == count) {
      continue;
    }
    const auto what = key.substr(0, key.find('/')), set = key.substr(key.find('/') + 1);
    notes.push_back(detail::concat(name, "'s held-out points have ", static_cast<std::int64_t>(found->second), " ",
                                   what, " in ", set, ", ", first_name, "'s ", static_cast<std::int64_t>(count),
                                   ": they measure another text, whose values differ for that alone"));
    return;  // the others follow from it
  }
}

Notes notes_of(const std::vector<const runs::RunHeader*>& headers, const Notes& names) {
  Notes notes;
  note_kinds(notes, headers, names);
  for (std::size_t i = 1; i < headers.size(); ++i) {
    for (const auto note : {note_sites, note_draws, note_curves, note_details}) {
      note(notes, *headers.front(), names.front(), *headers[i], names[i]);
    }
  }
  return notes;
}

}  // namespace

std::vector<std::string> comparison_notes(const std::vector<runs::RunHeader>& headers,
                                          const std::vector<std::string>& names) {
  std::vector<const runs::RunHeader*> all;
  all.reserve(headers.size());
  for (const auto& header : headers) {
    all.push_back(&header);
  }
  return notes_of(all, names);
}

std::vector<std::string> comparison_notes(const std::vector<const runs::RunFile*>& runs,
                                          const std::vector<std::string>& names) {
  std::vector<const runs::RunHeader*> headers;
  headers.reserve(runs.size());
  for (const auto* run : runs) {
    headers.push_back(&run->header);
  }
  auto notes = notes_of(headers, names);
  for (std::size_t i = 1; i < runs.size(); ++i) {
    note_heldout(notes, *runs.front(), names.front(), *runs[i], names[i]);
  }
  return notes;
}

std::vector<std::string> comparison_notes(const std::vector<runs::RunFile>& runs,
                                          const std::vector<std::string>& names) {
  std::vector<const runs::RunFile*> all;
  all.reserve(runs.size());
  for (const auto& run : runs) {
    all.push_back(&run);
  }
  return comparison_notes(all, names);
}

}  // namespace infoplane::compare
