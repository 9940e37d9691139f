#include <cmath>
#include <infoplane/bound/joint.hpp>
#include <infoplane/core/error.hpp>
#include <numeric>
#include <utility>

namespace infoplane::bound {
namespace {

double entropy(const std::vector<double>& mass) {
  double sum = 0;
  for (const double p : mass) {
    sum -= p > 0 ? p * std::log(p) : 0;
  }
  return sum;
}

}  // namespace

Joint::Joint(std::vector<std::int64_t> offsets, std::vector<std::uint32_t> columns, std::vector<double> counts,
             std::int64_t column_count)
    : offsets_(std::move(offsets)), columns_(std::move(columns)), values_(std::move(counts)) {
  INFOPLANE_CHECK(offsets_.size() >= 2 && offsets_.front() == 0 && columns_.size() == values_.size() &&
                      offsets_.back() == static_cast<std::int64_t>(columns_.size()),
                  ArgumentError, "a joint needs offsets that begin with 0 and end with the number of entries; got ",
                  offsets_.size(), " offsets, ", columns_.size(), " columns and ", values_.size(), " counts");
  for (std::size_t x = 0; x + 1 < offsets_.size(); ++x) {
    INFOPLANE_CHECK(offsets_[x] <= offsets_[x + 1], ArgumentError,
                    "the offsets of a joint must not fall; they do from ", offsets_[x], " to ", offsets_[x + 1],
                    " at row ", x);
  }
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    INFOPLANE_CHECK(columns_[i] < column_count, ArgumentError, "entry ", i, " of a joint is in column ", columns_[i],
                    " of ", column_count);
    INFOPLANE_CHECK(std::isfinite(values_[i]) && values_[i] >= 0, ArgumentError, "entry ", i,
                    " of a joint has the count ", values_[i], ": counts are finite and not negative");
  }
  total_ = std::accumulate(values_.begin(), values_.end(), 0.0);
  INFOPLANE_CHECK(total_ > 0 && std::isfinite(total_), ArgumentError, "the counts of a joint add up to ", total_,
                  ": it needs a pair that occurred");
  row_mass_.assign(offsets_.size() - 1, 0);
  column_mass_.assign(static_cast<std::size_t>(column_count), 0);
  for (std::size_t x = 0; x + 1 < offsets_.size(); ++x) {
    for (auto i = static_cast<std::size_t>(offsets_[x]); i < static_cast<std::size_t>(offsets_[x + 1]); ++i) {
      row_mass_[x] += values_[i];
      column_mass_[columns_[i]] += values_[i];
      values_[i] /= total_;
    }
    row_mass_[x] /= total_;
  }
  for (double& mass : column_mass_) {
    mass /= total_;
  }
}

double Joint::row_entropy() const noexcept { return entropy(row_mass_); }

double Joint::column_entropy() const noexcept { return entropy(column_mass_); }

double Joint::information() const noexcept {
  double sum = 0;
  for (std::int64_t x = 0; x < rows(); ++x) {
    const auto where = columns_of(x);
    const auto values = values_of(x);
    for (std::size_t i = 0; i < where.size(); ++i) {
      if (values[i] > 0) {
        sum += values[i] * std::log(values[i] / (row_mass_[static_cast<std::size_t>(x)] * column_mass_[where[i]]));
      }
    }
  }
  return sum > 0 ? sum : 0;  // rounding alone can push an independent joint below 0
}

}  // namespace infoplane::bound
