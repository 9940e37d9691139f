#include "estimator/assignment/instruction_set.hpp"

namespace infoplane::estimator::kernels {

const char* to_string(InstructionSet set) noexcept {
  return set == InstructionSet::kPortable ? "portable" : set == InstructionSet::kAvx2 ? "avx2" : "avx512";
}

bool is_supported(InstructionSet set) noexcept {
#if defined(__x86_64__)
  switch (set) {
    case InstructionSet::kAvx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    case InstructionSet::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case InstructionSet::kPortable:
      break;
  }
#endif
  return set == InstructionSet::kPortable;
}

InstructionSet best_instruction_set() noexcept {
  static const InstructionSet best = is_supported(InstructionSet::kAvx512) ? InstructionSet::kAvx512
                                     : is_supported(InstructionSet::kAvx2) ? InstructionSet::kAvx2
                                                                           : InstructionSet::kPortable;
  return best;
}

}  // namespace infoplane::estimator::kernels
