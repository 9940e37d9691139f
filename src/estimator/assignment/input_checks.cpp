#include "estimator/assignment/input_checks.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <infoplane/core/error.hpp>
#include <infoplane/labels/key_table.hpp>
#include <unordered_set>

namespace infoplane::estimator {
namespace {

constexpr std::array kFloatTypes = {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16};

void check_new_name(std::unordered_set<std::string>& seen, const std::string& name) {
  INFOPLANE_CHECK(!name.empty(), ArgumentError, "a label set needs a name, got an empty one");
  INFOPLANE_CHECK(seen.insert(name).second, ArgumentError, "the label set \"", name, "\" is given twice in one update");
}

}  // namespace

std::string describe(const at::Tensor& tensor) {
  return tensor.defined()
             ? detail::concat("[", detail::join(tensor.sizes()), "] (", c10::toString(tensor.scalar_type()), ")")
             : std::string("an undefined tensor");
}

void check_representations(const at::Tensor& z, std::int64_t d) {
  INFOPLANE_CHECK(z.defined(), ShapeError, "z is an undefined tensor");
  INFOPLANE_CHECK(!z.is_nested() && z.layout() == at::kStrided && !z.is_meta(), ShapeError,
                  "z must be a dense tensor with data, got layout ", z.layout(), " on device ", z.device());
  INFOPLANE_CHECK(z.dim() == 2 || z.dim() == 3, ShapeError, "z must be [N, d] or [B, T, d], got ", describe(z));
  INFOPLANE_CHECK(z.size(-1) == d, ShapeError, "z must have d = ", d, " in its last axis, got ", describe(z));
  INFOPLANE_CHECK(std::find(kFloatTypes.begin(), kFloatTypes.end(), z.scalar_type()) != kFloatTypes.end(), ShapeError,
                  "z must be float64, float32, float16 or bfloat16, got ", describe(z));
}

at::Tensor checked_representations(const at::Tensor& z, std::int64_t d) {
  check_representations(z, d);
  // A tensor of forward differentiation that stands for zeros has no memory.
  return z._is_zerotensor() ? at::zeros(z.sizes(), z.options()) : z.detach().resolve_neg();
}

std::int64_t row_count(const at::Tensor& z) { return z.dim() == 3 ? z.size(0) * z.size(1) : z.size(0); }

void check_grouping(const labels::Grouping& grouping, const at::Tensor& z) {
  const std::int64_t rows = row_count(z);
  INFOPLANE_CHECK(grouping.positions == rows, ShapeError, "the grouping is of ", grouping.positions,
                  " positions, but z has ", rows, ": ", describe(z));
  const auto size = static_cast<std::size_t>(rows);
  INFOPLANE_CHECK(grouping.counted.empty() || grouping.counted.size() == size, ShapeError, "the grouping counts ",
                  grouping.counted.size(), " positions, but z has ", rows, ": ", describe(z));
  INFOPLANE_CHECK(grouping.row_length >= 0 && (grouping.row_length == 0 || rows % grouping.row_length == 0), ShapeError,
                  "the grouping is of sequences of ", grouping.row_length, " positions, but z has ", rows, ": ",
                  describe(z));
  INFOPLANE_CHECK(grouping.units.empty() || grouping.units.size() == size, ShapeError, "the grouping has units of ",
                  grouping.units.size(), " positions, but z has ", rows, ": ", describe(z));
  const auto odd = std::find_if(grouping.units.begin(), grouping.units.end(),
                                [&](std::int64_t unit) { return unit >= grouping.unit_count; });
  INFOPLANE_CHECK(odd == grouping.units.end(), ArgumentError, "the grouping has unit ", *odd, " at position ",
                  odd - grouping.units.begin(), ", but only ", grouping.unit_count, " units");
  std::unordered_set<std::string> seen;
  for (const auto& set : grouping.sets) {
    check_new_name(seen, set.name);
    INFOPLANE_CHECK(set.rows.size() == size, ShapeError, "the label set \"", set.name, "\" has ", set.rows.size(),
                    " positions, but z has ", rows, ": ", describe(z));
    INFOPLANE_CHECK(set.table != nullptr, ArgumentError, "the label set \"", set.name, "\" has no key table");
    INFOPLANE_CHECK(set.row_count <= set.table->size(), ArgumentError, "the label set \"", set.name, "\" speaks of ",
                    set.row_count, " rows, but its key table has ", set.table->size());
    const auto bad = std::find_if(set.rows.begin(), set.rows.end(),
                                  [&set](std::int32_t row) { return row < labels::kNoRow || row >= set.row_count; });
    INFOPLANE_CHECK(bad == set.rows.end(), ArgumentError, "the label set \"", set.name, "\" has row ", *bad,
                    " at position ", bad - set.rows.begin(), ", but only ", set.row_count, " rows");
  }
}

at::Tensor checked_label_tensor(const std::string& subject, const at::Tensor& labels, const at::Tensor& z) {
  INFOPLANE_CHECK(labels.defined() && !labels.is_nested() && labels.layout() == at::kStrided && !labels.is_meta() &&
                      c10::isIntegralType(labels.scalar_type(), /*includeBool=*/true),
                  ShapeError, subject, " must be a dense tensor of integers, got ", describe(labels));
  const bool flat = labels.dim() == 1 && labels.size(0) == row_count(z);
  INFOPLANE_CHECK(flat || labels.sizes() == z.sizes().slice(0, static_cast<std::size_t>(z.dim() - 1)), ShapeError,
                  subject, " are ", describe(labels), ", but z is ", describe(z), ": give one label for each row");
  if (labels.scalar_type() == at::kUInt64) {  // whose 2^64 − 1 must not become "no label"
    const at::Tensor host = labels.to(at::kCPU).contiguous();
    const auto* const values = host.const_data_ptr<std::uint64_t>();
    const auto* const end = values + host.numel();
    const auto* const large = std::find_if(values, end, [](std::uint64_t value) { return value >> 63U != 0; });
    INFOPLANE_CHECK(large == end, ArgumentError, subject, " have ", *large, " at position ", large - values,
                    ": labels are 64-bit integers with a sign, at most 9223372036854775807");
  }
  return labels.detach().to(at::kLong).reshape({row_count(z)});
}

std::vector<IntegerLabels> checked_labels(const NamedLabelTensors& labels, const at::Tensor& z) {
  std::vector<IntegerLabels> result;
  std::unordered_set<std::string> seen;
  for (const auto& [name, tensor] : labels) {
    check_new_name(seen, name);
    const at::Tensor host = checked_label_tensor("the labels \"" + name + '"', tensor, z).to(at::kCPU).contiguous();
    const auto* values = host.const_data_ptr<std::int64_t>();
    result.push_back({name, std::vector<std::int64_t>(values, values + host.numel())});
  }
  return result;
}

}  // namespace infoplane::estimator
