#include "monitor/token_views.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <string>

namespace infoplane {

namespace {

std::string shape_of(const at::Tensor& tensor) { return detail::concat("[", detail::join(tensor.sizes()), "]"); }

labels::IntegerView::Type integer_type(const at::Tensor& tensor, const char* what) {
  switch (tensor.scalar_type()) {
    case at::kInt:
      return labels::IntegerView::Type::kInt32;
    case at::kLong:
      return labels::IntegerView::Type::kInt64;
    case at::kByte:
    case at::kBool:
      return labels::IntegerView::Type::kUInt8;
    default:
      INFOPLANE_THROW(ShapeError, what, " must be int32 or int64 (a mask also bool or uint8), got ",
                      c10::toString(tensor.scalar_type()), "; call .to(torch::kLong)");
  }
}

}  // namespace

labels::IntegerView HostBatch::view(const at::Tensor& tensor, const char* what, bool time_major) {
  INFOPLANE_CHECK(tensor.defined(), ShapeError, what, " must be a tensor, got an undefined one");
  INFOPLANE_CHECK(tensor.dim() == 1 || tensor.dim() == 2, ShapeError, what, " must be ",
                  time_major ? "[T, B]" : "[B, T]", " or [T], got ", shape_of(tensor));
  const auto type = integer_type(tensor, what);
  held_.push_back(tensor.device().is_cpu() ? tensor : tensor.cpu());
  const auto& host = held_.back();
  if (host.dim() == 1) {
    return {host.const_data_ptr(), type, 1, host.size(0), 0, host.stride(0)};
  }
  const int sequence = time_major ? 1 : 0;
  const int position = 1 - sequence;
  return {host.const_data_ptr(), type, host.size(sequence), host.size(position), host.stride(sequence),
          host.stride(position)};
}

HostBatch::HostBatch(const at::Tensor& tokens, const at::Tensor& targets, const BatchDetails& details, bool time_major)
    : batch_{view(tokens, "tokens", time_major)} {
  if (targets.defined()) {
    batch_.targets = view(targets, "targets", time_major);
  }
  if (details.mask().defined()) {
    batch_.mask = view(details.mask(), "mask", time_major);
  }
  if (details.documents().defined()) {
    batch_.documents = view(details.documents(), "documents", time_major);
  }
  for (const auto& [name, values] : details.labels()) {
    others_.push_back({name, view(values, name.c_str(), time_major)});
  }
  if (details.positions().defined()) {
    INFOPLANE_CHECK(details.positions().dim() == 1, ShapeError, "positions must be of one axis, got ",
                    shape_of(details.positions()));
    const auto positions = view(details.positions(), "positions", false);
    whole_ = false;
    for (std::int64_t i = 0; i < positions.columns(); ++i) {
      positions_.push_back(positions.at(0, i));
      INFOPLANE_CHECK(positions_.back() >= 0 && positions_.back() < batch_.tokens.columns(), ArgumentError,
                      "positions[", i, "] is ", positions_.back(), ", but the rows have ", batch_.tokens.columns(),
                      " tokens: give observe() whole rows, and the positions of this rank's activations in them");
    }
  }
}

std::shared_ptr<const labels::Grouping> HostBatch::at_positions(
    std::shared_ptr<const labels::Grouping> grouping) const {
  if (whole_) {
    return grouping;
  }
  const auto pick = [this](const auto& values) {
    std::decay_t<decltype(values)> result;
    for (std::int64_t sequence = 0; sequence < sequences() && !values.empty(); ++sequence) {
      for (const std::int64_t position : positions_) {
        result.push_back(values[static_cast<std::size_t>(sequence * batch_.tokens.columns() + position)]);
      }
    }
    return result;
  };
  auto result = std::make_shared<labels::Grouping>();
  result->positions = sequences() * length();
  result->row_length = length();
  result->counted = pick(grouping->counted);
  for (const auto& set : grouping->sets) {
    auto& picked =
        result->sets.emplace_back(labels::LabelAssignment{set.name, set.table, pick(set.rows), set.row_count, 0});
    picked.labelled = static_cast<std::int64_t>(picked.rows.size()) -
                      std::count(picked.rows.begin(), picked.rows.end(), labels::kNoRow);
  }
  return result;
}

at::Tensor by_position(const at::Tensor& activations, std::int64_t sequences, std::int64_t length, bool time_major,
                       const std::string& site) {
  const auto positions = sequences * length;
  if (activations.dim() == 3) {
    const auto first = activations.size(0);
    const auto second = activations.size(1);
    const bool batch_first = first == sequences && second == length;
    const bool time_first = first == length && second == sequences;
    if (batch_first && !(time_first && time_major)) {
      return activations;
    }
    if (time_first) {
      return activations.transpose(0, 1);
    }
  }
  if (activations.dim() == 2 && activations.size(0) == positions) {
    return time_major ? activations.unflatten(0, {length, sequences}).transpose(0, 1) : activations;
  }
  INFOPLANE_THROW(
      SiteError, "site \"", site, "\" fired with shape ", shape_of(activations), ", which does not fit the ", sequences,
      " sequences of ", length,
      " tokens given to observe(): observe the tokens that the model's forward gets, one forward an observation");
}

}  // namespace infoplane
