// Any bytes as the saved state of an accumulator, as they are and with a hash that fits: either an accumulator that
// measures on and saves itself again, or an infoplane::Error that leaves the old one, never anything else.
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <iostream>
#include <sstream>
#include <string>

#include "core/state.hpp"
#include "estimator/measure.hpp"

namespace {

using infoplane::estimator::SoftEntropyAccumulator;
using infoplane::estimator::SoftEntropyOptions;

void require(bool fine, const char* what) {
  if (!fine) {
    std::cerr << "finding: " << what << '\n';
    std::abort();
  }
}

std::string saved(const SoftEntropyAccumulator& accumulator) {
  std::ostringstream out;
  accumulator.save(out);
  return out.str();
}

void feed(SoftEntropyAccumulator& accumulator, float sign) {
  std::array<float, 12> z{sign, 2, 3, -1, 0.5F, 2, 1, 1, -2, 3, -3, 1};
  std::array<std::int64_t, 4> labels{0, 1, 0, 7};
  accumulator.update(at::from_blob(z.data(), {4, 3}), {{"a", at::from_blob(labels.data(), {4}, at::kLong)}});
}

// The corpus was saved by accumulators of these two kinds.
SoftEntropyAccumulator empty(std::int64_t max_labels) {
  return SoftEntropyAccumulator(3, SoftEntropyOptions().anchors(4).max_labels(max_labels));
}

void load(SoftEntropyAccumulator accumulator, const std::string& bytes) {
  std::istringstream in(bytes);
  try {
    accumulator.load(in);
  } catch (const infoplane::Error&) {
    require(accumulator.estimate().tokens == 0 && accumulator.estimate().sets.empty(), "a refused state left a trace");
    return;
  }
  const std::string once = saved(accumulator);
  SoftEntropyAccumulator again = accumulator;
  std::istringstream back(once);
  again.load(back);
  require(saved(again) == once, "a state does not come back as it was saved");
  feed(accumulator, 1);
  feed(again, 1);
  require(saved(again) == saved(accumulator), "what was loaded goes on otherwise than what it was saved from");
  static_cast<void>(accumulator.estimate());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array kinds{empty(0), empty(2)};
  const std::string content(reinterpret_cast<const char*>(data), size);
  for (std::uint32_t version = 2; version <= infoplane::estimator::kStateVersion; ++version) {
    std::ostringstream sealed;
    infoplane::state::write(sealed, "accumulator", version, content);
    for (const SoftEntropyAccumulator& kind : kinds) {
      load(kind, sealed.str());
    }
  }
  for (const SoftEntropyAccumulator& kind : kinds) {
    load(kind, content);
  }
  return 0;
}
