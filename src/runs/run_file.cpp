#include <algorithm>
#include <infoplane/runs/run_file.hpp>
#include <iterator>

#include "runs/run_lines.hpp"
#include "runs/run_reader.hpp"

namespace infoplane::runs {

std::vector<plane::Point> RunFile::split(std::string_view name) const {
  std::vector<plane::Point> found;
  std::copy_if(points.begin(), points.end(), std::back_inserter(found),
               [&](const plane::Point& point) { return point.split == name; });
  return found;
}

RunFile read_run_file(const std::string& path, const RunFileOptions& options) {
  RunReader reader(path, options);
  const bool cut = for_each_line(path, [&](std::string_view line, std::int64_t number) { reader.take(line, number); });
  return reader.finish(cut);
}

}  // namespace infoplane::runs
