#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace infoplane::estimator::cuda::test {
namespace {

/// Places where the sources wait for a GPU: file and line.
std::vector<std::string> waits_in(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::ifstream file(entry.path());
    std::string line;
    while (entry.is_regular_file() && std::getline(file, line)) {
      // Calls of the runtime, and of LibTorch's streams, events and devices.
      for (const char* const call : {"Synchronize(", ".synchronize(", "->synchronize(", "device_synchronize("}) {
        if (line.find(call) != std::string::npos) {
          found.push_back(entry.path().filename().string() + ": " + line.substr(line.find_first_not_of(' ')));
          break;
        }
      }
    }
  }
  return found;
}

TEST_CASE("cuda sources: the host waits in one place, for an event", "[cuda]") {
  const auto waits = waits_in(std::string(INFOPLANE_SOURCE_FOLDER) + "/estimator");
  CAPTURE(waits);
  REQUIRE(waits.size() == 1);
  CHECK(waits[0].find("torch_device.cpp: ") == 0);
  CHECK(waits[0].find("cudaEventSynchronize(") != std::string::npos);
}

}  // namespace
}  // namespace infoplane::estimator::cuda::test
