#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace infoplane {

/// What a file holds, as far as its first bytes tell.
enum class FileKind : std::uint8_t {
  kOther,    ///< or nothing
  kDrawing,  ///< a page or a figure: what can be drawn again
  kRun,
  kTable,
  kCurve,
  kState,
  kArchive,  ///< as LibTorch writes checkpoints
  kEvents,
};

/// How many first bytes are enough.
inline constexpr std::size_t kKindBytes = 256;

FileKind kind_of(std::string_view first_bytes) noexcept;

/// Such as "a run file".
const char* name_of(FileKind kind) noexcept;

}  // namespace infoplane
