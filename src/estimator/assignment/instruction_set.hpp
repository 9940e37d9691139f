#pragma once

#include <cstdint>

namespace infoplane::estimator::kernels {

/// What a CPU kernel is compiled for; each variant with its own order of additions, so with its own last bits.
enum class InstructionSet : std::uint8_t { kPortable, kAvx2, kAvx512 };

/// "portable", "avx2" or "avx512".
const char* to_string(InstructionSet set) noexcept;
/// Whether this build has the variant and this CPU can run it.
bool is_supported(InstructionSet set) noexcept;
/// The widest that is supported.
InstructionSet best_instruction_set() noexcept;

}  // namespace infoplane::estimator::kernels
