#pragma once

#include <cstddef>
#include <cstdint>
#include <infoplane/bound/joint.hpp>
#include <vector>

namespace infoplane::bound {

/// Rows of clusters are padded to a multiple of it, so that inner loops are whole vectors.
constexpr std::size_t kLanes = 4;

/// A channel X → T by what it makes of Y: p(t) and p(y, t). The channel p(t|x) follows from them and is never stored:
/// the joint may have a million rows.
struct Clusters {
  std::size_t count = 0;
  std::size_t stride = 0;     ///< count, padded; what lies between the two is 0
  std::vector<double> mass;   ///< [stride] p(t)
  std::vector<double> joint;  ///< [y][stride] p(y, t)

  Clusters() = default;
  Clusters(std::size_t clusters, std::size_t columns);
  std::size_t columns() const noexcept { return stride == 0 ? 0 : joint.size() / stride; }
};

/// One cluster for each row, if there are at most `clusters`; else the rows that lie farthest from the ones before
/// them. A seed above 0 draws the rows instead, by how far they lie.
Clusters start_apart(const Joint& joint, std::int64_t clusters, std::uint64_t seed);

/// All clusters at p(y), but for a little noise.
Clusters start_together(const Joint& joint, std::int64_t clusters, std::uint64_t seed);

/// Makes p(t) of p(y, t), and both a distribution.
void normalise(Clusters& clusters);

/// Moves each p(y|t) towards p(y), so that no cluster excludes a row for ever.
void soften(Clusters& clusters, const Joint& joint);

/// Multiplies each p(y, t) by noise of 1 ± 0.01, so that clusters at one place can part.
void shake(Clusters& clusters, std::uint64_t seed);

/// For each cluster the one that it goes into: of those that lie at one place the first. `count` for an empty one.
std::vector<std::size_t> alike(const Clusters& clusters, const Joint& joint);

/// Sums clusters by where they go, as alike() says it; those that are left keep their order.
Clusters joined(const Clusters& clusters, const std::vector<std::size_t>& into);

}  // namespace infoplane::bound
