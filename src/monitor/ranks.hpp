#pragma once

#include <cstdint>
#include <infoplane/distributed/communicator.hpp>
#include <infoplane/estimator/estimates.hpp>
#include <infoplane/plane/point.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace infoplane {

/// A site as all ranks call it.
struct SharedSite {
  std::string name;
  int index = -2;    // as in hooks::Site
  std::string kind;  // as to_string(hooks::SiteKind) has it
};

/// What does not change between the points of a rank.
struct RankSettings {
  std::vector<std::pair<std::string, std::string>> fields;  // that must be the same on all ranks, in words
  std::vector<SharedSite> sites;
  bool may_differ_in_sites = false;
  std::int64_t width = 0;  // d; 0 where nothing was measured yet
  std::string dtype;
  std::vector<std::string> label_sets;
};

/// What a rank says before a point.
struct RankReport {
  std::string stream;
  std::int64_t step = 0;
  std::string error;  // why there will be no point
  std::optional<double> loss;
  std::string dropped;       // what its observations do not count, in words
  bool ended_early = false;  // a forward of its window
  RankSettings settings;
};

/// The ranks of a monitor.
class Ranks {
 public:
  /// `communicator` may be null: a world of one.
  Ranks(std::shared_ptr<distributed::Communicator> communicator, std::int64_t sequence_group);

  bool alone() const noexcept { return size() == 1; }
  int rank() const noexcept { return communicator_ ? communicator_->rank() : 0; }
  int size() const noexcept { return communicator_ ? communicator_->size() : 1; }

  /// What the ranks have in common, once all have reported that a point can come.
  struct Meeting {
    double loss;                    // mean over those that gave one; NaN if none did
    std::vector<SharedSite> sites;  // of all ranks, in the order of the layers
    std::int64_t width = 0;
    std::string dtype;
    std::vector<std::string> label_sets;
    std::string dropped;  // on which rank what does not count
    bool ended_early = false;
  };
  /// Collective. @throws StateError, the same on every rank, if one reports an error, or another step or stream.
  /// @throws ArgumentError, the same on every rank, if settings differ, each time; names ranks, fields and values.
  Meeting meet(const RankReport& report);

  /// Collective.
  std::vector<estimator::NamedEstimate> estimates(const std::vector<estimator::NamedAccumulator>& mine);

  /// The point that rank 0 has, on every rank, with the bytes that the ranks have sent since `meet`. Collective.
  /// @throws StateError on every rank if rank 0 has an error instead.
  std::optional<plane::Point> from_first(std::optional<plane::Point> point, const std::string& error);

  /// Means over the ranks that have the metric; the same bits on every rank. Collective.
  plane::Metrics mean(const plane::Metrics& mine);

 private:
  void learn(int rank, const std::string& settings);
  void compare_settings() const;
  std::vector<SharedSite> all_sites() const;

  std::shared_ptr<distributed::Communicator> communicator_;
  std::int64_t sequence_group_;
  std::string told_;                 // the settings that the others know of this rank
  std::vector<RankSettings> known_;  // by rank
  bool agree_ = false;               // of `known_`: compared, and nothing new since
  std::int64_t bytes_before_ = 0;
};

}  // namespace infoplane
