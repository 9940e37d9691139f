// What an IB curve costs, part by part, and how many times as long plain iteration takes. Verifies first: on a small
// joint both come to one curve; and every curve holds the data-processing inequality.
//
//     infoplane_bench_bound FILE...         curves of the bytes of the files, one after another: a byte and the one
//                                           behind it, and two bytes and the one behind them; exits with 1 if the
//                                           former takes 5 s
//     infoplane_bench_bound --order N FILE...   of n-grams on both sides, as curve_gap/<order> takes them
//     infoplane_bench_bound --large [PAIRS]     of a joint that is made, with a vocabulary of 256 k and so many
//                                               different pairs (default 10 million), coarsely
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/bound/joint_builder.hpp>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bound/annealing.hpp"

namespace {

using infoplane::bound::IbCurve;
using infoplane::bound::IbCurveOptions;
using infoplane::bound::IbPoint;
using infoplane::bound::Joint;
using infoplane::bound::Method;
using infoplane::bound::NgramJointBuilder;

/// Of the processor: all is on one thread, and what else the machine does shall not count.
double seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

constexpr double kMayTake = 5;  ///< seconds, counting and solving a joint of order (1, 1) by default options

/// max I(T;Y) − slope · I(T;X) over all channels that were found.
double best_of(const std::vector<IbPoint>& points, double slope) {
  double best = 0;
  for (const auto& point : points) {
    best = std::max(best, point.expressivity - slope * point.complexity);
  }
  return best;
}

/// Ends with 1 if the accelerated curve of a joint of 60 rows and 20 columns is not that of plain iteration.
void verify() {
  std::mt19937_64 generator(7);
  infoplane::bound::JointBuilder builder;
  for (std::int64_t i = 0; i < 1200; ++i) {
    builder.add(i / 20, i % 20, std::pow(static_cast<double>(generator() % 1000) / 1000, 4));
  }
  const auto joint = infoplane::bound::merge_alike(builder.build());
  const IbCurveOptions options;
  const auto accelerated = infoplane::bound::anneal(joint, options);
  const auto plain = infoplane::bound::anneal(joint, options, Method::kPlain);
  for (double slope = 0; slope < 1; slope += 0.02) {
    const double difference = best_of(accelerated, slope) - best_of(plain, slope);
    if (!(std::abs(difference) <= options.tolerance())) {
      std::fprintf(stderr, "wrong: at the slope %.2f the accelerated curve is %g nats off the plain one\n", slope,
                   difference);
      std::exit(1);
    }
  }
}

/// How many times as long as the solver a sweep of plain iteration takes, and how far its curve lies below or above.
void compare(const Joint& joint) {
  const auto merged = infoplane::bound::merge_alike(joint);
  const auto options = IbCurveOptions().restarts(1);
  const double start = seconds();
  const auto accelerated = infoplane::bound::anneal(merged, options);
  const double middle = seconds();
  const auto plain = infoplane::bound::anneal(merged, options, Method::kPlain);
  const double end = seconds();
  double least = 0;
  double most = 0;
  for (double slope = 0; slope < 1; slope += 0.01) {
    const double difference = best_of(accelerated, slope) - best_of(plain, slope);
    least = std::min(least, difference);
    most = std::max(most, difference);
  }
  std::printf(
      "    one sweep of plain iteration %.2f s, accelerated %.2f s: %.1f times; tangents differ by %.4f … %.4f\n",
      end - middle, middle - start, (end - middle) / (middle - start), least, most);
  std::fflush(stdout);
}

/// Seconds that it took.
double measure(const char* name, const Joint& joint, double counting, const IbCurveOptions& options) {
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
  std::fflush(stdout);
  return counting + end - start;
}

/// Counts n-grams in front and behind and solves their curve. Seconds that it took with default options.
double measure_orders(const std::vector<unsigned char>& bytes, std::int64_t input, std::int64_t output, bool plain) {
  const double start = seconds();
  NgramJointBuilder builder(input, output);
  builder.add(bytes);
  const auto joint = builder.build();
  const double counting = seconds() - start;
  double took = 0;
  for (const int restarts : {1, 2}) {
    char name[64];
    std::snprintf(name, sizeof name, "(%lld, %lld), %d sweep%s", static_cast<long long>(input),
                  static_cast<long long>(output), restarts, restarts == 1 ? "" : "s");
    took = measure(name, joint, counting, IbCurveOptions().restarts(restarts));
  }
  if (plain) {
    compare(joint);
  }
  return took;
}

/// Most memory that this process has held, in GB.
double memory() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::atof(line.c_str() + 6) / 1e6;
    }
  }
  return std::nan("");
}

/// A made joint of tokens by Zipf's law: each x is followed by tokens of its own few and by any.
int measure_large(std::int64_t pairs) {
  constexpr std::int64_t kVocabulary = 256'000;
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  const auto zipf = [&] {
    return static_cast<std::int64_t>(std::pow(static_cast<double>(kVocabulary), uniform(generator))) - 1;
  };
  double start = seconds();
  infoplane::bound::JointBuilder builder;
  for (std::int64_t x = 0; x < kVocabulary; ++x) {
    for (std::int64_t i = 0; i < pairs / kVocabulary; ++i) {
      const auto y = uniform(generator) < 0.5 ? (x % 1000 * 7919 + zipf()) % kVocabulary : zipf();
      builder.add(x, y, 1e6 / static_cast<double>(x + 1));
    }
  }
  const auto joint = builder.build();
  std::printf("%lld rows, %lld columns, %lld pairs: counted in %.1f s, %.2f GB at most\n",
              static_cast<long long>(joint.rows()), static_cast<long long>(joint.columns()),
              static_cast<long long>(joint.nonzeros()), seconds() - start, memory());
  for (const std::int64_t iterations : {2, 4}) {
    start = seconds();
    const auto curve =
        IbCurve::solve(joint, IbCurveOptions().clusters(16).restarts(1).max_iterations(iterations).tolerance(0.5));
    std::printf(
        "16 clusters, one sweep, tolerance 0.5, at most %lld iterations a step: I(X;Y) %.3f, top %.3f at %.3f, "
        "%zu points, %.1f s, %.2f GB at most\n",
        static_cast<long long>(iterations), curve.information(), curve.points().back().expressivity,
        curve.points().back().complexity, curve.points().size(), seconds() - start, memory());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--large") {
    return measure_large(argc > 2 ? std::atoll(argv[2]) : 10'000'000);
  }
  const bool one_order = argc > 2 && std::string_view(argv[1]) == "--order";
  std::vector<unsigned char> bytes;
  for (int i = one_order ? 3 : 1; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "cannot open %s\n", argv[i]);
      return 2;
    }
    bytes.insert(bytes.end(), std::istreambuf_iterator<char>(in), {});
  }
  if (bytes.empty()) {
    std::fprintf(stderr, "usage: infoplane_bench_bound [--order N] FILE... | --large [PAIRS]\n");
    return 2;
  }
  verify();
  if (one_order) {
    measure_orders(bytes, std::atoll(argv[2]), std::atoll(argv[2]), false);
    return 0;
  }
  const double took = measure_orders(bytes, 1, 1, true);
  measure_orders(bytes, 2, 1, true);
  if (took >= kMayTake) {
    std::fprintf(stderr, "too slow: the joint of a byte and the next took %.1f s, more than %.0f\n", took, kMayTake);
    return 1;
  }
  return 0;
}
