#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/run_file.hpp>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>

#include "sinks/run_json.hpp"

namespace infoplane::sinks {
namespace {

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  void take(std::string_view line, std::int64_t number) {
    try {
      std::visit([&](auto&& entry) { add(std::forward<decltype(entry)>(entry)); }, run_json::decode(line));
    } catch (const IoError& error) {
      INFOPLANE_THROW(IoError, path_, ":", number, ": ", error.what());
    }
  }

  RunFile finish(bool cut) {
    INFOPLANE_CHECK(has_header_, IoError, path_, ":1: the file holds no whole line, so it is no run yet");
    run_.cut = cut;
    return std::move(run_);
  }

 private:
  void add(RunHeader&& header) {
    if (!has_header_) {
      run_.header = std::move(header);
      has_header_ = true;
      return;
    }
    const auto fields = differing_fields(run_.header, header);
    INFOPLANE_CHECK(fields.empty(), IoError, "the run was resumed with other settings: ", detail::join(fields),
                    "; its values before and after cannot be compared");
    run_.resumed.push_back(std::move(header));
  }

  void add(plane::Point&& point) {
    INFOPLANE_CHECK(has_header_, IoError, "a point stands before the header, so it isn't known how it was measured");
    const auto last = last_steps_.try_emplace(point.stream, point.step - 1).first;
    if (!run_.resumed.empty() && point.step <= last->second) {
      std::erase_if(run_.points, [&](const auto& old) { return old.stream == point.stream && old.step >= point.step; });
    }
    last->second = point.step;
    run_.points.push_back(std::move(point));
  }

  const std::string& path_;
  RunFile run_;
  std::map<std::string, std::int64_t, std::less<>> last_steps_;
  bool has_header_ = false;
};

std::string read_whole(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  std::string text;
  std::array<char, 65536> chunk{};
  std::size_t got = 0;
  while (file && (got = std::fread(chunk.data(), 1, chunk.size(), file.get())) > 0) {
    text.append(chunk.data(), got);
  }
  INFOPLANE_CHECK(file && std::ferror(file.get()) == 0, IoError, "cannot read the run file ", path, ": ",
                  std::generic_category().message(errno));
  return text;
}

}  // namespace

std::vector<plane::Point> RunFile::stream(std::string_view name) const {
  std::vector<plane::Point> found;
  std::copy_if(points.begin(), points.end(), std::back_inserter(found),
               [&](const plane::Point& point) { return point.stream == name; });
  return found;
}

RunFile read_run_file(const std::string& path) {
  const auto text = read_whole(path);
  Reader reader(path);
  std::string_view rest = text;
  bool cut = false;
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    const bool last = end == std::string_view::npos;
    cut = last && !run_json::is_whole(line);
    if (!cut && !line.empty()) {
      reader.take(line, number);
    }
    rest.remove_prefix(last ? rest.size() : end + 1);
  }
  return reader.finish(cut);
}

}  // namespace infoplane::sinks
