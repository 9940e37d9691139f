#pragma once

#include <cstdint>

namespace infoplane::labels::testing {

/// Lets `count` allocations of this thread with operator new succeed and the next one throw std::bad_alloc, once.
void fail_allocation_after(std::int64_t count) noexcept;

/// Ends what fail_allocation_after began.
void fail_no_allocation() noexcept;

}  // namespace infoplane::labels::testing
