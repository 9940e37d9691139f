#include <unistd.h>
#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/core/error.hpp>
#include <limits>

#include "bound/samples.hpp"

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::ArgumentError;
using infoplane::IoError;
using infoplane::bound::IbCurve;
using infoplane::bound::IbCurveOptions;
using infoplane::test::binary_entropy;
using infoplane::test::Dense;
using infoplane::test::joint_of;
using infoplane::test::random_counts;

namespace {

/// p with binary_entropy(p) = h, p ≤ 1/2.
double inverse_binary_entropy(double h) {
  double low = 0;
  double high = 0.5;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (binary_entropy(middle) < h ? low : high) = middle;
  }
  return low;
}

std::string temporary(const char* name) {
  return (std::filesystem::temp_directory_path() / (std::to_string(getpid()) + name)).string();
}

}  // namespace

TEST_CASE("where Y is a function of X the curve is the diagonal", "[bound]") {
  // Nine values of x, three of y.
  Dense counts(9, std::vector<double>(3));
  for (std::size_t x = 0; x < 9; ++x) {
    counts[x][x % 3] = 1.0 + static_cast<double>(x * x);
  }
  const auto joint = joint_of(counts);
  const auto curve = IbCurve::solve(joint);
  REQUIRE(curve.points().back().complexity == Approx(joint.column_entropy()));
  for (double r = 0.05; r < joint.column_entropy(); r += 0.05) {
    REQUIRE(curve.expressivity_at(r) == Approx(r).margin(1e-9));
  }
  REQUIRE(curve.expressivity_at(joint.row_entropy()) == Approx(joint.information()));
  REQUIRE(curve.tolerance() < 1e-9);
}

TEST_CASE("a binary symmetric channel has the curve of Mrs. Gerber's lemma", "[bound]") {
  for (const double flip : {0.01, 0.1, 0.25, 0.4}) {
    CAPTURE(flip);
    const auto curve = IbCurve::solve(joint_of({{1 - flip, flip}, {flip, 1 - flip}}));
    for (double r = 0.02; r < std::log(2); r += 0.03) {
      const double a = inverse_binary_entropy(std::log(2) - r);
      const double exact = std::log(2) - binary_entropy(a * (1 - flip) + (1 - a) * flip);
      CAPTURE(r, exact);
      REQUIRE(curve.expressivity_at(r) <= exact + 1e-9);
      REQUIRE(curve.expressivity_at(r) >= exact - std::max(curve.tolerance(), 2e-4));
    }
    REQUIRE(curve.points().back().complexity == Approx(std::log(2)));
    REQUIRE(curve.tolerance() <= 2e-3);
  }
}

TEST_CASE("of independent variables nothing can be kept", "[bound]") {
  const auto curve = IbCurve::solve(joint_of({{1, 2, 3}, {2, 4, 6}, {5, 10, 15}}));
  REQUIRE(curve.points().size() == 1);
  REQUIRE(curve.expressivity_at(0.7) == 0);
  REQUIRE(curve.slope_at(0.7) == 0);
  REQUIRE(curve.information() == Approx(0).margin(1e-12));
}

TEST_CASE("curves are concave, rising, below the diagonal and below I(X;Y)", "[bound]") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const auto joint = joint_of(random_counts(seed, 3 + seed * 2, 2 + seed));
    const auto curve = IbCurve::solve(joint, IbCurveOptions().clusters(seed % 3 == 0 ? 4 : 100));
    CAPTURE(seed);
    double before = 0;
    double slope = 1 + 1e-9;
    for (int i = 1; i <= 200; ++i) {
      const double r = joint.row_entropy() * i / 200;
      const double y = curve.expressivity_at(r);
      REQUIRE(y >= before);
      REQUIRE(y <= r + 1e-12);
      REQUIRE(y <= joint.information() + 1e-9);
      REQUIRE(curve.slope_at(r) <= slope + 1e-12);
      slope = curve.slope_at(r);
      before = y;
    }
    if (seed % 3 != 0) {
      REQUIRE(curve.points().back().expressivity == Approx(joint.information()));
    } else {
      REQUIRE(curve.points().back().clusters <= 4);
      REQUIRE(curve.points().back().complexity <= std::log(4) + 1e-9);
    }
  }
}

TEST_CASE("another start gives the same curve, fewer clusters none above it", "[bound]") {
  const auto joint = joint_of(random_counts(5, 30, 12));
  const auto one = IbCurve::solve(joint);
  const auto other = IbCurve::solve(joint, IbCurveOptions().seed(17).restarts(3));
  const auto few = IbCurve::solve(joint, IbCurveOptions().clusters(5));
  const auto again = IbCurve::solve(joint);
  for (double r = 0.05; r < joint.row_entropy(); r += 0.05) {
    CAPTURE(r);
    REQUIRE(one.expressivity_at(r) == Approx(other.expressivity_at(r)).margin(4e-3));
    REQUIRE(few.expressivity_at(r) <= one.expressivity_at(r) + 4e-3);
    REQUIRE(one.expressivity_at(r) == again.expressivity_at(r));
  }
}

TEST_CASE("outside the curve", "[bound]") {
  const auto curve = IbCurve::solve(joint_of({{3, 1}, {1, 3}}));
  REQUIRE(curve.expressivity_at(-0.1) == 0);
  REQUIRE(curve.expressivity_at(0) == 0);
  REQUIRE(std::isnan(curve.expressivity_at(std::numeric_limits<double>::quiet_NaN())));
  REQUIRE(std::isnan(curve.slope_at(std::numeric_limits<double>::quiet_NaN())));
  REQUIRE(curve.expressivity_at(100) == curve.information());
  REQUIRE(curve.slope_at(-1) == curve.slope_at(0));
  const double scale = std::log(100);
  REQUIRE(curve.gap(0.05, 0.02, 100) == Approx(curve.expressivity_at(0.05 * scale) / scale - 0.02));
  REQUIRE(curve.efficiency_at(0.05, 100) == curve.expressivity_at(0.05 * scale) / scale);
  REQUIRE(curve.efficiency_at(0.05, 100) <= 0.05);
  REQUIRE(std::isnan(curve.efficiency_at(std::numeric_limits<double>::quiet_NaN(), 100)));
  REQUIRE(curve.gap(0.05, 0.9, 100) < 0);
  REQUIRE_THROWS_AS(curve.efficiency_at(0.1, 1), ArgumentError);
  REQUIRE_THROWS_MATCHES(curve.gap(0.1, 0.1, 1), ArgumentError,
                         Message("an efficiency needs at least 2 anchors, got 1"));
}

TEST_CASE("options of a curve that cannot work are refused", "[bound]") {
  const auto joint = joint_of({{3, 1}, {1, 3}});
  const auto solve = [&](const IbCurveOptions& options) { return IbCurve::solve(joint, options); };
  REQUIRE_THROWS_MATCHES(solve(IbCurveOptions().clusters(0)), ArgumentError,
                         Message("an IB curve needs at least 1 cluster, got 0"));
  REQUIRE_THROWS_MATCHES(solve(IbCurveOptions().restarts(0)), ArgumentError,
                         Message("an IB curve needs at least 1 sweep, got restarts(0)"));
  REQUIRE_THROWS_MATCHES(solve(IbCurveOptions().max_iterations(0)), ArgumentError,
                         Message("an IB curve needs at least 1 iteration, got 0"));
  REQUIRE_THROWS_MATCHES(solve(IbCurveOptions().tolerance(0)), ArgumentError,
                         Message("the tolerance of an IB curve is in nats and above 0, got 0"));
  REQUIRE(solve(IbCurveOptions().clusters(1)).points().size() == 1);
}

TEST_CASE("a curve comes back from its file as it was", "[bound]") {
  const auto curve = IbCurve::solve(joint_of(random_counts(2, 9, 6)));
  const auto path = temporary("curve.json");
  curve.save(path);
  const auto back = IbCurve::load(path);
  REQUIRE(back.points().size() == curve.points().size());
  REQUIRE(std::isinf(back.points().back().beta));
  REQUIRE(back.points()[1].clusters == curve.points()[1].clusters);
  for (double r = 0; r < 2; r += 0.01) {
    REQUIRE(back.expressivity_at(r) == curve.expressivity_at(r));
  }
  REQUIRE(back.tolerance() == curve.tolerance());
  REQUIRE(back.cluster_limit() == 100);
  REQUIRE(back.information() == curve.information());
  REQUIRE(back.row_entropy() == curve.row_entropy());
  REQUIRE(back.column_entropy() == curve.column_entropy());
  std::filesystem::remove(path);
}

TEST_CASE("a curve with one changed byte is refused", "[bound]") {
  const auto path = temporary("damaged.json");
  const auto text_of = [&] {
    std::ifstream in(path);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  IbCurve::solve(joint_of({{3, 1}, {1, 3}})).save(path);
  const auto text = text_of();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    std::ofstream(path) << damaged;
    CAPTURE(damaged);
    try {
      IbCurve::load(path).save(path);
      REQUIRE(text_of() == text);  // another last digit of the same number
    } catch (const IoError&) {
      ++refused;
    }
  }
  REQUIRE(refused > text.size() - text.size() / 50);
  auto damaged = text;
  damaged.replace(damaged.find("\"cluster_limit\": 100"), 20, "\"cluster_limit\": 101");
  std::ofstream(path) << damaged;
  REQUIRE_THROWS_MATCHES(
      IbCurve::load(path), IoError,
      Message("the IB curve " + path + " is damaged: its checksum is not that of its content; compute it again"));
  std::filesystem::remove(path);
}

TEST_CASE("the curve of variables that hardly depend starts at the origin and comes back from its file", "[bound]") {
  const auto path = temporary("faint.json");
  for (const double correlation : {0.1, 0.01, 0.003, 1e-3, 1e-4, 1e-5}) {
    CAPTURE(correlation);
    for (std::int64_t size = 2; size <= 6; ++size) {
      Dense counts(size, std::vector<double>(size, 1 - correlation));
      for (std::int64_t i = 0; i < size; ++i) {
        counts[i][i] += static_cast<double>(size + i) * correlation;
      }
      const auto curve = IbCurve::solve(joint_of(counts));
      REQUIRE(curve.points().front().complexity == 0);
      REQUIRE(curve.points().front().expressivity == 0);
      for (const auto& point : curve.points()) {
        REQUIRE(point.expressivity <= point.complexity);
      }
      curve.save(path);
      REQUIRE(IbCurve::load(path).points().size() == curve.points().size());
    }
  }
  std::filesystem::remove(path);
}

TEST_CASE("a file with a curve that cannot be is refused", "[bound]") {
  const auto path = temporary("impossible.json");
  struct Corner {
    double complexity, expressivity;
  };
  const auto load = [&](const std::vector<Corner>& corners, const std::string& tolerance = "0") {
    std::ofstream out(path);
    out << R"({"format": "infoplane IB curve", "version": 1, "row_entropy": 2, "column_entropy": 1.5,
               "information": 1, "tolerance": )"
        << tolerance << ", \"points\": [{\"complexity\": 0, \"expressivity\": 0, \"beta\": 0, \"clusters\": 1}";
    for (const auto& [complexity, expressivity] : corners) {
      out << ", {\"complexity\": " << complexity << ", \"expressivity\": " << expressivity
          << ", \"beta\": 2, \"clusters\": 2}";
    }
    out << "]}";
    out.close();
    return IbCurve::load(path);
  };
  REQUIRE(load({{0.5, 0.5}, {1.5, 1}}).cluster_limit() == 0);  // files of earlier versions do not say
  const std::string of = "the IB curve " + path;
  REQUIRE_THROWS_MATCHES(load({{0.5, 0.6}, {1.5, 1}}), IoError,
                         Message(of + " has more expressivity than complexity, at point 1"));
  REQUIRE_THROWS_MATCHES(load({{0.5, 0.3}, {1, 0.2}}), IoError,
                         Message(of + " has points that do not rise in expressivity, at point 2"));
  REQUIRE_THROWS_MATCHES(load({{0.5, 0.1}, {1, 0.5}}), IoError, Message(of + " is not concave, at point 1"));
  REQUIRE_THROWS_MATCHES(load({{0.5, 0.4}, {1.5, 1.2}}), IoError,
                         Message(of + " ends above the joint's information, 1.2 of 1"));
  REQUIRE_THROWS_MATCHES(load({{0.5, 0.4}}, "-1"), IoError, Message(of + " has the tolerance -1"));
  std::filesystem::remove(path);
}

TEST_CASE("a file that holds no curve is an error that names it", "[bound]") {
  const auto path = temporary("broken.json");
  const auto written = [&](const char* text) {
    std::ofstream(path) << text;
    return path;
  };
  REQUIRE_THROWS_MATCHES(IbCurve::load(path), IoError,
                         Message("the IB curve " + path + " cannot be opened: No such file or directory"));
  REQUIRE_THROWS_MATCHES(IbCurve::load(written("{\"format\": \"inf")), IoError,
                         MessageMatches(ContainsSubstring(path + " cannot be read")));
  REQUIRE_THROWS_MATCHES(IbCurve::load(written("{}")), IoError,
                         Message(path + " is not an IB curve: \"format\" is not \"infoplane IB curve\""));
  REQUIRE_THROWS_MATCHES(IbCurve::load(written(R"({"format": "infoplane IB curve", "version": 3})")), IoError,
                         Message("the IB curve " + path + " is of version 3; this library reads versions 1 and 2"));
  const std::string head = R"({"format": "infoplane IB curve", "version": 1, "row_entropy": 1, "column_entropy": 1,
                               "information": 1, "tolerance": 0, "points": )";
  REQUIRE_THROWS_MATCHES(IbCurve::load(written((head + "[]}").c_str())), IoError,
                         Message("the IB curve " + path + " does not start at (0, 0)"));
  const auto point = [](double x) {
    return "{\"complexity\": " + std::to_string(x) + ", \"expressivity\": 0, \"beta\": 1, \"clusters\": 1}";
  };
  REQUIRE_THROWS_MATCHES(IbCurve::load(written((head + "[" + point(0) + "," + point(0) + "]}").c_str())), IoError,
                         Message("the IB curve " + path + " has points that do not rise in complexity, at point 1"));
  std::filesystem::remove(path);
  REQUIRE_THROWS_MATCHES(IbCurve::solve(joint_of({{1}})).save("/nowhere/at/all.json"), IoError,
                         Message("the IB curve cannot be written to /nowhere/at/all.json: No such file or directory"));
}
