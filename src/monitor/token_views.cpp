#include "monitor/token_views.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <string>

namespace infoplane {

namespace {

std::string shape_of(const at::Tensor& tensor) { return detail::concat("[", detail::join(tensor.sizes()), "]"); }

/// Of integers, an additive mask would be read the wrong way round.
void check_mask(const labels::IntegerView& mask) {
  for (std::int64_t row = 0; row < mask.rows(); ++row) {
    for (std::int64_t column = 0; column < mask.columns(); ++column) {
      INFOPLANE_CHECK(mask.at(row, column) >= 0, ArgumentError, "mask has ", mask.at(row, column), " at row ", row,
                      ", column ", column,
                      ": it is non-zero where a position counts. Of an additive mask (0 where it counts) give mask == "
                      "0");
    }
  }
}

}  // namespace

labels::IntegerView no_tokens(std::int64_t sequences, std::int64_t length) {
  static constexpr std::int64_t kAnything = 0;
  return {&kAnything, labels::IntegerView::Type::kInt64, sequences, length, 0, 0};
}

labels::IntegerView HostBatch::view(const at::Tensor& tensor, TokenRole role, const char* what, bool time_major) {
  INFOPLANE_CHECK(tensor.defined(), ShapeError, what, " must be a tensor, got an undefined one");
  INFOPLANE_CHECK(tensor.dim() == 1 || tensor.dim() == 2, ShapeError, what, " must be ",
                  time_major ? "[T, B]" : "[B, T]", " or [T], got ", shape_of(tensor),
                  role == TokenRole::kMask ? ": a mask of pairs of positions, as attention takes it, is another" : "");
  const auto type = integer_type(tensor, role, what);
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

namespace {

/// How to give a tensor that does not fit beside the tokens.
const char* advice(const at::Tensor& tensor, const labels::IntegerView& given, const labels::IntegerView& tokens,
                   bool time_major) {
  if (tensor.dim() == 1 && tensor.size(0) == tokens.size()) {
    return "give them in the shape of the tokens, by .view_as(tokens)";
  }
  if (given.rows() == tokens.columns() && given.columns() == tokens.rows()) {
    return "their axes are exchanged: give them as .t()";
  }
  if (tensor.dim() == 1 && tensor.size(0) == tokens.rows()) {
    return time_major ? "for one value a sequence give .view({1, -1}).expand_as(tokens)"
                      : "for one value a sequence give .view({-1, 1}).expand_as(tokens)";
  }
  return "give one value for each token";
}

}  // namespace

labels::IntegerView HostBatch::view_beside(const at::Tensor& tensor, TokenRole role, const char* what,
                                           bool time_major) {
  const auto result = view(tensor, role, what, time_major);
  const auto& tokens = batch_.tokens;
  if (!has_tokens_ && tensor.dim() == 1 && tokens.columns() == 1 && result.columns() == tokens.rows()) {
    return result.transposed();
  }
  if (result.rows() == tokens.rows() && result.columns() == tokens.columns()) {
    return result;
  }
  const auto tokens_are = detail::concat("[", time_major ? tokens.columns() : tokens.rows(), ", ",
                                         time_major ? tokens.rows() : tokens.columns(), "]");
  INFOPLANE_THROW(ShapeError, what, " are ", shape_of(tensor), ", the tokens ", tokens_are, ": ",
                  advice(tensor, result, tokens, time_major));
}

HostBatch::HostBatch(const at::Tensor& tokens, const at::Tensor& targets, const BatchDetails& details, bool time_major)
    : batch_{view(tokens, TokenRole::kTokens, "tokens", time_major)} {
  if (targets.defined()) {
    batch_.targets = view_beside(targets, TokenRole::kTargets, "targets", time_major);
  }
  take(details, time_major);
}

HostBatch::HostBatch(const BatchDetails& details, bool time_major)
    : batch_{no_tokens(0, 0)}, has_tokens_(false), has_shape_(false) {
  INFOPLANE_CHECK(!details.positions().defined(), ArgumentError,
                  "positions are those of a row of tokens, and observe() got no tokens");
  std::vector<std::pair<const at::Tensor*, std::pair<TokenRole, const char*>>> tensors = {
      {&details.mask(), {TokenRole::kMask, "mask"}}, {&details.documents(), {TokenRole::kDocuments, "documents"}}};
  for (const auto& [name, values] : details.labels()) {
    tensors.push_back({&values, {TokenRole::kLabels, name.c_str()}});
  }
  for (const auto& [tensor, what] : tensors) {
    if (tensor->defined()) {
      const auto shape = view(*tensor, what.first, what.second, time_major);
      const bool one_each = tensor->dim() == 1;  // a label of each sequence, whose activations are [B, d]
      batch_.tokens = one_each ? no_tokens(shape.columns(), 1) : no_tokens(shape.rows(), shape.columns());
      has_shape_ = true;
      break;
    }
  }
  take(details, time_major);
}

void HostBatch::take(const BatchDetails& details, bool time_major) {
  if (details.mask().defined()) {
    batch_.mask = view_beside(details.mask(), TokenRole::kMask, "mask", time_major);
    if (details.mask().is_signed()) {
      check_mask(*batch_.mask);
    }
  }
  if (details.documents().defined()) {
    batch_.documents = view_beside(details.documents(), TokenRole::kDocuments, "documents", time_major);
  }
  for (const auto& [name, values] : details.labels()) {
    others_.push_back({name, view_beside(values, TokenRole::kLabels, name.c_str(), time_major)});
  }
  if (details.positions().defined()) {
    INFOPLANE_CHECK(details.positions().dim() == 1, ShapeError, "positions must be of one axis, got ",
                    shape_of(details.positions()));
    const auto positions = view(details.positions(), TokenRole::kPositions, "positions", false);
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
  result->units = pick(grouping->units);
  result->unit_count = grouping->unit_count;
  for (const auto& set : grouping->sets) {
    auto& picked =
        result->sets.emplace_back(labels::LabelAssignment{set.name, set.table, pick(set.rows), set.row_count, 0});
    picked.labelled = static_cast<std::int64_t>(picked.rows.size()) -
                      std::count(picked.rows.begin(), picked.rows.end(), labels::kNoRow);
  }
  return result;
}

at::Tensor followed_tokens(const at::Tensor& tokens, const BatchDetails& details, bool time_major) {
  auto matrix = tokens.dim() == 1 ? tokens.unsqueeze(time_major ? 1 : 0) : tokens;
  if (!details.positions().defined()) {
    return matrix;
  }
  return matrix.index_select(time_major ? 0 : 1, details.positions().to(tokens.device(), at::kLong));
}

}  // namespace infoplane
