#pragma once

#include <ATen/Parallel.h>

#include <cstddef>
#include <cstdint>

namespace infoplane::estimator {

/// Calls `function(i)` for each i below `count`: at the same time where that keeps more threads busy than the calls do
/// one by one, each on all threads for a part of its time.
template <typename Function>
void parallel_for_each(std::size_t count, const Function& function) {
  const auto number = static_cast<std::int64_t>(count);
  const std::int64_t grain = 2 * number >= at::get_num_threads() ? 1 : number;
  at::parallel_for(0, number, grain > 0 ? grain : 1, [&function](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      function(static_cast<std::size_t>(i));
    }
  });
}

}  // namespace infoplane::estimator
