#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace samples {

/// How many times as much a sanitizer lets a process take: it keeps what was freed, and notes beside it.
#if defined(__SANITIZE_THREAD__)
inline constexpr double kSanitizer = 6;  // four words of shadow for one of memory, and the rest
#elif defined(__SANITIZE_ADDRESS__)
inline constexpr double kSanitizer = 4;
#else
inline constexpr double kSanitizer = 1;
#endif

/// Memory of this process, by the kernel's count; made to begin anew where it can be.
class PeakMemory {
 public:
  PeakMemory() {
    std::ofstream("/proc/self/clear_refs") << 5;
    before_ = kilobytes("VmRSS:");
  }
  /// What was taken at most since then, in MB.
  double megabytes() const { return static_cast<double>(kilobytes("VmHWM:") - before_) / 1e3; }

 private:
  static std::int64_t kilobytes(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(name)) {
        return std::stoll(line.substr(name.size()));
      }
    }
    return 0;
  }

  std::int64_t before_ = 0;
};

}  // namespace samples
