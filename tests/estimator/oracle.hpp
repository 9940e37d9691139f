#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <infoplane/estimator/accumulator.hpp>
#include <map>
#include <string>
#include <vector>

namespace infoplane::estimator {

/// Everything of one label set, in nats.
struct OracleInformation {
  std::int64_t tokens = 0;
  std::int64_t labels = 0;
  double entropy = 0;
  double conditional = 0;
  double information = 0;
  std::map<std::int64_t, double> by_label;
};

/// Soft assignments in float64 by plain loops, from the definition: the anchors and ε of an accumulator, rows of z.
/// Rows that are bad have no assignment.
class Oracle {
 public:
  Oracle(const at::Tensor& z, const at::Tensor& weight, double epsilon);

  double entropy() const { return entropy_of(all_); }
  std::int64_t tokens() const { return static_cast<std::int64_t>(all_.size()); }
  const std::vector<double>& row(std::size_t i) const { return p_.at(i); }
  /// −1 and −100: no label.
  OracleInformation information(const std::vector<std::int64_t>& labels, bool uniform = false) const;

 private:
  double entropy_of(const std::vector<std::size_t>& rows) const;

  std::vector<std::vector<double>> p_;
  std::vector<std::size_t> all_;
};

/// The representations of the golden values: float32 [n, d].
at::Tensor golden_representations(std::int64_t n, std::int64_t d);

/// Integers in [0, labels), deterministic.
std::vector<std::int64_t> some_labels(std::int64_t n, std::int64_t labels, std::uint64_t salt = 0);

at::Tensor to_tensor(const std::vector<std::int64_t>& values);

/// Standard normal values, from a generator of their own.
at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed = 1);

/// The set of this name in an estimate; fails the test if there is none.
const InformationEstimate& set_of(const Estimate& estimate, const std::string& name);

}  // namespace infoplane::estimator
