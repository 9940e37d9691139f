#include "estimator/device/on_device.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <iterator>

#include "estimator/device/segments.hpp"

namespace infoplane::estimator {

namespace {

/// The row of a token as make_segments() wants it.
std::int32_t segment_row(std::uint32_t entry) noexcept {
  return entry == kNoSum ? -1 : entry == kDropped ? cuda::kNotKept : static_cast<std::int32_t>(entry & kSumNumber);
}

constexpr std::size_t kMostPending = 2;  // each keeps its assignments: 4 N m bytes

}  // namespace

/// The device's half of an update.
struct OnDevice::Work {
  void* stream = nullptr;
  std::vector<DeviceLabelSums*> sets;
  std::vector<cuda::Promotion> promotions;
  cuda::DeviceSegments segments;
  cuda::Upload upload;
  std::int64_t sums = 0, promotions_at = 0, positions = 0;  // in the upload
  cuda::Memory partials;
  cuda::Memory gathered;
  cuda::Memory on_host;
};

void OnDevice::check_intact() const {
  INFOPLANE_CHECK(
      !broken_, StateError,
      "an update failed on its device before all of it was counted, so what the accumulator has seen is not "
      "known: reset it, or load a saved state");
}

void OnDevice::refuse_capture() const {
  INFOPLANE_CHECK(
      !context_->device().capturing(context_->device().stream()), StateError,
      "sums on a device were asked for during the capture of a CUDA graph, and that work would be captured: "
      "ask when no graph is being captured");
}

bool OnDevice::must_count() const {
  return !pending_.empty() && (pending_.size() >= kMostPending || pending_.front().assignment.rows == 0 ||
                               context_->device().done(pending_.front().assignment.done));
}

void OnDevice::wait_for_pending() const {
  if (!pending_.empty() && pending_.back().assignment.rows > 0) {
    context_->device().wait(pending_.back().assignment.done);
  }
}

kernels::SoftAssignment OnDevice::finish() const {
  return cuda::finish_assignment(context_->device(), pending_.front().assignment);
}

void* OnDevice::enter(Sets sets) {
  cuda::Device& device = context_->device();
  void* const stream = device.stream();
  if (last_ && stream != stream_) {
    device.order(stream, last_);
    for (const auto& set : sets) {
      if (set->on_device() != nullptr) {
        set->on_device()->keep_for(device, stream);
      }
    }
  }
  return stream;
}

void OnDevice::leave(void* stream) {
  last_ = context_->device().record(stream);
  stream_ = stream;
}

void OnDevice::prepare(Sets sets, const Plans& plans, std::size_t picks, std::int64_t anchors) {
  cuda::Device& device = context_->device();
  const std::shared_ptr<void> current = device.make_current();
  const cuda::StartedAssignment& assignment = pending_.front().assignment;
  auto work = std::make_shared<Work>();
  void* const stream = work->stream = enter(sets);
  if (assignment.rows > 0 && assignment.stream != stream) {
    device.order(stream, assignment.done);
    device.keep_for(assignment.probabilities, stream);
  }
  std::vector<std::int32_t> rows;
  rows.reserve(plans.size() * static_cast<std::size_t>(assignment.rows));
  for (const auto& [set, plan] : plans) {
    if (set->on_device() == nullptr) {
      set->move_to_device(device, stream);
    }
    set->on_device()->prepare(plan, set->counts().size(), static_cast<std::int32_t>(work->sets.size()),
                              work->promotions, device, stream);
    std::transform(plan.begin(), plan.end(), std::back_inserter(rows), segment_row);
    work->sets.push_back(set->on_device());
  }
  if (!work->sets.empty()) {
    work->segments = context_->segments(std::move(rows), static_cast<std::int64_t>(work->sets.size()), stream);
    work->partials = device.allocate(work->segments.partial_sums * anchors * 8);
  }
  const auto gathered = static_cast<std::int64_t>(std::min<std::size_t>(picks, Reservoir::kCapacity));
  work->sums = work->upload.reserve<cuda::LabelSums>(static_cast<std::int64_t>(work->sets.size()));
  work->promotions_at = work->upload.reserve<cuda::Promotion>(static_cast<std::int64_t>(work->promotions.size()));
  work->positions = work->upload.reserve<std::int32_t>(gathered);
  work->upload.allocate(device);
  work->gathered = device.allocate(gathered * anchors * 4);
  work->on_host = device.allocate_pinned(gathered * anchors * 4);
  work_ = std::move(work);
}

void OnDevice::run(const std::vector<Reservoir::Pick>& picks, std::int64_t anchors) {
  broken_ = true;  // until all of it is queued
  cuda::Device& device = context_->device();
  const std::shared_ptr<void> current = device.make_current();
  const cuda::Kernels& kernels = device.kernels();
  Work& work = *work_;
  Gathered gathered;
  std::vector<bool> seen(Reservoir::kCapacity, false);
  for (auto pick = picks.rbegin(); pick != picks.rend(); ++pick) {  // of rows in one place the last stays
    if (pick->index != Reservoir::kNone && !seen[pick->index]) {
      seen[pick->index] = true;
      work.upload.host<std::int32_t>(work.positions)[gathered.indices.size()] = static_cast<std::int32_t>(pick->row);
      gathered.indices.push_back(pick->index);
    }
  }
  auto* const sums = work.upload.host<cuda::LabelSums>(work.sums);
  std::transform(work.sets.begin(), work.sets.end(), sums, [](const DeviceLabelSums* set) { return set->view(); });
  std::copy(work.promotions.begin(), work.promotions.end(), work.upload.host<cuda::Promotion>(work.promotions_at));
  work.upload.send(device, work.stream);
  const auto* const sets = work.upload.on_device<cuda::LabelSums>(work.sums);
  const auto* const p = pending_.front().assignment.probabilities.as<float>();
  device.check(kernels.promote_label_sums(sets, anchors, work.upload.on_device<cuda::Promotion>(work.promotions_at),
                                          static_cast<std::int64_t>(work.promotions.size()), work.stream));
  if (!work.sets.empty()) {
    device.check(
        kernels.add_to_label_sums(p, anchors, work.segments.segments, sets, work.partials.as<double>(), work.stream));
  }
  if (!gathered.indices.empty()) {
    const auto count = static_cast<std::int64_t>(gathered.indices.size());
    device.check(kernels.gather_assignments(p, anchors, work.upload.on_device<std::int32_t>(work.positions), count,
                                            work.gathered.as<float>(), work.stream));
    device.copy(work.on_host.data, work.gathered.data, count * anchors * 4, work.stream);
    device.keep_for(work.on_host, work.stream);
    gathered.values = work.on_host;
    gathered.done = device.record(work.stream);
    gathered_.push_back(std::move(gathered));
  }
  drop(anchors, work.stream);
  leave(work.stream);
  work_.reset();
  pending_.pop_front();
  broken_ = false;
}

void OnDevice::drop(std::int64_t anchors, void* stream) {
  cuda::Device& device = context_->device();
  std::vector<std::span<const std::int32_t>> rows;
  for (const DeviceLabelSums* const set : work_->sets) {
    rows.push_back(set->dropped());
  }
  const cuda::HostSegments host = cuda::make_drop_segments(rows);
  if (!host.pieces.empty()) {
    cuda::Upload upload;
    const auto sets = static_cast<std::int64_t>(work_->sets.size());
    const auto pieces = static_cast<std::int64_t>(host.pieces.size());
    const auto labels = static_cast<std::int64_t>(host.long_labels.size());
    const std::int64_t order_at = upload.reserve<std::int32_t>(static_cast<std::int64_t>(host.order.size()));
    const std::int64_t pieces_at = upload.reserve<cuda::LabelPiece>(pieces);
    const std::int64_t labels_at = upload.reserve<cuda::LongLabel>(labels);
    const std::int64_t sums_at = upload.reserve<cuda::LabelSums>(sets);
    upload.allocate(device);
    std::copy(host.order.begin(), host.order.end(), upload.host<std::int32_t>(order_at));
    std::copy(host.pieces.begin(), host.pieces.end(), upload.host<cuda::LabelPiece>(pieces_at));
    std::copy(host.long_labels.begin(), host.long_labels.end(), upload.host<cuda::LongLabel>(labels_at));
    std::transform(work_->sets.begin(), work_->sets.end(), upload.host<cuda::LabelSums>(sums_at),
                   [](const DeviceLabelSums* set) { return set->view(); });
    const cuda::Memory partials = device.allocate(host.partial_sums * anchors * 8);
    upload.send(device, stream);
    const cuda::LabelSegments segments{upload.on_device<std::int32_t>(order_at),
                                       upload.on_device<cuda::LabelPiece>(pieces_at), pieces,
                                       upload.on_device<cuda::LongLabel>(labels_at), labels};
    device.check(device.kernels().drop_label_sums(anchors, segments, upload.on_device<cuda::LabelSums>(sums_at),
                                                  partials.as<double>(), stream));
  }
  for (DeviceLabelSums* const set : work_->sets) {
    set->forget_dropped();
  }
}

void OnDevice::collect(Reservoir& reservoir, bool all) {
  cuda::Device& device = context_->device();
  for (; !gathered_.empty(); gathered_.pop_front()) {
    const Gathered& gathered = gathered_.front();
    if (all) {
      device.wait(gathered.done);
    } else if (!device.done(gathered.done)) {
      return;
    }
    reservoir.fill(gathered.indices, gathered.values.as<float>());
  }
}

void OnDevice::request(Sets sets, std::span<const LabelSet* const> whole) {
  cuda::Device& device = context_->device();
  const std::shared_ptr<void> current = device.make_current();
  void* const stream = enter(sets);
  for (const auto& set : sets) {
    if (set->on_device() == nullptr) {
      set->move_to_device(device, stream);
    }
    set->request(device, stream, std::find(whole.begin(), whole.end(), set.get()) != whole.end());
  }
  leave(stream);
  requested_ = true;
}

void OnDevice::read(Sets sets, std::span<const LabelSet* const> whole, Reservoir& reservoir) {
  if (!requested_) {
    request(sets, whole);
  }
  requested_ = false;
  context_->device().wait(last_);
  collect(reservoir, /*all=*/true);
}

void OnDevice::move_to_host(Sets sets, Reservoir& reservoir) {
  cuda::Device& device = context_->device();
  const std::shared_ptr<void> current = device.make_current();
  void* const stream = enter(sets);
  std::vector<cuda::Memory> pinned;
  for (const auto& set : sets) {
    pinned.push_back(set->on_device() != nullptr ? set->on_device()->start_move_to_host(set->counts(), device, stream)
                                                 : cuda::Memory());
  }
  leave(stream);
  device.wait(last_);
  collect(reservoir, /*all=*/true);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (sets[i]->on_device() != nullptr) {
      sets[i]->finish_move_to_host(pinned[i]);
    }
  }
}

std::int64_t OnDevice::memory_bytes() const noexcept {
  std::int64_t bytes = 0;
  for (const Pending& pending : pending_) {
    bytes += pending.assignment.probabilities.bytes + pending.assignment.on_host.bytes;
  }
  for (const Gathered& gathered : gathered_) {
    bytes += gathered.values.bytes;
  }
  return bytes;
}

}  // namespace infoplane::estimator
