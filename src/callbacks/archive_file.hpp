#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "core/checksum.hpp"
#include "core/whole_file.hpp"

// A checkpoint is the zip archive that LibTorch writes, with a checksum of all its bytes in the archive's comment. All
// throw IoError with the reason alone.
namespace infoplane::callbacks {

/// An archive that is read, on a descriptor: whatever takes its name meanwhile.
class ArchiveFile {
 public:
  explicit ArchiveFile(const std::string& path);
  /// Borrows the descriptor.
  explicit ArchiveFile(int descriptor);
  ~ArchiveFile();
  ArchiveFile(const ArchiveFile&) = delete;
  ArchiveFile& operator=(const ArchiveFile&) = delete;

  std::uint64_t size() const noexcept { return size_; }
  /// Returns how many bytes came; fewer only at the end, or where the file cannot be read.
  std::size_t read(std::uint64_t at, void* into, std::size_t count) const noexcept;

 private:
  int descriptor_;
  bool own_;
  std::uint64_t size_ = 0;
};

/// Reads the file once, and throws unless it is as it was written. Archives of earlier versions have no checksum: of
/// them only the end is looked at.
void require_undamaged(const ArchiveFile& file);

/// Takes the bytes of an archive, and adds the checksum. LibTorch's writer ends the process where writing fails, so a
/// failure is kept until it is done.
class ArchiveOutput {
 public:
  explicit ArchiveOutput(const std::string& path) : file_(path, FileKind::kArchive) {}

  /// For torch::serialize::OutputArchive::save_to.
  std::size_t take(const void* bytes, std::size_t size) noexcept;
  /// Ends the archive. It can be read through `readable()` then, and has no name yet.
  void finish();
  int readable() const noexcept { return file_.readable(); }
  /// Gives it its name, once it is on the disk.
  void commit();

 private:
  void write(std::string_view bytes);

  WholeFile file_;
  Checksum checksum_;
  std::string end_;  // held back, because the comment's length stands in it
  std::exception_ptr failure_;
};

}  // namespace infoplane::callbacks
