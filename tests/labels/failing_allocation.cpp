#include "labels/failing_allocation.hpp"

#include <cstdlib>
#include <new>

// In a file of its own: where the compiler can inline these, it warns of free() on memory from new.

namespace {

thread_local std::int64_t allocations_left = -1;  // negative: none fails

}  // namespace

void* operator new(std::size_t size) {
  if (allocations_left >= 0 && allocations_left-- == 0) {
    throw std::bad_alloc();
  }
  if (void* memory = std::malloc(size == 0 ? 1 : size)) {
    return memory;
  }
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace infoplane::labels::testing {

void fail_allocation_after(std::int64_t count) noexcept { allocations_left = count; }
void fail_no_allocation() noexcept { allocations_left = -1; }

}  // namespace infoplane::labels::testing
