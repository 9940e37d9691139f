#include "estimator/oracle.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <infoplane/core/hash.hpp>
#include <limits>
#include <stdexcept>

namespace infoplane::estimator {

Oracle::Oracle(const at::Tensor& z, const at::Tensor& weight, double epsilon) {
  const at::Tensor rows = z.detach().to(at::kDouble).reshape({-1, z.size(-1)}).contiguous();
  const at::Tensor anchors = weight.to(at::kDouble).contiguous();
  const auto n = static_cast<std::size_t>(rows.size(0));
  const auto m = static_cast<std::size_t>(anchors.size(0));
  const auto d = static_cast<std::size_t>(anchors.size(1));
  p_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double* const x = rows.const_data_ptr<double>() + i * d;
    double peak = 0;
    bool finite = true;
    for (std::size_t k = 0; k < d; ++k) {
      finite = finite && std::isfinite(x[k]);
      peak = std::max(peak, std::abs(x[k]));
    }
    if (!finite || peak == 0) {
      continue;
    }
    double squares = 0;
    for (std::size_t k = 0; k < d; ++k) {
      squares += x[k] / peak * (x[k] / peak);
    }
    std::vector<double> scores(m, 0.0);
    double highest = -std::numeric_limits<double>::infinity();
    for (std::size_t b = 0; b < m; ++b) {
      const double* const w = anchors.const_data_ptr<double>() + b * d;
      for (std::size_t k = 0; k < d; ++k) {
        scores[b] += x[k] / peak * w[k];
      }
      scores[b] /= std::sqrt(squares) * epsilon;
      highest = std::max(highest, scores[b]);
    }
    double total = 0;
    for (double& score : scores) {
      score = std::exp(score - highest);
      total += score;
    }
    for (double& score : scores) {
      score /= total;
    }
    p_[i] = std::move(scores);
    all_.push_back(i);
  }
}

double Oracle::entropy_of(const std::vector<std::size_t>& rows) const {
  if (rows.empty()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  std::vector<double> mean(p_[rows[0]].size(), 0.0);
  for (const std::size_t i : rows) {
    for (std::size_t b = 0; b < mean.size(); ++b) {
      mean[b] += p_[i][b] / static_cast<double>(rows.size());
    }
  }
  double entropy = 0;
  for (const double value : mean) {
    entropy -= value > 0 ? value * std::log(value) : 0;
  }
  return entropy;
}

OracleInformation Oracle::information(const std::vector<std::int64_t>& labels, bool uniform) const {
  std::map<std::int64_t, std::vector<std::size_t>> groups;
  std::vector<std::size_t> labelled;
  for (const std::size_t i : all_) {
    if (labels.at(i) != -1 && labels.at(i) != -100) {
      groups[labels[i]].push_back(i);
      labelled.push_back(i);
    }
  }
  OracleInformation result;
  result.tokens = static_cast<std::int64_t>(labelled.size());
  result.labels = static_cast<std::int64_t>(groups.size());
  result.entropy = entropy_of(labelled);
  for (const auto& [label, rows] : groups) {
    result.by_label[label] = entropy_of(rows);
    result.conditional +=
        result.by_label[label] * (uniform ? 1.0 / static_cast<double>(groups.size())
                                          : static_cast<double>(rows.size()) / static_cast<double>(labelled.size()));
  }
  result.information = result.entropy - result.conditional;
  return result;
}

at::Tensor golden_representations(std::int64_t n, std::int64_t d) {
  at::Tensor z = at::empty({n, d}, at::kFloat);
  auto* values = z.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < d; ++j) {
      const auto a = static_cast<double>((i + 1) * (j + 1));
      const auto b = static_cast<double>((7 * i + 13 * j) % 17);
      const auto c = static_cast<double>((i % 7) * (j + 1));
      *values++ = static_cast<float>(std::sin(0.37 * a + 0.11 * b) + 0.8 * std::cos(0.9 * c));
    }
  }
  return z;
}

std::vector<std::int64_t> some_labels(std::int64_t n, std::int64_t labels, std::uint64_t salt) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint64_t hash = splitmix64(splitmix64(salt) + static_cast<std::uint64_t>(i));
    result.push_back(static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(labels)));
  }
  return result;
}

at::Tensor to_tensor(const std::vector<std::int64_t>& values) { return at::tensor(values, at::kLong); }

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions(at::kFloat));
}

const InformationEstimate& set_of(const Estimate& estimate, const std::string& name) {
  for (const auto& set : estimate.sets) {
    if (set.name == name) {
      return set;
    }
  }
  throw std::out_of_range("no label set " + name);
}

}  // namespace infoplane::estimator
