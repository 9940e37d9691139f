#pragma once

#include <cstdint>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/bound/joint.hpp>
#include <vector>

namespace infoplane::bound {

/// The self-consistent equations of the Information Bottleneck on one joint. What it holds is p(t) and p(y|t); the
/// channel p(t|x) follows from them and is never stored: the joint may have a million rows.
class SelfConsistent {
 public:
  /// Borrows the joint.
  explicit SelfConsistent(const Joint& joint);

  /// One cluster for each row, if there are at most `clusters`; else the rows that lie farthest from the ones before
  /// them. A seed above 0 draws the rows instead, by how far they lie.
  void start_apart(std::int64_t clusters, std::uint64_t seed);
  /// All clusters at p(y), but for a little noise.
  void start_together(std::int64_t clusters, std::uint64_t seed);

  /// Moves each p(y|t) towards p(y), so that no cluster excludes a row for ever.
  void soften();
  /// Multiplies each p(y|t) by noise of 1 ± 0.01, so that clusters at one place can part.
  void shake(std::uint64_t seed);
  /// Iterates at β until neither information moves by more than `resolution` nats, or for `max_iterations`. Returns the
  /// last channel.
  IbPoint solve(double beta, double resolution, std::int64_t max_iterations);
  /// Joins clusters that are at one place and drops empty ones. Changes neither information.
  void join();

  /// What a channel follows from.
  struct State {
    std::vector<double> mass;         // p(t)
    std::vector<double> conditional;  // [y][t]: p(y|t)
  };
  State state() const { return {mass_, conditional_}; }
  void restore(const State& state);

  std::int64_t clusters() const noexcept { return static_cast<std::int64_t>(mass_.size()); }

 private:
  void normalise();
  IbPoint iterate(double beta);
  void score(std::int64_t x, double scale, const std::vector<double>& log_mass, std::vector<double>& channel) const;
  void add(std::int64_t x, double p, const std::vector<double>& channel);
  IbPoint settle(double beta, double conditional_entropy);

  const Joint* joint_;
  std::vector<double> mass_;
  std::vector<double> conditional_;
  std::vector<double> logarithm_;  // of conditional_, scratch
  std::vector<double> next_;       // [y][t]: p(y, t), scratch
};

}  // namespace infoplane::bound
