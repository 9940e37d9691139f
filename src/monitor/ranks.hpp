#pragma once

#include <cstdint>
#include <exception>
#include <infoplane/distributed/communicator.hpp>
#include <infoplane/estimator/estimate_each.hpp>
#include <infoplane/plane/point.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "monitor/rank_report.hpp"

namespace infoplane {

/// The ranks of a monitor, of which there may be one.
///
/// What goes wrong on a rank is told to all where they meet next, and all throw it there: so none waits for another. A
/// rank that is alone throws its error as it is, and at once.
class Ranks {
 public:
  /// `communicator` null: a world of one, `distributed::Local`.
  Ranks(std::shared_ptr<distributed::Communicator> communicator, std::int64_t sequence_group);

  int rank() const noexcept { return communicator_->rank(); }
  int size() const noexcept { return communicator_->size(); }
  bool alone() const noexcept { return size() == 1; }

  /// What the ranks have in common, once all have reported that a point can come.
  struct Meeting {
    bool measured = false;          // something; else there is no point
    std::optional<double> loss;     // mean over those that gave one
    bool cross_entropy = false;     // all of these say that it is
    std::vector<SharedSite> sites;  // of all ranks, in the order of the layers
    std::int64_t width = 0;
    std::string dtype;
    std::vector<std::string> label_sets;
    std::string dropped;  // on which rank what does not count
  };
  /// `error`: what `report.error` says. Collective.
  /// @throws StateError, the same on every rank, if one reports an error, or another step or split; alone `error`.
  /// @throws ArgumentError, the same on every rank, if settings differ, each time; names ranks, fields and values.
  Meeting meet(RankReport report, const RankSettings& settings, const std::exception_ptr& error);

  /// Of what all ranks have measured. Collective.
  std::vector<estimator::NamedEstimate> estimates(const std::vector<estimator::NamedAccumulator>& mine);

  /// The point that rank 0 has, on every rank, with the bytes that the ranks have sent since `meet`. Collective.
  /// @throws StateError on every rank if rank 0 has an error instead; alone `error`.
  plane::Point from_first(plane::Point point, const std::exception_ptr& error);

  /// Means over the ranks that have the metric; the same bits on every rank. Collective.
  plane::Metrics mean(const plane::Metrics& mine);

 private:
  std::vector<RankReport> exchange(RankReport report, const RankSettings& settings);
  void require_agreement();
  void describe_measurement(Meeting& meeting) const;
  [[noreturn]] void fail(const std::exception_ptr& own, const std::string& what) const;
  std::string said_by(std::size_t rank, const std::string& text) const;

  std::shared_ptr<distributed::Communicator> communicator_;
  std::int64_t sequence_group_;
  std::string told_;                 // the settings that the others know of this rank
  std::vector<RankSettings> known_;  // by rank
  bool agree_ = false;               // of `known_`: compared, and nothing new since
  std::int64_t bytes_before_ = 0;
};

}  // namespace infoplane
