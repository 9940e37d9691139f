#include "monitor/token_views.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <string>
#include <string_view>

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

/// Names that keys and sites of other values would be confused with.
void check_name(const std::string& set, const std::string& name) {
  const bool is_on_a_side = set != name;
  const bool is_taken =
      name == "context" || std::find(plane::kOrders.begin(), plane::kOrders.end(), name) != plane::kOrders.end();
  const bool is_key = name.find_first_of("/|:") != std::string::npos || name.starts_with("input_") ||
                      name.starts_with("output_") || name.starts_with("through_") || name.starts_with("from_context_");
  INFOPLANE_CHECK(!is_on_a_side || !(is_taken || is_key || name.empty()), ArgumentError, "the label set \"", name,
                  "\" has a name that other keys have: give it one without \"/\", \"|\" and \":\", such as \"class\"");
  INFOPLANE_CHECK(is_on_a_side || plane::name_of_set(set) == set, ArgumentError, "the label set \"", name,
                  "\" names its side: give it by BatchDetails::inputs or outputs");
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
  held_.push_back(on_host(tensor, type));
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
const char* advice(const char* what, const at::Tensor& tensor, const labels::IntegerView& given,
                   const labels::IntegerView& tokens, bool time_major) {
  if (tensor.dim() == 1 && tensor.size(0) == tokens.size()) {
    return "give them in the shape of the tokens, by .view_as(tokens)";
  }
  if (given.rows() == tokens.columns() && given.columns() == tokens.rows()) {
    return "their axes are exchanged: give them as .t()";
  }
  if (tensor.dim() == 1 && tensor.size(0) == tokens.rows()) {
    return what == std::string_view("targets") ? "a label for each row is no target: give it by "
                                                 "BatchDetails().outputs({{\"class\", y}}), and no targets"
           : time_major                        ? "for one value a sequence give .view({1, -1}).expand_as(tokens)"
                                               : "for one value a sequence give .view({-1, 1}).expand_as(tokens)";
  }
  return "give one value for each token";
}

}  // namespace

labels::IntegerView HostBatch::view_beside(const at::Tensor& tensor, TokenRole role, const char* what,
                                           bool time_major) {
  const auto result = view(tensor, role, what, time_major);
  const auto& tokens = batch_.tokens;
  if (!has_shape_ && tensor.dim() == 1 && tensor.size(0) == tokens.rows()) {
    return result;  // a value for each row, see at()
  }
  if (result.rows() == tokens.rows() && result.columns() == tokens.columns()) {
    return result;
  }
  const auto tokens_are = detail::concat("[", time_major ? tokens.columns() : tokens.rows(), ", ",
                                         time_major ? tokens.rows() : tokens.columns(), "]");
  INFOPLANE_THROW(ShapeError, what, " are ", shape_of(tensor), ", the tokens ", tokens_are, ": ",
                  advice(what, tensor, result, tokens, time_major));
}

HostBatch::HostBatch(const at::Tensor& tokens, const at::Tensor& targets, const BatchDetails& details, bool time_major)
    : batch_{view(tokens, TokenRole::kTokens, "tokens", time_major)}, is_one_row_(tokens.dim() == 1) {
  if (targets.defined()) {
    batch_.targets = view_beside(targets, TokenRole::kTargets, "targets", time_major);
  }
  take(details, time_major);
}

HostBatch::HostBatch(const BatchDetails& details, bool time_major)
    : batch_{no_tokens(0, 0)}, has_tokens_(false), has_shape_(false) {
  INFOPLANE_CHECK(!details.positions().defined(), ArgumentError,
                  "positions are those of a row of tokens, and observe() got no tokens");
  take_shape(details, time_major);
  take(details, time_major);
}

/// That of the first tensor with a value for each position; else the rows of the first label set.
void HostBatch::take_shape(const BatchDetails& details, bool time_major) {
  std::vector<const at::Tensor*> tensors = {&details.mask(), &details.documents()};
  for (const auto* sets : {&details.inputs(), &details.outputs(), &details.labels()}) {
    for (const auto& [name, values] : *sets) {
      tensors.push_back(&values);
    }
  }
  for (const int axes : {2, 1}) {
    for (const auto* tensor : tensors) {
      if (tensor->defined() && tensor->dim() == axes && batch_.tokens.rows() == 0) {
        has_shape_ = axes == 2;
        batch_.tokens = axes == 1 ? no_tokens(tensor->size(0), 1)
                                  : no_tokens(tensor->size(time_major ? 1 : 0), tensor->size(time_major ? 0 : 1));
      }
    }
  }
}

void HostBatch::take(const BatchDetails& details, bool time_major) {
  INFOPLANE_CHECK(details.tokens().empty(), ArgumentError, "BatchDetails::tokens gives ", details.tokens().size(),
                  " rows of tokens inside of one: give observe() the step and these rows only");
  if (details.mask().defined()) {
    batch_.mask = view_beside(details.mask(), TokenRole::kMask, "mask", time_major);
    if (details.mask().is_signed()) {
      check_mask(*batch_.mask);
    }
  }
  if (details.documents().defined()) {
    batch_.documents = view_beside(details.documents(), TokenRole::kDocuments, "documents", time_major);
  }
  for (const auto& [name, values] : details.inputs()) {
    take_label_set(plane::input_set(name), name, values, time_major);
  }
  for (const auto& [name, values] : details.outputs()) {
    take_label_set(plane::output_set(name), name, values, time_major);
  }
  for (const auto& [name, values] : details.labels()) {
    take_label_set(name, name, values, time_major);
  }
  take_places(details);
}

bool HostBatch::has_one_a_row(const at::Tensor& tensor) const noexcept {
  const auto& tokens = batch_.tokens;
  const bool is_row = is_one_row_ || (tokens.rows() == 1 && has_shape_);  // of positions
  return tensor.dim() == 1 && tensor.size(0) == tokens.rows() && !(is_row && tensor.size(0) == tokens.columns());
}

void HostBatch::take_label_set(const std::string& set, const std::string& name, const at::Tensor& values,
                               bool time_major) {
  check_name(set, name);
  for (const auto& other : sets_) {
    INFOPLANE_CHECK(plane::name_of_set(other.name) != name, ArgumentError, "the label set \"", name,
                    "\" is given twice in one micro-batch; give each set its own name");
  }
  const bool of_rows = values.defined() && has_one_a_row(values);
  sets_.push_back({set,
                   of_rows ? view(values, TokenRole::kLabels, name.c_str(), false)
                           : view_beside(values, TokenRole::kLabels, name.c_str(), time_major),
                   of_rows});
}

void HostBatch::take_places(const BatchDetails& details) {
  INFOPLANE_CHECK(details.prefix() >= 0 && details.suffix() >= 0, ArgumentError,
                  "prefix and suffix are numbers of positions, got ", details.prefix(), " and ", details.suffix());
  prefix_ = details.prefix();
  suffix_ = details.suffix();
  only_ = details.only();
  INFOPLANE_CHECK(!only_.chosen() || !only_.values().empty(), ArgumentError,
                  "only() names no position: leave it out to measure all of them");
  if (!details.positions().defined()) {
    return;
  }
  INFOPLANE_CHECK(details.positions().dim() == 1, ShapeError, "positions must be of one axis, got ",
                  shape_of(details.positions()));
  const auto positions = view(details.positions(), TokenRole::kPositions, "positions", false);
  whole_ = false;
  for (std::int64_t i = 0; i < positions.columns(); ++i) {
    positions_.push_back(positions.at(0, i));
    INFOPLANE_CHECK(positions_.back() >= 0 && positions_.back() < batch_.tokens.columns(), ArgumentError, "positions[",
                    i, "] is ", positions_.back(), ", but the rows have ", batch_.tokens.columns(),
                    " tokens: give observe() whole rows, and the positions of this rank's activations in them");
  }
}

labels::TokenBatch HostBatch::at(std::int64_t sequences, std::int64_t length) const {
  labels::TokenBatch batch{no_tokens(sequences, length)};
  if (batch_.mask) {
    batch.mask = batch_.mask->repeated(length);
  }
  if (batch_.documents) {
    batch.documents = batch_.documents->repeated(length);
  }
  return batch;
}

std::vector<labels::NamedLabels> HostBatch::others(std::int64_t length) const {
  std::vector<labels::NamedLabels> result;
  for (const auto& set : sets_) {
    result.push_back({set.name, set.of_rows ? set.values.repeated(length) : set.values});
  }
  return result;
}

bool HostBatch::is_of_rows(std::string_view set) const noexcept {
  return std::any_of(sets_.begin(), sets_.end(), [&](const LabelSet& s) { return s.of_rows && s.name == set; });
}

bool HostBatch::has_labels_of_rows() const noexcept {
  return std::any_of(sets_.begin(), sets_.end(), [](const LabelSet& set) { return set.of_rows; });
}

at::Tensor followed_tokens(const at::Tensor& tokens, const BatchDetails& details, bool time_major) {
  auto matrix = tokens.dim() == 1 ? tokens.unsqueeze(time_major ? 1 : 0) : tokens;
  if (!details.positions().defined()) {
    return matrix;
  }
  return matrix.index_select(time_major ? 0 : 1, details.positions().to(tokens.device(), at::kLong));
}

}  // namespace infoplane
