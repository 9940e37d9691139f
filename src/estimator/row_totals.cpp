#include "estimator/row_totals.hpp"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/core/hash.hpp>
#include <limits>
#include <string>
#include <utility>

#include "core/state.hpp"
#include "estimator/assignment/direction_sums.hpp"
#include "estimator/assignment/input_checks.hpp"

namespace infoplane::estimator {
namespace {

at::Tensor tensor_of(std::vector<float> values) {
  return at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kFloat).clone();
}

std::string name_of(const std::vector<float>& centre) {
  if (centre.empty()) {
    return "none";
  }
  std::uint64_t hash = centre.size();
  for (const float value : centre) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    hash = splitmix64(hash ^ bits);
  }
  constexpr const char* kDigits = "0123456789abcdef";
  std::string name;
  for (unsigned shift = 0; shift < 64; shift += 4) {
    name += kDigits[hash >> shift & 15U];
  }
  return name;
}

}  // namespace

RowTotals::RowTotals(std::int64_t d, bool seeks_centre)
    : dimension_(d), directions_(static_cast<std::size_t>(d), 0), seeks_centre_(seeks_centre) {}

at::Tensor RowTotals::centred(const at::Tensor& z) const {
  if (!centre_.defined()) {
    return z;
  }
  const at::Tensor values = z.scalar_type() == at::kDouble ? z : z.to(at::kFloat);
  return values.sub(centre_.to(values.device(), values.scalar_type()));
}

void RowTotals::add(const kernels::SoftAssignment& assignment) noexcept {
  std::transform(directions_.begin(), directions_.end(), assignment.directions.begin(), directions_.begin(),
                 std::plus<>());
  inverse_norms_ += assignment.inverse_norms;
}

void RowTotals::add(const RowTotals& other) noexcept {
  known_ = known_ && other.known_;
  std::transform(directions_.begin(), directions_.end(), other.directions_.begin(), directions_.begin(), std::plus<>());
  inverse_norms_ += other.inverse_norms_;
}

void RowTotals::clear() noexcept {
  known_ = true;
  std::fill(directions_.begin(), directions_.end(), 0);
  inverse_norms_ = 0;
}

RowMeans RowTotals::means(std::int64_t tokens) const {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  RowMeans result{kNaN, centre_.defined(), {}};
  if (tokens == 0) {
    return result;
  }
  const auto n = static_cast<double>(tokens);
  double squares = 0;
  for (const std::int64_t sum : directions_) {
    const double mean = static_cast<double>(sum) / kDirectionUnit / n;
    squares += mean * mean;
  }
  result.direction = known_ ? std::sqrt(squares) : kNaN;
  if (seeks_centre_ && known_) {
    const auto centre = centre_values();
    for (std::size_t k = 0; k < directions_.size(); ++k) {
      result.centre.push_back((centre.empty() ? 0.0 : static_cast<double>(centre[k])) +
                              static_cast<double>(directions_[k]) / kDirectionUnit / inverse_norms_);
    }
  }
  return result;
}

void RowTotals::put_kind(state::Writer& out) const {
  out.put(static_cast<std::uint8_t>(seeks_centre() ? 1 : 0));
  out.put_array(centre_values());
}

RowTotals RowTotals::of_kind(std::int64_t d, state::Reader& in) {
  RowTotals result(d, in.get_flag());
  if (auto centre = in.get_array<float>(); !centre.empty()) {
    result.centre_ = tensor_of(std::move(centre));
  }
  return result;
}

// Whole numbers below 2^53 come out of a sum of float64 as they are.
void RowTotals::put(Reduction& reduction) const {
  reduction.put(known_ ? 0.0 : 1.0);
  reduction.put(std::vector<double>(directions_.begin(), directions_.end()));
  reduction.put(inverse_norms_);
}

void RowTotals::take(Reduction& reduction) {
  known_ = reduction.take() == 0;
  std::vector<double> directions(directions_.size());
  reduction.take(directions);
  std::transform(directions.begin(), directions.end(), directions_.begin(),
                 [](double sum) { return static_cast<std::int64_t>(sum); });
  inverse_norms_ = reduction.take();
}

void RowTotals::set_centre(const at::Tensor& centre) {
  if (!centre.defined()) {
    centre_ = at::Tensor();
    return;
  }
  INFOPLANE_CHECK(seeks_centre_, ArgumentError,
                  "a centre was given, but the options ask for none: set SoftEntropyOptions::centre(true)");
  INFOPLANE_CHECK(centre.dim() == 1 && centre.size(0) == dimension_ && at::isFloatingType(centre.scalar_type()),
                  ShapeError, "the centre must be [", dimension_, "] of a floating dtype, got ", describe(centre));
  const at::Tensor values =
      centre.detach().to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true).contiguous();
  const auto* const first = values.const_data_ptr<float>();
  const auto* const bad = std::find_if(first, first + dimension_, [](float value) { return !std::isfinite(value); });
  INFOPLANE_CHECK(bad == first + dimension_, ArgumentError, "the centre is ", *bad, " in dimension ", bad - first,
                  ": give that of an estimate");
  centre_ = values;
}

std::vector<float> RowTotals::centre_values() const {
  if (!centre_.defined()) {
    return {};
  }
  const auto* const first = centre_.const_data_ptr<float>();
  return {first, first + dimension_};
}

std::int64_t RowTotals::memory_bytes() const noexcept {
  return static_cast<std::int64_t>(directions_.size() * sizeof(std::int64_t)) +
         (centre_.defined() ? dimension_ * static_cast<std::int64_t>(sizeof(float)) : 0);
}

void RowTotals::save(state::Writer& out) const {
  out.put(static_cast<std::uint8_t>(seeks_centre() ? 1 : 0));
  out.put(static_cast<std::uint8_t>(known_ ? 1 : 0));
  out.put_array(directions_);
  out.put(inverse_norms_);
  out.put_array(centre_values());
}

void RowTotals::load(state::Reader& in, std::int64_t tokens) {
  using state::Reader;
  RowTotals loaded(dimension_, seeks_centre_);
  loaded.known_ = in.get_flag();
  loaded.directions_ = in.get_array<std::int64_t>(directions_.size(), "it has directions of another dimension");
  loaded.inverse_norms_ = in.get<double>();
  auto centre = in.get_array<float>();
  const double most = 1.001 * kDirectionUnit * static_cast<double>(tokens);
  Reader::require(std::all_of(loaded.directions_.begin(), loaded.directions_.end(),
                              [&](std::int64_t sum) { return std::abs(static_cast<double>(sum)) <= most; }),
                  "its directions are longer than its tokens");
  Reader::require(!loaded.known_ || !(loaded.means(tokens).direction > 1.001),
                  "its directions are longer than its tokens");
  const auto finite = [](auto value) { return std::isfinite(value); };
  Reader::require(loaded.inverse_norms_ >= 0, "its rows have norms that are none");
  Reader::require(centre.empty() || (seeks_centre_ && centre.size() == directions_.size()),
                  "its centre is of another dimension");
  Reader::require(std::all_of(centre.begin(), centre.end(), finite), "its centre is none");
  if (!centre.empty()) {
    loaded.centre_ = tensor_of(std::move(centre));
  }
  *this = std::move(loaded);
}

void compare(Differences& differences, const RowTotals& mine, const RowTotals& theirs) {
  const auto word = [](bool flag) { return std::string(flag ? "yes" : "no"); };
  differences.compare("search for a centre", word(mine.seeks_centre()), word(theirs.seeks_centre()));
  differences.compare("centre", name_of(mine.centre_values()), name_of(theirs.centre_values()));
}

}  // namespace infoplane::estimator
