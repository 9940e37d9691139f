// Any bytes as a run file: either a run or an infoplane::Error, never anything else. What reads as a run is also drawn,
// summed up and written again.
#include <cstdint>
#include <cstdlib>
#include <infoplane/core/error.hpp>
#include <infoplane/report/report.hpp>
#include <iostream>
#include <optional>
#include <string>

#include "core/json.hpp"
#include "core/lines.hpp"
#include "runs/run_json.hpp"
#include "runs/run_reader.hpp"

namespace {

using infoplane::runs::RunFile;

void require(bool fine, const char* what) {
  if (!fine) {
    std::cerr << "finding: " << what << '\n';
    std::abort();
  }
}

std::optional<RunFile> read(std::string_view text, std::int64_t max_layer_points) {
  try {
    infoplane::runs::RunReader reader("fuzz", infoplane::RunFileOptions().max_layer_points(max_layer_points));
    const auto take = [&](std::string_view line, std::int64_t number) { reader.take(line, number); };
    infoplane::Lines lines("fuzz");
    lines.push(text.substr(0, text.size() / 2), take);  // as a file comes, in pieces
    lines.push(text.substr(text.size() / 2), take);
    const bool cut = !infoplane::json::is_whole(lines.rest());
    if (!cut) {
      lines.end_rest(take);
    }
    return reader.finish(cut);
  } catch (const infoplane::Error&) {
    return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto whole = read(text, 0);
  const auto thin = read(text, 4);
  if (!whole) {
    return 0;
  }
  // Layers that are passed over are not validated, so thin may be a run where whole is not, but not the other way
  // round.
  require(thin.has_value(), "a run that reads whole does not read with few layers");
  require(thin->points.size() == whole->points.size(), "reading with few layers changes the number of points");
  for (const auto& point : whole->points) {
    const auto line = infoplane::runs::run_json::encode(point);
    const auto again = infoplane::runs::run_json::decode(line);
    require(infoplane::runs::run_json::encode(std::get<infoplane::plane::Point>(again)) == line,
            "a point does not come back as it was written");
  }
  if (size % 16 == 0) {  // drawing takes a hundred times as long as reading
    infoplane::report::ReportRun run;
    run.file = *whole;
    require(infoplane::report::html_report({run}).ends_with("</html>\n"), "a page has no end");
  }
  return 0;
}
