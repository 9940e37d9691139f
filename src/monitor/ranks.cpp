#include "monitor/ranks.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/byte_communicator.hpp>
#include <infoplane/distributed/local.hpp>
#include <infoplane/estimator/estimate_over_ranks.hpp>
#include <map>
#include <span>
#include <utility>
#include <variant>

#include "runs/run_json.hpp"

namespace infoplane {

namespace {

constexpr int kFirst = 0;  // the rank that makes the point and writes it

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

/// @throws StateError unless all ranks end the same step of the same split.
void require_same_step(const std::vector<RankReport>& reports) {
  const RankReport& first = reports.front();
  std::vector<std::string> elsewhere;
  for (std::size_t rank = 1; rank < reports.size(); ++rank) {
    if (reports[rank].split != first.split || reports[rank].step != first.step) {
      elsewhere.push_back(detail::concat("rank ", rank, " at step ", reports[rank].step, " of ", reports[rank].split));
    }
  }
  INFOPLANE_CHECK(elsewhere.empty(), StateError, "ranks end different steps: rank 0 is at step ", first.step, " of ",
                  first.split, ", ", detail::join(elsewhere),
                  ": every rank must call end_step and end_heldout for the same steps");
}

std::optional<double> mean_loss(const std::vector<RankReport>& reports) {
  double total = 0;
  int losses = 0;
  for (const RankReport& report : reports) {
    total += report.loss.value_or(0);
    losses += report.loss ? 1 : 0;
  }
  return losses > 0 ? std::optional(total / losses) : std::nullopt;
}

/// Where a site stands among blocks: what is no block's output stays behind the block before it.
std::vector<std::pair<int, SharedSite>> with_places(const std::vector<SharedSite>& sites) {
  std::vector<std::pair<int, SharedSite>> result;
  int place = -1;
  for (const auto& site : sites) {
    place = site.index >= -1 ? site.index : place;
    result.emplace_back(place, site);
  }
  return result;
}

/// The sites of all ranks that measured: those of the first of them in its order, and what others have in between.
std::vector<SharedSite> all_sites(const std::vector<RankSettings>& ranks) {
  std::vector<std::pair<int, SharedSite>> sites;
  for (const RankSettings& rank : ranks) {
    const bool is_first = sites.empty();
    for (auto& one : with_places(rank.width != 0 ? rank.sites : std::vector<SharedSite>())) {
      const auto is_it = [&](const auto& known) { return known.second.name == one.second.name; };
      const auto is_behind = [&](const auto& known) { return known.first > one.first; };
      if (const auto known = std::find_if(sites.begin(), sites.end(), is_it); known != sites.end()) {
        if (known->second.width == 0) {  // it came on another rank only
          known->second = std::move(one.second);
        }
      } else {
        const auto behind = is_first ? sites.end() : std::find_if(sites.begin(), sites.end(), is_behind);
        sites.insert(behind, std::move(one));
      }
    }
  }
  std::vector<SharedSite> result;
  result.reserve(sites.size());
  for (auto& [place, site] : sites) {
    result.push_back(std::move(site));
  }
  return result;
}

}  // namespace

Ranks::Ranks(std::shared_ptr<distributed::Communicator> communicator, std::int64_t sequence_group)
    : communicator_(communicator ? std::move(communicator) : std::make_shared<distributed::Local>()),
      sequence_group_(sequence_group),
      known_(static_cast<std::size_t>(size())) {}

void Ranks::fail(const std::exception_ptr& own, const std::string& what) const {
  if (alone() && own) {
    std::rethrow_exception(own);
  }
  throw StateError(what);
}

std::string Ranks::said_by(std::size_t rank, const std::string& text) const {
  return alone() ? text : detail::concat("rank ", rank, ": ", text);
}

/// What each rank reports. Settings travel when they are new, and stay known.
std::vector<RankReport> Ranks::exchange(RankReport report, const RankSettings& settings) {
  std::string mine = bytes_of(settings);
  report.settings = mine == told_ ? "" : mine;
  told_ = std::move(mine);
  distributed::ByteCommunicator ranks(*communicator_);
  std::vector<RankReport> reports;
  for (const std::string& bytes : ranks.all_gather(bytes_of(report))) {
    reports.push_back(rank_report_of(bytes));
    if (const auto& news = reports.back().settings; !news.empty()) {
      known_[reports.size() - 1] = rank_settings_of(news);
      agree_ = false;
    }
  }
  return reports;
}

void Ranks::require_agreement() {
  if (agree_) {
    return;
  }
  std::vector<std::string> all;
  for (std::size_t rank = 1; rank < known_.size(); ++rank) {
    const RankSettings& first = known_.front();
    const RankSettings& other = known_[rank];
    const auto found = differences(first.measurement, other.measurement, first.pipeline && other.pipeline);
    if (!found.empty()) {
      all.push_back(detail::concat("ranks 0 and ", rank, " differ in ", found.text()));
    }
  }
  INFOPLANE_CHECK(all.empty(), ArgumentError, detail::join(all, "; "),
                  ": give the monitor of every rank the same options");
  agree_ = true;
}

Ranks::Meeting Ranks::meet(RankReport report, const RankSettings& settings, const std::exception_ptr& error) {
  bytes_before_ = communicator_->bytes_sent();
  const auto reports = exchange(std::move(report), settings);
  require_same_step(reports);
  require_agreement();
  Meeting meeting;
  std::vector<std::string> errors;
  std::vector<std::string> dropped;
  bool has_tokens = false;
  bool ended_early = false;
  for (std::size_t rank = 0; rank < reports.size(); ++rank) {
    const RankReport& each = reports[rank];
    if (!each.error.empty()) {
      errors.push_back(detail::concat("rank ", rank, ": ", each.error));
    }
    if (!each.dropped.empty()) {
      dropped.push_back(said_by(rank, each.dropped));
    }
    if (each.window != reports.front().window) {
      errors.push_back(detail::concat("rank ", rank, ": its window is of ", each.window, " steps, that of rank 0 of ",
                                      reports.front().window, ": load the monitor's state on every rank, or on none"));
    }
    has_tokens = has_tokens || each.has_tokens;
    ended_early = ended_early || each.ended_early;
  }
  if (!errors.empty()) {
    fail(error, detail::concat("step ", reports.front().step, " of ", reports.front().split, " failed on ",
                               detail::join(errors, "; ")));
  }
  describe_measurement(meeting);
  meeting.measured = has_tokens || (ended_early && meeting.width > 0);
  meeting.loss = mean_loss(reports);
  meeting.cross_entropy = std::all_of(reports.begin(), reports.end(),
                                      [](const RankReport& each) { return !each.loss || each.cross_entropy; });
  meeting.dropped = detail::join(dropped, "; ");
  return meeting;
}

/// What the ranks measured, as far as the settings of each say it.
void Ranks::describe_measurement(Meeting& meeting) const {
  meeting.sites = all_sites(known_);
  for (const RankSettings& known : known_) {
    meeting.width = meeting.width == 0 ? known.width : meeting.width;
    meeting.dtype = meeting.dtype.empty() ? known.dtype : meeting.dtype;
    for (const auto& name : known.label_sets) {
      if (std::find(meeting.label_sets.begin(), meeting.label_sets.end(), name) == meeting.label_sets.end()) {
        meeting.label_sets.push_back(name);
      }
    }
  }
}

std::vector<estimator::NamedEstimate> Ranks::estimates(const std::vector<estimator::NamedAccumulator>& mine) {
  if (alone()) {
    return estimator::estimate_each(mine);  // nothing is to be merged, and what lies on a device stays there
  }
  distributed::ByteCommunicator ranks(*communicator_);
  return estimator::estimate_over_ranks(mine, ranks, sequence_group_);
}

plane::Point Ranks::from_first(plane::Point point, const std::exception_ptr& error) {
  distributed::ByteCommunicator ranks(*communicator_);
  double bytes = static_cast<double>(communicator_->bytes_sent() - bytes_before_);
  ranks.sum(std::span(&bytes, 1));
  point.bytes_sent = static_cast<std::int64_t>(bytes);
  if (alone() && !error) {
    return point;
  }
  // A line of a run file begins with a brace, so that the rest of what may come is an error.
  std::string line;
  if (rank() == kFirst) {
    line = error ? "error: " + message_of(error) : runs::run_json::encode(point);
  }
  line = ranks.broadcast(std::move(line), kFirst);
  if (!line.starts_with('{')) {
    fail(error, "the point failed on rank 0: " + line.substr(line.find(' ') + 1));
  }
  return std::get<plane::Point>(runs::run_json::decode(line));
}

plane::Metrics Ranks::mean(const plane::Metrics& mine) {
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
