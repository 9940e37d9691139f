#include <ctime>
#include <infoplane/runs/run_header.hpp>

#include "runs/measurement_settings.hpp"

namespace infoplane::runs {

std::vector<std::string> differing_fields(const RunHeader& one, const RunHeader& other) {
  return differences(settings_of(one), settings_of(other)).fields();
}

std::string utc_timestamp(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const auto length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

}  // namespace infoplane::runs
