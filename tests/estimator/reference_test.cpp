#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "estimator/oracle.hpp"
#include "needs.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

struct Output {
  int status;
  std::string text;
};

Output run(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 512> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe) != nullptr) {
    text += buffer.data();
  }
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text};
}

// Runs python3 as it is on PATH; INFOPLANE_REFERENCE_PYTHONPATH, where set, stands for its PYTHONPATH.
TEST_CASE("reference: the Python package soft-entropy reports the same", "[estimator][needs:reference]") {
  struct Shape {
    std::int64_t n, d, m, seed;
  };
  for (const auto& [n, d, m, seed] : {Shape{512, 64, 100, 0}, {700, 96, 50, 3}, {512, 768, 128, 1}}) {
    CAPTURE(n, d, m, seed);
    const auto path = std::filesystem::temp_directory_path() /
                      ("infoplane-reference-" + std::to_string(getpid()) + "-" + std::to_string(d) + ".f32");
    const at::Tensor z = golden_representations(n, d);
    std::ofstream(path, std::ios::binary)
        .write(static_cast<const char*>(z.const_data_ptr()), n * d * static_cast<std::streamsize>(sizeof(float)));
    std::ostringstream command;
    if (const char* const python_path = std::getenv("INFOPLANE_REFERENCE_PYTHONPATH")) {
      command << "PYTHONPATH='" << python_path << "' ";
    }
    command << "python3 '" << INFOPLANE_REFERENCE_SCRIPT << "' '" << path.string() << "' " << n << ' ' << d << ' ' << m
            << ' ' << seed;
    const Output output = run(command.str());
    std::filesystem::remove(path);
    infoplane::test::needs(
        "reference", output.status != 77 && output.status != 127,
        "the Python reference cannot be run: " + (output.status == 127 ? "no python3\n" : output.text) +
            "(pip install torch numpy soft-entropy, or set INFOPLANE_REFERENCE_PYTHONPATH)");
    INFO(output.text);
    REQUIRE(output.status == 0);
    double epsilon = 0, entropy = 0, a = 0, b = 0;
    REQUIRE(std::istringstream(output.text) >> epsilon >> entropy >> a >> b);

    SoftEntropyAccumulator accumulator(d, SoftEntropyOptions()
                                              .anchors(m)
                                              .seed(static_cast<std::uint64_t>(seed))
                                              .raw_seed(true)
                                              .calibration(Calibration::find_eps()));
    std::vector<std::int64_t> labels_a, labels_b;
    for (std::int64_t i = 0; i < n; ++i) {
      labels_a.push_back(i % 7);
      labels_b.push_back((i * i + 3 * i) % 64);
    }
    accumulator.update(z, {{"a", to_tensor(labels_a)}, {"b", to_tensor(labels_b)}});
    const Estimate estimate = accumulator.estimate();
    const double unit = std::log(static_cast<double>(m));
    CHECK_THAT(accumulator.temperature(), WithinRel(epsilon, 1e-9));
    // The reference sums in float32.
    CHECK_THAT(estimate.entropy_nats / unit, WithinAbs(entropy, 5e-7));
    CHECK_THAT(set_of(estimate, "a").information_nats / unit, WithinAbs(a, 5e-7));
    CHECK_THAT(set_of(estimate, "b").information_nats / unit, WithinAbs(b, 5e-7));
  }
}

}  // namespace
}  // namespace infoplane::estimator
