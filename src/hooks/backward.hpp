#pragma once

namespace infoplane::hooks::detail {

/// Whether this thread is inside a backward pass, where whatever runs is gradient work or recomputation.
bool in_backward() noexcept;

}  // namespace infoplane::hooks::detail
