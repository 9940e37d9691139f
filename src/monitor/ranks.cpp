#include "monitor/ranks.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/byte_communicator.hpp>
#include <infoplane/estimator/shared_estimates.hpp>
#include <limits>

#include "core/state.hpp"
#include "monitor/point_state.hpp"

namespace infoplane {

namespace {

std::string bytes_of(const RankSettings& settings) {
  state::Writer out;
  out.put(static_cast<std::uint32_t>(settings.fields.size()));
  for (const auto& [name, value] : settings.fields) {
    out.put_text(name);
    out.put_text(value);
  }
  out.put(static_cast<std::uint32_t>(settings.sites.size()));
  for (const auto& [name, index, kind] : settings.sites) {
    out.put_text(name);
    out.put(index);
    out.put_text(kind);
  }
  out.put(static_cast<std::uint8_t>(settings.may_differ_in_sites ? 1 : 0));
  out.put(settings.width);
  out.put_text(settings.dtype);
  out.put(static_cast<std::uint32_t>(settings.label_sets.size()));
  for (const auto& name : settings.label_sets) {
    out.put_text(name);
  }
  return out.take();
}

std::string names_of(const std::vector<SharedSite>& sites) {
  std::vector<std::string> names;
  names.reserve(sites.size());
  for (const auto& site : sites) {
    names.push_back(site.name);
  }
  return detail::join(names);
}

}  // namespace

Ranks::Ranks(std::shared_ptr<distributed::Communicator> communicator, std::int64_t sequence_group)
    : communicator_(std::move(communicator)),
      sequence_group_(sequence_group),
      known_(static_cast<std::size_t>(size())) {}

void Ranks::learn(int rank, const std::string& settings) {
  state::Reader in(settings);
  RankSettings& known = known_[static_cast<std::size_t>(rank)];
  known = {};
  for (auto fields = in.get<std::uint32_t>(); fields > 0; --fields) {
    auto name = in.get_text();
    known.fields.emplace_back(std::move(name), in.get_text());
  }
  for (auto sites = in.get<std::uint32_t>(); sites > 0; --sites) {
    auto name = in.get_text();
    const auto index = in.get<int>();
    known.sites.push_back({std::move(name), index, in.get_text()});
  }
  known.may_differ_in_sites = in.get_flag();
  known.width = in.get<std::int64_t>();
  known.dtype = in.get_text();
  for (auto sets = in.get<std::uint32_t>(); sets > 0; --sets) {
    known.label_sets.push_back(in.get_text());
  }
  in.end();
}

void Ranks::compare_settings() const {
  std::vector<std::string> differences;
  const RankSettings& first = known_.front();
  for (std::size_t rank = 1; rank < known_.size(); ++rank) {
    const RankSettings& other = known_[rank];
    std::vector<std::string> fields;
    const auto compare = [&fields](const std::string& name, const std::string& mine, const std::string& theirs) {
      if (mine != theirs) {
        fields.push_back(detail::concat(name, " (", mine, " and ", theirs, ")"));
      }
    };
    for (std::size_t i = 0; i < std::min(first.fields.size(), other.fields.size()); ++i) {
      compare(first.fields[i].first, first.fields[i].second, other.fields[i].second);
    }
    if (first.width != 0 && other.width != 0) {
      compare("d", std::to_string(first.width), std::to_string(other.width));
    }
    // A rank that measures nothing may not know its sites.
    if (first.width != 0 && other.width != 0 && !(first.may_differ_in_sites && other.may_differ_in_sites)) {
      compare("number of sites", std::to_string(first.sites.size()), std::to_string(other.sites.size()));
      compare("sites", names_of(first.sites), names_of(other.sites));
    }
    if (!fields.empty()) {
      differences.push_back(detail::concat("ranks 0 and ", rank, " differ in ", detail::join(fields)));
    }
  }
  INFOPLANE_CHECK(differences.empty(), ArgumentError, detail::join(differences, "; "),
                  ": give the monitor of every rank the same options");
}

std::vector<SharedSite> Ranks::all_sites() const {
  std::vector<std::pair<int, SharedSite>> sites;  // by place
  for (const RankSettings& known : known_) {
    int place = -1;  // what is no block's output stays behind the block before it
    for (const auto& site : known.width != 0 ? known.sites : std::vector<SharedSite>()) {
      place = site.index >= -1 ? site.index : place;
      if (std::none_of(sites.begin(), sites.end(), [&](const auto& each) { return each.second.name == site.name; })) {
        sites.emplace_back(place, site);
      }
    }
  }
  std::stable_sort(sites.begin(), sites.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<SharedSite> result;
  result.reserve(sites.size());
  for (auto& [place, site] : sites) {
    result.push_back(std::move(site));
  }
  return result;
}

Ranks::Meeting Ranks::meet(const RankReport& report) {
  bytes_before_ = communicator_->bytes_sent();
  state::Writer out;
  out.put_text(report.stream);
  out.put(report.step);
  out.put_text(report.error);
  out.put(static_cast<std::uint8_t>(report.loss ? 1 : 0));
  out.put(report.loss.value_or(0));
  out.put_text(report.dropped);
  out.put(static_cast<std::uint8_t>(report.ended_early ? 1 : 0));
  const std::string settings = bytes_of(report.settings);
  out.put_text(settings == told_ ? "" : settings);
  told_ = settings;
  distributed::ByteCommunicator ranks(*communicator_);
  const std::vector<std::string> all = ranks.all_gather(out.take());

  std::vector<std::string> errors;
  std::vector<std::string> elsewhere;
  std::vector<std::string> dropped;
  bool ended_early = false;
  std::string stream;
  std::int64_t step = 0;
  double total = 0;
  int losses = 0;
  for (int rank = 0; rank < size(); ++rank) {
    state::Reader in(all[static_cast<std::size_t>(rank)]);
    const std::string its_stream = in.get_text();
    const auto its_step = in.get<std::int64_t>();
    if (rank == 0) {
      stream = its_stream;
      step = its_step;
    } else if (its_stream != stream || its_step != step) {
      elsewhere.push_back(detail::concat("rank ", rank, " at step ", its_step, " of ", its_stream));
    }
    const std::string error = in.get_text();
    if (!error.empty()) {
      errors.push_back(detail::concat("rank ", rank, ": ", error));
    }
    if (in.get_flag()) {
      total += in.get<double>();
      ++losses;
    } else {
      in.get<double>();
    }
    if (const std::string text = in.get_text(); !text.empty()) {
      dropped.push_back(detail::concat("rank ", rank, ": ", text));
    }
    ended_early = in.get_flag() || ended_early;
    const std::string its_settings = in.get_text();
    in.end();
    if (!its_settings.empty()) {
      learn(rank, its_settings);
      agree_ = false;
    }
  }
  INFOPLANE_CHECK(elsewhere.empty(), StateError, "ranks end different steps: rank 0 is at step ", step, " of ", stream,
                  ", ", detail::join(elsewhere), ": every rank must call end_step and end_heldout for the same steps");
  if (!agree_) {
    compare_settings();
    agree_ = true;
  }
  INFOPLANE_CHECK(errors.empty(), StateError, "step ", step, " of ", stream, " failed on ", detail::join(errors, "; "));
  Meeting meeting;
  meeting.loss = losses > 0 ? total / losses : std::numeric_limits<double>::quiet_NaN();
  meeting.dropped = detail::join(dropped, "; ");
  meeting.ended_early = ended_early;
  meeting.sites = all_sites();
  for (const RankSettings& known : known_) {
    meeting.width = meeting.width == 0 ? known.width : meeting.width;
    meeting.dtype = meeting.dtype.empty() ? known.dtype : meeting.dtype;
    for (const auto& name : known.label_sets) {
      if (std::find(meeting.label_sets.begin(), meeting.label_sets.end(), name) == meeting.label_sets.end()) {
        meeting.label_sets.push_back(name);
      }
    }
  }
  return meeting;
}

std::vector<estimator::NamedEstimate> Ranks::estimates(const std::vector<estimator::NamedAccumulator>& mine) {
  distributed::ByteCommunicator ranks(*communicator_);
  return estimator::shared_estimates(mine, ranks, sequence_group_);
}

std::optional<plane::Point> Ranks::from_first(std::optional<plane::Point> point, const std::string& error) {
  distributed::ByteCommunicator ranks(*communicator_);
  double bytes = static_cast<double>(communicator_->bytes_sent() - bytes_before_);
  ranks.sum(std::span(&bytes, 1));
  state::Writer out;
  if (rank() == 0) {
    out.put_text(error);
    if (point) {
      point->bytes_sent = static_cast<std::int64_t>(bytes);
    }
    out.put_text(point ? bytes_of(*point) : "");
  }
  const std::string given = ranks.broadcast(out.take(), 0);
  state::Reader in(given);
  const std::string first_error = in.get_text();
  const std::string first_point = in.get_text();
  INFOPLANE_CHECK(first_error.empty(), StateError, "the point failed on rank 0: ", first_error);
  return first_point.empty() ? std::nullopt : std::optional(point_of(first_point));
}

plane::Metrics Ranks::mean(const plane::Metrics& mine) {
  if (alone()) {
    return mine;
  }
  distributed::ByteCommunicator ranks(*communicator_);
  std::map<std::string, std::pair<double, int>> sums;
  for (const std::string& bytes : ranks.all_gather(bytes_of(mine))) {
    for (const auto& [key, value] : metrics_of(bytes)) {
      sums[key].first += value;
      ++sums[key].second;
    }
  }
  plane::Metrics result;
  for (const auto& [key, sum] : sums) {
    result.emplace(key, sum.first / sum.second);
  }
  return result;
}

}  // namespace infoplane
