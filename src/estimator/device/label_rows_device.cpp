#include <algorithm>
#include <functional>

#include "estimator/device/label_readout.hpp"
#include "estimator/device/segments.hpp"
#include "estimator/label_sums/label_rows.hpp"

namespace infoplane::estimator {

using cuda::Device;
using cuda::Memory;
using cuda::Upload;

void LabelRows::move_to(Device& device, void* stream) {
  auto sums = std::make_unique<cuda::DeviceLabelSums>(anchors_);
  const auto m = static_cast<std::size_t>(anchors_);
  sums->reserve(device, static_cast<std::int64_t>(rows()), static_cast<std::int64_t>(wholes_.size()), stream);
  Upload upload;
  const std::int64_t of_rows = upload.reserve<float>(static_cast<std::int64_t>(rows() * m));
  const std::int64_t of_wholes = upload.reserve<double>(static_cast<std::int64_t>((wholes_.size() + 1) * m));
  const std::int64_t whole_of_row = upload.reserve<std::int32_t>(static_cast<std::int64_t>(rows()));
  upload.allocate(device);
  for (std::uint32_t number = 0; number < rows(); ++number) {
    std::copy_n(row(number), m, upload.host<float>(of_rows) + number * m);
  }
  std::fill_n(upload.host<std::int32_t>(whole_of_row), rows(), -1);
  std::copy_n(dropped_.begin(), m, upload.host<double>(of_wholes));
  for (auto& [number, whole] : wholes_) {
    whole.on_device = sums->take_whole();
    double* const into = upload.host<double>(of_wholes) + static_cast<std::size_t>(whole.on_device) * m;
    float* const recent = upload.host<float>(of_rows) + number * m;
    std::transform(recent, recent + m, whole.sums.get(), into,
                   [](float a, double b) { return static_cast<double>(a) + b; });
    std::fill_n(recent, m, 0.0F);
    std::fill_n(whole.sums.get(), m, 0.0);
    upload.host<std::int32_t>(whole_of_row)[number] = whole.on_device;
  }
  upload.send(device, stream);
  const auto bytes = static_cast<std::int64_t>(rows() * sizeof(std::int32_t));
  device.copy(sums->view().rows, upload.on_device<float>(of_rows), bytes * anchors_, stream);
  device.copy(sums->view().wholes, upload.on_device<double>(of_wholes),
              static_cast<std::int64_t>((wholes_.size() + 1) * m * sizeof(double)), stream);
  device.copy(sums->view().whole_of_row, upload.on_device<std::int32_t>(whole_of_row), bytes, stream);
  std::fill(dropped_.begin(), dropped_.end(), 0.0);
  blocks_.clear();
  on_device_ = std::move(sums);
}

LabelRows::Home LabelRows::start_home(Device& device, void* stream) const {
  Home home;
  home.row_bytes = static_cast<std::int64_t>(rows() * sizeof(float)) * anchors_;
  const std::int64_t whole_bytes = on_device_->wholes() * anchors_ * static_cast<std::int64_t>(sizeof(double));
  home.pinned = device.allocate_pinned(whole_bytes + home.row_bytes);
  device.copy(home.pinned.data, on_device_->view().wholes, whole_bytes, stream);
  device.copy(home.pinned.as<void>(whole_bytes), on_device_->view().rows, home.row_bytes, stream);
  device.keep_for(home.pinned, stream);
  return home;
}

void LabelRows::finish_home(const Home& home) {
  const auto m = static_cast<std::size_t>(anchors_);
  std::vector<std::unique_ptr<float[]>> blocks;
  for (std::size_t first = 0; first < rows(); first += kBlockRows) {
    blocks.push_back(std::make_unique<float[]>(kBlockRows * m));
  }
  blocks_ = std::move(blocks);
  const auto* const wholes = home.pinned.as<double>();
  const auto* const rows_there = home.pinned.as<float>(on_device_->wholes() * anchors_ * 8);
  for (std::uint32_t number = 0; number < rows(); ++number) {
    std::copy_n(rows_there + number * m, m, row(number));
  }
  for (auto& [number, whole] : wholes_) {
    if (whole.on_device >= 0) {
      std::copy_n(wholes + static_cast<std::size_t>(whole.on_device) * m, m, whole.sums.get());
      whole.on_device = -1;
    }
  }
  std::copy_n(wholes, m, dropped_.begin());
  on_device_.reset();
}

void LabelRows::prepare_on_device(Device& device, const Plan& plan, std::int32_t set,
                                  std::vector<cuda::Promotion>& promotions, void* stream) {
  std::vector<std::uint32_t> flushed;
  for (const std::uint32_t entry : plan) {
    if (entry < kDropped && (entry & kFlush) != 0 && wholes_.find(entry & kRow)->second.on_device < 0) {
      flushed.push_back(entry & kRow);
    }
  }
  std::sort(flushed.begin(), flushed.end());
  flushed.erase(std::unique(flushed.begin(), flushed.end()), flushed.end());
  on_device_->reserve(device, static_cast<std::int64_t>(rows()), static_cast<std::int64_t>(flushed.size()), stream);
  for (const std::uint32_t number : flushed) {
    const std::int32_t whole = wholes_.find(number)->second.on_device = on_device_->take_whole();
    promotions.push_back({set, static_cast<std::int32_t>(number), whole});
  }
}

void LabelRows::keep_for(Device& device, void* stream) const {
  if (on_device_) {
    on_device_->keep_for(device, stream);
  }
}

void LabelRows::segment_rows(const Plan& plan, std::vector<std::int32_t>& into) {
  for (const std::uint32_t entry : plan) {
    into.push_back(entry == kNone ? -1 : entry == kDropped ? cuda::kNotKept : static_cast<std::int32_t>(entry & kRow));
  }
}

void LabelRows::request(Device& device, void* stream) {
  auto readout = std::make_unique<LabelReadout>();
  // Of the labels of rows in the sample: their influences need the sums themselves.
  readout->index_of_row.assign(rows(), kNone);
  std::vector<std::uint32_t> wanted;
  const std::vector<std::uint32_t> slot_of = slot_of_row();
  for (const std::uint32_t number : sampled_) {
    for (const std::uint32_t part : number < kDropped ? parts_[slot_of[number]] : Parts{kNone, kNone, kNone, kNone}) {
      if (part != kNone && readout->index_of_row[part] == kNone) {
        readout->index_of_row[part] = static_cast<std::uint32_t>(wanted.size());
        wanted.push_back(part);
      }
    }
  }
  const auto labels = static_cast<std::int64_t>(slots());
  const auto gathered = static_cast<std::int64_t>(wanted.size());
  Upload upload;
  const std::int64_t parts = upload.reserve<cuda::LabelParts>(labels);
  const std::int64_t of_rows = upload.reserve<std::int32_t>(gathered);
  upload.allocate(device);
  for (std::size_t slot = 0; slot < slots(); ++slot) {
    for (std::size_t part = 0; part < 4; ++part) {
      const std::uint32_t number = parts_[slot][part];
      upload.host<cuda::LabelParts>(parts)[slot].rows[part] = number == kNone ? -1 : static_cast<std::int32_t>(number);
    }
  }
  std::copy(wanted.begin(), wanted.end(), upload.host<std::int32_t>(of_rows));
  readout->sums_at = labels * static_cast<std::int64_t>(sizeof(cuda::LabelEntropies));
  readout->rows_at = readout->sums_at + anchors_ * 8;
  const std::int64_t bytes = readout->rows_at + gathered * anchors_ * 4;
  const Memory out = device.allocate(bytes);
  const cuda::Kernels& kernels = device.kernels();
  const auto float_rows = static_cast<std::int64_t>(rows());
  const Memory workspace = device.allocate(kernels.sum_workspace_bytes(float_rows + on_device_->wholes(), anchors_));
  readout->pinned = device.allocate_pinned(bytes);
  upload.send(device, stream);
  const cuda::LabelSums sums = on_device_->view();
  device.check(kernels.label_entropies(sums, anchors_, upload.on_device<cuda::LabelParts>(parts), labels,
                                       out.as<cuda::LabelEntropies>(), stream));
  device.check(kernels.sum_of_label_rows(sums, float_rows, on_device_->wholes(), anchors_,
                                         out.as<double>(readout->sums_at), workspace.data, stream));
  device.check(kernels.gather_label_rows(sums, anchors_, upload.on_device<std::int32_t>(of_rows), gathered,
                                         out.as<float>(readout->rows_at), stream));
  device.copy(readout->pinned.data, out.data, bytes, stream);
  device.keep_for(readout->pinned, stream);
  readout_ = std::move(readout);
}

}  // namespace infoplane::estimator
