#include "callbacks/archive_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <infoplane/core/error.hpp>
#include <system_error>
#include <vector>

namespace infoplane::callbacks {
namespace {

using namespace std::string_view_literals;

constexpr auto kEndMark = "PK\5\6"sv;
constexpr std::size_t kEndBytes = 22;  // of the record that ends a zip archive, whose last two are the comment's length
constexpr auto kSeal = "infoplane checksum "sv;
constexpr std::size_t kDigits = 16;
constexpr std::size_t kComment = kSeal.size() + kDigits;

std::string hexadecimal(std::uint64_t value) {
  std::string text(kDigits, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, value >>= 4U) {
    *digit = "0123456789abcdef"[value & 15U];
  }
  return text;
}

/// Whether an archive ends with these bytes, whose comment has that many.
bool is_end(std::string_view bytes, std::size_t comment) {
  return bytes.size() == kEndBytes + comment && bytes.starts_with(kEndMark) &&
         static_cast<unsigned char>(bytes[kEndBytes - 2]) == comment && bytes[kEndBytes - 1] == '\0';
}

std::string last_bytes(const ArchiveFile& file, std::size_t count) {
  std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(count, file.size())), '\0');
  bytes.resize(file.read(file.size() - bytes.size(), bytes.data(), bytes.size()));
  return bytes;
}

std::uint64_t checksum_of(const ArchiveFile& file, std::uint64_t size) {
  Checksum checksum;
  std::vector<char> chunk(std::size_t{1} << 20U);
  for (std::uint64_t at = 0; at < size;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), size - at));
    INFOPLANE_CHECK(file.read(at, chunk.data(), wanted) == wanted, IoError, "it ends while it is read");
    checksum.add({chunk.data(), wanted});
    at += wanted;
  }
  return checksum.value();
}

}  // namespace

ArchiveFile::ArchiveFile(const std::string& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)), own_(true) {
  INFOPLANE_CHECK(descriptor_ >= 0, IoError, std::generic_category().message(errno));
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    INFOPLANE_THROW(IoError, "it is no regular file");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

ArchiveFile::ArchiveFile(int descriptor) : descriptor_(descriptor), own_(false) {
  struct stat status {};
  size_ = ::fstat(descriptor_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

ArchiveFile::~ArchiveFile() {
  if (own_) {
    ::close(descriptor_);
  }
}

std::size_t ArchiveFile::read(std::uint64_t at, void* into, std::size_t count) const noexcept {
  std::size_t got = 0;
  while (got < count && at + got < size_) {
    const auto once = ::pread(descriptor_, static_cast<char*>(into) + got, count - got, static_cast<off_t>(at + got));
    if (once < 0 && errno == EINTR) {
      continue;
    }
    if (once <= 0) {
      break;
    }
    got += static_cast<std::size_t>(once);
  }
  return got;
}

void require_undamaged(const ArchiveFile& file) {
  if (is_end(last_bytes(file, kEndBytes), 0)) {
    return;
  }
  const auto end = last_bytes(file, kEndBytes + kComment);
  INFOPLANE_CHECK(is_end(end, kComment) && std::string_view(end).substr(kEndBytes).starts_with(kSeal), IoError,
                  "it is cut short or damaged, or no checkpoint: it does not end like one");
  INFOPLANE_CHECK(end.substr(end.size() - kDigits) == hexadecimal(checksum_of(file, file.size() - kDigits)), IoError,
                  "it is damaged: its checksum is not that of its bytes");
}

std::size_t ArchiveOutput::take(const void* bytes, std::size_t size) noexcept {
  try {
    if (!failure_) {
      const std::string_view more(static_cast<const char*>(bytes), size);
      const auto kept = std::min(size, kEndBytes);
      const auto known = end_.size() + kept > kEndBytes ? end_.size() + kept - kEndBytes : 0;
      write(std::string_view(end_).substr(0, known));
      end_.erase(0, known);
      write(more.substr(0, size - kept));
      end_ += more.substr(size - kept);
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
  return size;
}

void ArchiveOutput::write(std::string_view bytes) {
  file_.append(bytes);
  checksum_.add(bytes);
}

void ArchiveOutput::finish() {
  if (failure_) {
    std::rethrow_exception(failure_);
  }
  INFOPLANE_CHECK(is_end(end_, 0), IoError, "LibTorch's archive does not end like one");
  end_[kEndBytes - 2] = static_cast<char>(kComment);
  end_ += kSeal;
  write(end_);
  file_.append(hexadecimal(checksum_.value()));
}

void ArchiveOutput::commit() {
  constexpr bool kDurable = true;
  file_.commit(kDurable);
}

}  // namespace infoplane::callbacks
