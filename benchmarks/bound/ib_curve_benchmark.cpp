// infoplane_bench_bound FILE...: the IB curve of the bytes of the files, order 1 and 2, and of a larger joint that is
// made. Prints what each part costs. Verifies first: every curve ends at I(X;Y) and holds the data-processing
// inequality.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/bound/joint_builder.hpp>
#include <iterator>
#include <string>
#include <vector>

namespace {

using infoplane::bound::IbCurve;
using infoplane::bound::IbCurveOptions;
using infoplane::bound::Joint;
using infoplane::bound::NgramJointBuilder;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void measure(const char* name, const Joint& joint, double counting, const IbCurveOptions& options) {
  const double start = seconds();
  const auto merged = infoplane::bound::merge_alike(joint);
  const double solving = seconds();
  const auto curve = IbCurve::solve(joint, options);
  const double end = seconds();
  for (const auto& point : curve.points()) {
    if (point.expressivity > point.complexity + 1e-9 || point.expressivity > curve.information() + 1e-9) {
      std::fprintf(stderr, "%s: a point lies above the bounds\n", name);
      std::exit(1);
    }
  }
  std::printf(
      "%-16s %8lld rows %8lld merged %9lld nonzeros  I(X;Y) %.4f  top %.4f  points %3zu  tolerance %.4f  count %.2f s"
      "  merge %.2f s  solve %.2f s\n",
      name, static_cast<long long>(joint.rows()), static_cast<long long>(merged.rows()),
      static_cast<long long>(merged.nonzeros()), curve.information(), curve.points().back().expressivity,
      curve.points().size(), curve.tolerance(), counting, solving - start, end - solving);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<unsigned char> bytes;
  for (int i = 1; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "cannot open %s\n", argv[i]);
      return 2;
    }
    bytes.insert(bytes.end(), std::istreambuf_iterator<char>(in), {});
  }
  if (bytes.empty()) {
    std::fprintf(stderr, "usage: infoplane_bench_bound FILE...\n");
    return 2;
  }
  for (const int order : {1, 2}) {
    const double start = seconds();
    NgramJointBuilder builder(order, 1);
    builder.add(bytes);
    const auto joint = builder.build();
    const double counting = seconds() - start;
    for (const int restarts : {1, 2}) {
      measure((std::to_string(order) + "-gram, " + std::to_string(restarts) + " sweep").c_str(), joint, counting,
              IbCurveOptions().restarts(restarts));
    }
  }
  return 0;
}
