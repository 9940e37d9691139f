#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <infoplane/runs/run_follower.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/descriptor.hpp"
#include "core/json.hpp"
#include "core/lines.hpp"
#include "runs/run_lines.hpp"
#include "runs/run_reader.hpp"

namespace infoplane::runs {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 18U;
constexpr std::int64_t kMostAtOnce = std::int64_t{16} << 20U;  // bytes of a poll
constexpr std::size_t kStart = 512;                            // bytes that tell one file from another

/// Bytes read, 0 at the end, −1 where there are none now, as of a pipe.
template <typename Read>
std::int64_t bytes_of(const std::string& path, const Read& read) {
  ssize_t got = 0;
  do {
    got = read();
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno != EAGAIN) {
    fail_to_read(path, errno);
  }
  return got;
}

}  // namespace

struct RunFollower::State {
  State(std::string followed, RunFileOptions run_options, Each run_each)
      : path(std::move(followed)), options(run_options), each(std::move(run_each)), chunk(kChunk) {
    begin();
  }

  std::string path;
  RunFileOptions options;
  Each each;
  std::vector<char> chunk;
  std::optional<RunReader> reader;
  std::optional<Lines> lines;
  std::string start;        // the first bytes that were read: other ones mean another run
  std::int64_t offset = 0;  // behind the last whole line: a resume may cut and replace what follows
  std::int64_t restarts = 0;
  dev_t device = 0;
  ino_t inode = 0;
  Descriptor stream;  // a pipe or device stays open: what its writer wrote would be lost with it
  bool gone = false;  // the name stands for another file than that pipe or device, or for none
  bool changed = false, behind = false, failed = false;

  void begin() {
    reader.emplace(path, options, each);
    lines.emplace(path);
    start.clear();
    offset = 0;
  }

  void begin_anew() {
    begin();
    ++restarts;
    changed = true;
  }

  void take(std::string_view bytes) {
    lines->push(bytes, [this](std::string_view line, std::int64_t number) {
      reader->take(line, number);
      changed = true;
    });
  }

  std::int64_t read_at(int descriptor, std::int64_t from, std::size_t most) {
    return bytes_of(path, [&] {
      return ::pread(descriptor, chunk.data(), std::min(most, chunk.size()), static_cast<off_t>(from));
    });
  }

  bool is_same(const struct stat& status) const { return status.st_dev == device && status.st_ino == inode; }

  void remember(const struct stat& status) {
    device = status.st_dev;
    inode = status.st_ino;
  }

  bool is_another(int descriptor, const struct stat& status) {
    if (offset == 0) {
      return false;
    }
    if (!is_same(status) || status.st_size < offset) {
      return true;
    }
    const auto got = static_cast<std::size_t>(std::max<std::int64_t>(0, read_at(descriptor, 0, start.size())));
    return std::string_view(chunk.data(), got) != start;
  }

  void read_file(int descriptor, const struct stat& status) {
    if (is_another(descriptor, status)) {
      begin_anew();
    }
    remember(status);
    lines->drop_rest();
    auto at = offset;
    for (std::int64_t got = 0; !behind && (got = read_at(descriptor, at, chunk.size())) > 0;) {
      take({chunk.data(), static_cast<std::size_t>(got)});
      at += got;
      const auto whole = at - offset - static_cast<std::int64_t>(lines->rest().size());
      behind = whole > 0 && at - offset >= kMostAtOnce && at < status.st_size;
    }
    offset = at - static_cast<std::int64_t>(lines->rest().size());
    if (start.size() < kStart) {
      const auto got = read_at(descriptor, 0, std::min(kStart, static_cast<std::size_t>(offset)));
      start.assign(chunk.data(), static_cast<std::size_t>(std::max<std::int64_t>(0, got)));
    }
  }

  void read_stream() {
    std::int64_t all = 0;
    std::int64_t got = 0;
    while (!behind && (got = bytes_of(path, [&] { return ::read(stream.get(), chunk.data(), chunk.size()); })) > 0) {
      take({chunk.data(), static_cast<std::size_t>(got)});
      behind = (all += got) >= kMostAtOnce;
    }
    if (got != 0) {
      return;
    }
    if (json::is_whole(lines->rest())) {  // the writer is gone, and with it what it had begun
      take("\n");
    }
    lines->drop_rest();
    struct stat now {};
    gone = ::stat(path.c_str(), &now) != 0 || !is_same(now);
    if (gone) {
      stream.reset();
    }
  }

  void poll() {
    if (stream) {
      return read_stream();
    }
    Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status {};
    if (!file && (errno == ENOENT || errno == ESTALE)) {
      return;  // rotated away, or not there yet
    }
    if (!file || ::fstat(file.get(), &status) != 0) {
      fail_to_read(path, errno);
    }
    if (S_ISDIR(status.st_mode)) {
      fail_to_read(path, EISDIR);
    }
    if (std::exchange(gone, false)) {
      begin_anew();
    }
    if (S_ISREG(status.st_mode)) {
      return read_file(file.get(), status);
    }
    remember(status);
    stream = std::move(file);
    read_stream();
  }
};

RunFollower::RunFollower(std::string path, RunFileOptions options, Each each)
    : state_(std::make_unique<State>(std::move(path), options, std::move(each))) {}
RunFollower::~RunFollower() = default;

const RunFile& RunFollower::run() const noexcept { return state_->reader->run(); }
bool RunFollower::started() const noexcept { return state_->reader->started(); }
bool RunFollower::behind() const noexcept { return state_->behind; }
std::int64_t RunFollower::restarts() const noexcept { return state_->restarts; }

bool RunFollower::poll() {
  auto& state = *state_;
  state.changed = state.behind = false;
  if (std::exchange(state.failed, true)) {
    state.stream.reset();
    state.begin_anew();
  }
  state.poll();
  state.reader->settle();
  state.failed = false;
  return state.changed;
}

}  // namespace infoplane::runs
