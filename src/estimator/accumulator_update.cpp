#include <infoplane/core/error.hpp>
#include <infoplane/labels/key_table.hpp>

#include "estimator/accumulator_impl.hpp"
#include "estimator/assignment/input_checks.hpp"

// Updates with a grouping, which come in two halves: z is taken in, and what it adds is counted.
namespace infoplane::estimator {

SoftEntropyAccumulator::Impl::Staged SoftEntropyAccumulator::Impl::take_in(
    const at::Tensor& z, const labels::Grouping& grouping, const std::shared_ptr<const labels::Grouping>* owner) {
  const PlainArithmetic plain;
  const at::Tensor values = checked_representations(z, anchors.dimension());
  check_grouping(grouping, values);
  for (const auto& assignment : grouping.sets) {
    check_width(assignment.name, assignment.table->width());
  }
  Staged taken;
  taken.context = kernels::fused_device(values, *panels);
  if (taken.context) {
    taken.pending = start(*taken.context, values,
                          {{},
                           owner != nullptr ? *owner : std::make_shared<const labels::Grouping>(grouping),
                           {},
                           sequence_length(values, grouping.row_length)});
    return taken;
  }
  assign(taken.update, values, grouping.counted.empty() ? nullptr : grouping.counted.data(), grouping.row_length);
  return taken;
}

void SoftEntropyAccumulator::Impl::count(Staged& taken, const labels::Grouping& grouping) {
  if (taken.context) {
    add(std::move(taken.context), std::move(taken.pending));
    return;
  }
  move_to_host();
  plan(taken.update, grouping);
  commit(taken.update);
}

void SoftEntropyAccumulator::update(const at::Tensor& z, const labels::Grouping& grouping) {
  auto taken = impl_->take_in(z, grouping, nullptr);
  impl_->count(taken, grouping);
}

void SoftEntropyAccumulator::update(const at::Tensor& z, const std::shared_ptr<const labels::Grouping>& grouping) {
  INFOPLANE_CHECK(grouping != nullptr, ArgumentError, "the grouping is a null pointer");
  auto taken = impl_->take_in(z, *grouping, &grouping);
  impl_->count(taken, *grouping);
}

void SoftEntropyAccumulator::stage(const at::Tensor& z, const std::shared_ptr<const labels::Grouping>& grouping) {
  INFOPLANE_CHECK(grouping != nullptr, ArgumentError, "the grouping is a null pointer");
  INFOPLANE_CHECK(!impl_->staged, StateError, "an update is staged already: commit() or discard() it before the next");
  impl_->staged = impl_->take_in(z, *grouping, &grouping);
  impl_->staged->grouping = grouping;
}

void SoftEntropyAccumulator::commit() {
  if (impl_->staged) {
    auto taken = std::move(*impl_->staged);
    impl_->staged.reset();
    const auto grouping = std::move(taken.grouping);
    impl_->count(taken, *grouping);
  }
}

void SoftEntropyAccumulator::discard() noexcept { impl_->staged.reset(); }

}  // namespace infoplane::estimator
