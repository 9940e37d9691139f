#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace infoplane::estimator {

/// Numbers on their way through a sum over ranks: one stage puts its part of them, and the next takes the sums in the
/// same order. With one rank they come out as they went in.
class Reduction {
 public:
  /// `first`: whether this rank adds what counts once, such as the constant of a sum.
  explicit Reduction(bool first = true) : first_(first) {}

  bool first() const noexcept { return first_; }

  void put(double value) { given_.push_back(value); }
  void put(std::span<const double> values) { given_.insert(given_.end(), values.begin(), values.end()); }

  double take() noexcept { return summed_[next_++]; }
  void take(std::span<double> into) noexcept {
    std::copy_n(summed_.begin() + static_cast<std::ptrdiff_t>(next_), into.size(), into.begin());
    next_ += into.size();
  }

  /// Ends a stage: what was put can be taken. `sum` adds the other ranks' parts in place.
  void next(const std::function<void(std::span<double>)>& sum = {}) {
    summed_.swap(given_);
    given_.clear();
    next_ = 0;
    if (sum) {
      sum(summed_);
    }
  }

 private:
  bool first_;
  std::vector<double> given_;
  std::vector<double> summed_;
  std::size_t next_ = 0;
};

}  // namespace infoplane::estimator
