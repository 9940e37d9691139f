#include <algorithm>
#include <bit>
#include <cmath>
#include <infoplane/bound/joint.hpp>
#include <infoplane/core/hash.hpp>
#include <numeric>
#include <unordered_map>
#include <vector>

namespace infoplane::bound {
namespace {

/// A matrix by rows, of columns in rising order and values above 0.
struct Matrix {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::uint32_t> columns;
  std::vector<double> values;
  std::int64_t column_count = 0;

  std::size_t rows() const { return offsets.size() - 1; }
};

Matrix transposed(const Matrix& from) {
  Matrix to;
  to.column_count = static_cast<std::int64_t>(from.rows());
  to.offsets.assign(static_cast<std::size_t>(from.column_count) + 1, 0);
  for (const auto column : from.columns) {
    ++to.offsets[column + 1];
  }
  std::partial_sum(to.offsets.begin(), to.offsets.end(), to.offsets.begin());
  to.columns.resize(from.columns.size());
  to.values.resize(from.values.size());
  auto next = to.offsets;
  for (std::size_t x = 0; x < from.rows(); ++x) {
    for (auto i = from.offsets[x]; i < from.offsets[x + 1]; ++i) {
      const auto at = next[from.columns[i]]++;
      to.columns[at] = static_cast<std::uint32_t>(x);
      to.values[at] = from.values[i];
    }
  }
  return to;
}

/// To 2⁻⁴⁰ of itself: the same ratio of other counts may differ in its last bits.
std::int64_t rounded(double p) {
  int exponent = 0;
  const double mantissa = std::frexp(p, &exponent);
  return std::llround(std::ldexp(mantissa, 40)) ^ (static_cast<std::int64_t>(exponent) << 48);
}

/// Adds up the rows whose values are proportional to one another.
Matrix merge_rows(const Matrix& from) {
  std::vector<double> mass(from.rows(), 0);
  const auto same = [&](std::size_t a, std::size_t b) {
    const auto i = from.offsets[a];
    const auto j = from.offsets[b];
    const auto count = from.offsets[a + 1] - i;
    if (count != from.offsets[b + 1] - j) {
      return false;
    }
    for (std::int64_t k = 0; k < count; ++k) {
      if (from.columns[i + k] != from.columns[j + k] ||
          rounded(from.values[i + k] / mass[a]) != rounded(from.values[j + k] / mass[b])) {
        return false;
      }
    }
    return true;
  };
  std::unordered_multimap<std::uint64_t, std::size_t> seen;  // hash → index into kept
  std::vector<std::size_t> kept;                             // row that stands for its class
  std::vector<double> factor;                                // by which its values grow
  for (std::size_t x = 0; x < from.rows(); ++x) {
    for (auto i = from.offsets[x]; i < from.offsets[x + 1]; ++i) {
      mass[x] += from.values[i];
    }
    if (mass[x] <= 0) {
      continue;
    }
    std::uint64_t hash = 0;
    for (auto i = from.offsets[x]; i < from.offsets[x + 1]; ++i) {
      hash = splitmix64(hash ^ from.columns[i]);
      hash = splitmix64(hash ^ static_cast<std::uint64_t>(rounded(from.values[i] / mass[x])));
    }
    const auto [first, last] = seen.equal_range(hash);
    const auto found = std::find_if(first, last, [&](const auto& each) { return same(kept[each.second], x); });
    if (found != last) {
      factor[found->second] += mass[x] / mass[kept[found->second]];
    } else {
      seen.emplace(hash, kept.size());
      kept.push_back(x);
      factor.push_back(1);
    }
  }
  Matrix to;
  to.column_count = from.column_count;
  for (std::size_t k = 0; k < kept.size(); ++k) {
    for (auto i = from.offsets[kept[k]]; i < from.offsets[kept[k] + 1]; ++i) {
      to.columns.push_back(from.columns[i]);
      to.values.push_back(from.values[i] * factor[k]);
    }
    to.offsets.push_back(static_cast<std::int64_t>(to.columns.size()));
  }
  return to;
}

}  // namespace

Joint merge_alike(const Joint& joint) {
  Matrix all;
  all.column_count = joint.columns();
  std::vector<std::pair<std::uint32_t, double>> row;
  for (std::int64_t x = 0; x < joint.rows(); ++x) {
    const auto columns = joint.columns_of(x);
    const auto values = joint.values_of(x);
    row.clear();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (values[i] > 0) {
        row.emplace_back(columns[i], values[i] * joint.total());
      }
    }
    std::sort(row.begin(), row.end());
    for (const auto& [column, value] : row) {
      const bool again =
          static_cast<std::int64_t>(all.columns.size()) > all.offsets.back() && all.columns.back() == column;
      if (again) {
        all.values.back() += value;
      } else {
        all.columns.push_back(column);
        all.values.push_back(value);
      }
    }
    all.offsets.push_back(static_cast<std::int64_t>(all.columns.size()));
  }
  // Columns are proportional after rows were merged exactly where they were before, so one round of each is enough.
  auto merged = transposed(merge_rows(transposed(merge_rows(all))));
  return {std::move(merged.offsets), std::move(merged.columns), std::move(merged.values), merged.column_count};
}

}  // namespace infoplane::bound
