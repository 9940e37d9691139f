#include <sys/stat.h>

#include <fstream>
#include <infoplane/sinks/run_follower.hpp>
#include <optional>
#include <utility>

#include "sinks/run_reader.hpp"

namespace infoplane::sinks {

struct RunFollower::State {
  explicit State(std::string followed) : path(std::move(followed)) { begin(); }

  std::string path;
  std::optional<RunReader> reader;
  std::string start;    // the first bytes that were read: other ones mean another run
  std::string pending;  // a line that has not ended yet
  std::int64_t offset = 0, number = 0, restarts = 0;
  ino_t inode = 0;

  void begin() {
    reader.emplace(path);
    start.clear();
    pending.clear();
    offset = number = 0;
  }

  bool is_another(std::ifstream& file, const struct stat& status) const {
    if (offset == 0) {
      return false;
    }
    if (status.st_ino != inode || status.st_size < offset) {
      return true;
    }
    std::string now(start.size(), '\0');
    file.read(now.data(), static_cast<std::streamsize>(now.size()));
    return now != start;
  }
};

RunFollower::RunFollower(std::string path) : state_(std::make_unique<State>(std::move(path))) {}
RunFollower::~RunFollower() = default;

const RunFile& RunFollower::run() const noexcept { return state_->reader->run(); }
bool RunFollower::started() const noexcept { return state_->reader->started(); }
std::int64_t RunFollower::restarts() const noexcept { return state_->restarts; }

bool RunFollower::poll() {
  constexpr std::size_t kStart = 512;
  auto& state = *state_;
  struct stat status {};
  std::ifstream file(state.path, std::ios::binary);
  if (!file || ::stat(state.path.c_str(), &status) != 0) {
    return false;  // rotated away, or not there yet
  }
  bool changed = false;
  if (state.is_another(file, status)) {
    state.begin();
    ++state.restarts;
    changed = true;
  }
  state.inode = status.st_ino;
  file.clear();
  file.seekg(state.offset);
  std::string chunk(std::size_t{1} << 16U, '\0');
  while (file.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || file.gcount() > 0) {
    const auto got = static_cast<std::size_t>(file.gcount());
    state.pending.append(chunk, 0, got);
    if (state.start.size() < kStart) {
      state.start.append(chunk, 0, std::min(got, kStart - state.start.size()));
    }
    state.offset += static_cast<std::int64_t>(got);
  }
  std::size_t from = 0;
  for (auto end = state.pending.find('\n'); end != std::string::npos; end = state.pending.find('\n', from)) {
    const auto line = std::string_view(state.pending).substr(from, end - from);
    ++state.number;
    if (!line.empty()) {
      state.reader->take(line, state.number);
      changed = true;
    }
    from = end + 1;
  }
  state.pending.erase(0, from);
  return changed;
}

}  // namespace infoplane::sinks
