#include <unordered_set>

#include "estimator/accumulator_impl.hpp"
#include "estimator/statistics/label_set_estimator.hpp"

// The half of an accumulator that knows about devices.
namespace infoplane::estimator {
namespace {

/// Of the only owner.
void estimate_alone(ThroughEstimator& pair, Reduction& reduction) {
  pair.put_channel(reduction);
  reduction.next();
  pair.take_channel(reduction);
  if (!pair.goes_on()) {
    return;
  }
  pair.each_mean([&pair](std::uint32_t row, std::span<const float> mean) { pair.set_mean(row, mean); });
  pair.begin_mixtures();
  const std::vector<std::uint32_t> sampled = pair.sampled_outputs();
  const std::unordered_set<std::uint32_t> wanted(sampled.begin(), sampled.end());
  pair.mix([&wanted](std::uint32_t y) { return wanted.contains(y); },
           [&pair](std::uint32_t y, const Mixture& mixture) { pair.mixtures().add(y, mixture); });
  pair.put_mixtures(reduction);
  reduction.next();
  pair.take_mixtures(reduction);
  for (int stage = 0; stage < ThroughEstimator::kStages; ++stage) {
    pair.stage(stage, reduction);
    reduction.next();
  }
  pair.put_influences([&pair](std::uint32_t y, std::span<double> out) { pair.logarithms(y, out); }, reduction);
  reduction.next();
  pair.take_influences(reduction);
}

}  // namespace

int SoftEntropyAccumulator::Impl::known_width(const std::string& name) const {
  if (const LabelSet* const set = find(name)) {
    return set->slots().key_width();
  }
  if (device) {
    for (const OnDevice::Pending& pending : device->pending()) {
      if (std::any_of(pending.labels.begin(), pending.labels.end(), [&](const auto& of) { return of.name == name; })) {
        return 1;
      }
      for (std::size_t i = 0; pending.grouping && i < pending.grouping->sets.size(); ++i) {
        if (pending.grouping->sets[i].name == name) {
          return pending.grouping->sets[i].table->width();
        }
      }
    }
  }
  return 0;
}

OnDevice::Pending SoftEntropyAccumulator::Impl::start(cuda::DeviceContext& context, const at::Tensor& z,
                                                      OnDevice::Pending labels) {
  cuda::refuse_capture_of_update(context.device());
  if (device && !device->is(&context)) {
    move_to_host();
  }
  if (device) {
    device->check_intact();
    while (device->must_count()) {
      count_first();
    }
  }
  const bool all = !labels.grouping || labels.grouping->counted.empty();
  const at::Tensor values = row_totals.centred(z);
  labels.centred = row_totals.centre().defined() ? values : at::Tensor();
  labels.assignment =
      cuda::start_assignment(context, values, *panels, epsilon, all ? nullptr : labels.grouping->counted.data());
  return labels;
}

void SoftEntropyAccumulator::Impl::add(std::shared_ptr<cuda::DeviceContext> context, OnDevice::Pending started) {
  if (device && !device->is(context.get())) {
    move_to_host();
  }
  if (!device) {
    device = std::make_unique<OnDevice>(std::move(context));
  }
  device->add(std::move(started));
}

void SoftEntropyAccumulator::Impl::count_first() {
  Update update;
  const OnDevice::Pending& pending = device->pending().front();
  update.assignment = device->finish();
  update.length = pending.length;
  if (pending.grouping) {
    plan(update, *pending.grouping);
  } else {
    plan(update, pending.labels);
  }
  device->collect(reservoir, /*all=*/false);
  device->prepare(sets, update.plans, update.picks.size(), anchors.size());
  commit(update);
  device->run(update.picks, anchors.size());
}

void SoftEntropyAccumulator::Impl::count_all() {
  device->check_intact();
  device->refuse_capture();
  device->wait_for_pending();
  while (!device->pending().empty()) {
    count_first();
  }
}

void SoftEntropyAccumulator::Impl::prepare_estimate() {
  if (device) {
    count_all();
    device->request(sets, paired_inputs());
  }
}

void SoftEntropyAccumulator::Impl::move_to_host() {
  if (device) {
    count_all();
    device->move_to_host(sets, reservoir);
    forget_readouts();  // of an estimate that was prepared and not made
    device.reset();
  }
}

Estimate SoftEntropyAccumulator::Impl::estimate() {
  if (!device) {
    return estimate_of_sums();
  }
  struct Forget {
    Impl& impl;
    ~Forget() { impl.forget_readouts(); }
  };
  const Forget forget{*this};
  count_all();
  device->read(sets, paired_inputs(), reservoir);
  return estimate_of_sums();
}

std::vector<const LabelSet*> SoftEntropyAccumulator::Impl::paired_inputs() const {
  std::vector<const LabelSet*> result;
  for (const auto& of : pairs) {
    if (of->complete()) {
      result.push_back(find(of->input()));
    }
  }
  return result;
}

std::vector<InputJoint> SoftEntropyAccumulator::Impl::joints() const {
  std::vector<InputJoint> result;
  for (const auto& of : pairs) {
    const LabelSet& inputs = *find(of->input());
    const LabelSet& outputs = *find(of->output());
    InputJoint& joint = result.emplace_back(InputJoint{of->input(), of->output(), {}, of->positions(), of->complete()});
    const std::vector<std::uint32_t> slot_of_input = inputs.replicates().slot_of_sum(inputs.counts().size());
    const std::vector<std::uint32_t> slot_of_output = outputs.replicates().slot_of_sum(outputs.counts().size());
    for (const auto& [input, output, count] : of->pairs()) {
      const Replicates::Sums& sums = outputs.replicates().sums(slot_of_output[output]);
      const auto replicate = static_cast<std::uint32_t>(std::find(sums.begin(), sums.end(), output) - sums.begin());
      joint.counts.entries.push_back({slot_of_output[output], replicate, slot_of_input[input], count});
    }
  }
  return result;
}

Estimate SoftEntropyAccumulator::Impl::estimate_of_sums() const {
  EstimateBuilder estimation(summed());
  Reduction reduction;
  for (LabelSetEstimator& set : estimation.sets()) {
    for (int stage = 0; stage < LabelSetEstimator::kStages; ++stage) {
      set.stage(stage, reduction);
      reduction.next();
    }
  }
  estimation.add_joints(joints());
  for (ThroughEstimator& pair : estimation.through()) {
    estimate_alone(pair, reduction);
  }
  return estimation.finish();
}

}  // namespace infoplane::estimator
