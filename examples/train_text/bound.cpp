#include "bound.hpp"

#include <infoplane/bound/joint_builder.hpp>

namespace train_text {
namespace {

constexpr std::int64_t kMostPairs = 20'000;

}  // namespace

std::optional<infoplane::bound::IbCurve> solve_bound(const Text& text) {
  infoplane::bound::NgramJointBuilder pairs(1, 1);
  const std::vector<std::int32_t> tokens(text.train.begin(), text.train.end());
  pairs.add(tokens);
  const auto joint = pairs.build();
  if (joint.nonzeros() > kMostPairs) {
    return std::nullopt;
  }
  // One sweep: on texts a second one found no better channel (docs/studies/ib-curve.md).
  return infoplane::bound::IbCurve::solve(joint, infoplane::bound::IbCurveOptions().restarts(1));
}

}  // namespace train_text
