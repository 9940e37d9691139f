#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>
#include <cmath>
#include <cstdint>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <limits>
#include <vector>

#include "core/state.hpp"
#include "estimator/assignment/direction_sums.hpp"
#include "estimator/assignment/soft_assignment.hpp"
#include "estimator/measure.hpp"
#include "estimator/oracle.hpp"
#include "estimator/same_bits.hpp"
#include "estimator/state_samples.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;

constexpr std::int64_t kDimension = 37;

/// Rows with a direction in common.
at::Tensor rows(at::IntArrayRef shape, std::uint64_t seed = 1, double common = 3) {
  at::Tensor z = normal(shape, seed);
  return z.add(normal({shape.back()}, 99).mul(common / std::sqrt(static_cast<double>(shape.back()))));
}

/// In float64, from the definition.
double mean_direction_of(const at::Tensor& z) {
  const at::Tensor values = z.to(at::kDouble).reshape({-1, z.size(-1)});
  return values.div(values.norm(2, {1}, true)).mean(0).norm().item<double>();
}

/// Weiszfeld's step from `from`, in float64.
at::Tensor step_from(const at::Tensor& z, const at::Tensor& from) {
  const at::Tensor values = z.to(at::kDouble).reshape({-1, z.size(-1)}).sub(from);
  const at::Tensor inverse = values.norm(2, {1}, true).reciprocal();
  return from.add(values.mul(inverse).sum(0).div(inverse.sum()));
}

at::Tensor median_of(const at::Tensor& z, int steps = 200) {
  at::Tensor centre = at::zeros({z.size(-1)}, at::kDouble);
  for (int step = 0; step < steps; ++step) {
    centre = step_from(z, centre);
  }
  return centre;
}

SoftEntropyOptions centred() { return SoftEntropyOptions().anchors(20).centre(true); }

SoftEntropyAccumulator fed(const at::Tensor& z, const SoftEntropyOptions& options, const at::Tensor& centre = {}) {
  SoftEntropyAccumulator accumulator(z.size(-1), options);
  if (centre.defined()) {
    accumulator.set_centre(centre);
  }
  accumulator.update(z);
  return accumulator;
}

double largest_difference(const std::vector<double>& values, const at::Tensor& expected) {
  const at::Tensor there = expected.to(at::kDouble).contiguous();
  double worst = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    worst = std::max(worst, std::abs(values[k] - there.const_data_ptr<double>()[k]));
  }
  return worst;
}

}  // namespace

TEST_CASE("directions: every kernel sums unit vectors as float64 does", "[estimator][direction]") {
  for (const std::int64_t d : {2, 15, 37, 96, 131, 300}) {
    for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
      CAPTURE(d, type);
      at::Tensor z = rows({203, d}, 3).to(type);
      z[5].zero_();
      z[7][1] = std::numeric_limits<double>::quiet_NaN();
      std::vector<std::uint8_t> counted(203, 1);
      counted[11] = 0;
      std::vector<std::int64_t> good;
      for (std::int64_t i = 0; i < 203; ++i) {
        if (i != 5 && i != 7 && i != 11) {
          good.push_back(i);
        }
      }
      const at::Tensor values = z.index_select(0, to_tensor(good)).to(at::kDouble);
      const at::Tensor expected = values.div(values.norm(2, {1}, true)).sum(0).mul(kDirectionUnit);
      const double norms = values.norm(2, {1}).reciprocal().sum().item<double>();
      const Anchors anchors(100, d);
      std::vector<kernels::SoftAssignment> results;
      for (const auto set :
           {kernels::InstructionSet::kPortable, kernels::InstructionSet::kAvx2, kernels::InstructionSet::kAvx512}) {
        if (kernels::is_supported(set)) {
          const kernels::AnchorPanels panels(anchors.weight(), set);
          results.push_back(kernels::soft_assignment_cpu(z, panels, 0.1, counted.data()));
        }
      }
      const kernels::AnchorPanels panels(anchors.weight());
      results.push_back(kernels::soft_assignment_aten(z, panels, 0.1, counted.data()));
      for (const auto& result : results) {
        // Half a unit a row from rounding, and what float32 knows of a row of that length.
        CHECK(largest_difference({result.directions.begin(), result.directions.end()}, expected) < 200);
        CHECK(std::abs(result.inverse_norms / norms - 1) < 1e-6);
      }
    }
  }
}

TEST_CASE("directions: rows of any magnitude have one, and a norm", "[estimator][direction]") {
  const at::Tensor z = rows({6, kDimension}, 4).to(at::kDouble);
  const at::Tensor scales = at::tensor({1.0, 1e-30, 1e25, 1.0, 1e-200, 2.0}, at::kDouble).unsqueeze(1);
  const kernels::AnchorPanels panels(Anchors(20, kDimension).weight());
  const auto plain = kernels::soft_assignment_cpu(z, panels, 0.1, nullptr);
  const auto scaled = kernels::soft_assignment_cpu(z.mul(scales), panels, 0.1, nullptr);
  for (std::size_t k = 0; k < plain.directions.size(); ++k) {
    CHECK(std::abs(plain.directions[k] - scaled.directions[k]) <= 6);
  }
  const double norms = z.norm(2, {1}, true).mul(scales).reciprocal().sum().item<double>();
  CHECK(std::abs(scaled.inverse_norms / norms - 1) < 1e-6);
}

TEST_CASE("directions: equal tokens give equal bits in any batches and threads", "[estimator][direction]") {
  const at::Tensor z = rows({40, 25, kDimension});
  const Estimate whole = fed(z, SoftEntropyOptions().anchors(20)).estimate();
  CHECK(std::abs(whole.mean_direction - mean_direction_of(z)) < 1e-7);
  for (const std::int64_t pieces : {2, 3, 8, 40}) {
    SoftEntropyAccumulator accumulator(kDimension, SoftEntropyOptions().anchors(20));
    for (const at::Tensor& piece : z.chunk(pieces)) {
      accumulator.update(piece);
    }
    CHECK(same_bits(accumulator.estimate().mean_direction, whole.mean_direction));
  }
  SoftEntropyAccumulator backwards(kDimension, SoftEntropyOptions().anchors(20));
  backwards.update(z.flip({0, 1}));
  CHECK(same_bits(backwards.estimate().mean_direction, whole.mean_direction));
  SoftEntropyAccumulator first = fed(z.slice(0, 0, 13), SoftEntropyOptions().anchors(20));
  first.merge(fed(z.slice(0, 13), SoftEntropyOptions().anchors(20).stream(1)));
  CHECK(same_bits(first.estimate().mean_direction, whole.mean_direction));
}

TEST_CASE("directions: from one way to nowhere", "[estimator][direction]") {
  const at::Tensor one = normal({1, kDimension}).expand({50, kDimension});
  CHECK(std::abs(fed(one, {}).estimate().mean_direction - 1) < 1e-6);
  const at::Tensor z = normal({500, kDimension});
  CHECK(fed(at::cat({z, z.neg()}), {}).estimate().mean_direction < 1e-6);
  CHECK(std::isnan(SoftEntropyAccumulator(kDimension).estimate().mean_direction));
  SoftEntropyAccumulator cleared = fed(one, {});
  cleared.clear();
  cleared.update(z);
  CHECK(same_bits(cleared.estimate().mean_direction, fed(z, {}).estimate().mean_direction));
}

TEST_CASE("directions: what is taken back leaves nothing", "[estimator][direction]") {
  const at::Tensor z = rows({4, 25, kDimension}), other = rows({4, 25, kDimension}, 8);
  const auto grouping = std::make_shared<labels::Grouping>();
  grouping->positions = 100;
  grouping->row_length = 25;
  SoftEntropyAccumulator accumulator = fed(z, centred());
  accumulator.stage(other, grouping);
  accumulator.discard();
  CHECK(same_bits(accumulator.estimate().mean_direction, fed(z, centred()).estimate().mean_direction));
  CHECK(accumulator.estimate().centre == fed(z, centred()).estimate().centre);
  accumulator.stage(other, grouping);
  accumulator.commit();
  CHECK(std::abs(accumulator.estimate().mean_direction - mean_direction_of(at::cat({z, other}))) < 1e-7);
}

TEST_CASE("centre: each estimate is a step to where no direction is left", "[estimator][centre]") {
  for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    at::Tensor z = rows({30, 40, kDimension}, 5, 9).to(type);
    z.slice(1, 0, 1).mul_(300);  // massive rows, as those of the first position
    SoftEntropyAccumulator accumulator(kDimension, centred());
    at::Tensor centre = at::zeros({kDimension}, at::kDouble);
    std::vector<double> directions;
    for (int step = 0; step < 6; ++step) {
      accumulator.update(z);
      const Estimate estimate = accumulator.estimate();
      CHECK(estimate.centred == (step > 0));
      const at::Tensor next = step_from(z, centre);
      CHECK(largest_difference(estimate.centre, next) < 2e-5 * next.abs().max().item<double>());
      directions.push_back(estimate.mean_direction);
      centre = at::tensor(estimate.centre, at::kDouble);
      accumulator.clear();
      accumulator.set_centre(centre);
    }
    CHECK(directions[0] > 0.5);
    CHECK(directions[1] < 0.15);
    CHECK(directions[5] < 0.01);
    const at::Tensor mean = z.to(at::kDouble).mean(at::IntArrayRef{0, 1});
    CHECK(fed(z, centred(), mean).estimate().mean_direction > 0.3);  // what massive rows do to a mean
  }
  CHECK(fed(rows({4, kDimension}), SoftEntropyOptions().anchors(20)).estimate().centre.empty());
}

TEST_CASE("centre: what is added to all rows changes nothing", "[estimator][centre]") {
  const at::Tensor z = rows({30, 40, kDimension}, 5, 9).to(at::kDouble);
  const at::Tensor centre = median_of(z), mean = z.mean(at::IntArrayRef{0, 1});
  const Estimate plain = fed(z, SoftEntropyOptions().anchors(20)).estimate();
  const Estimate without = fed(z, centred(), centre).estimate();
  CHECK(std::abs(without.entropy_nats - fed(z.sub(centre), SoftEntropyOptions().anchors(20)).estimate().entropy_nats) <
        1e-5);
  for (const double c : {1.0, 2.0}) {
    const at::Tensor moved = z.add(mean.mul(c));
    CHECK(std::abs(fed(moved, centred()).estimate().context_nats - plain.context_nats) > 0.05);
    const Estimate after = fed(moved, centred(), median_of(moved)).estimate();
    CHECK(std::abs(after.entropy_nats - without.entropy_nats) < 1e-4);
    CHECK(std::abs(after.context_nats - without.context_nats) < 1e-4);
  }
}

TEST_CASE("centre: is kept by clear, reset, copies and states, and left out by none", "[estimator][centre]") {
  const at::Tensor z = rows({10, 40, kDimension}, 6), centre = median_of(z);
  const SoftEntropyAccumulator known = fed(z, centred(), centre);
  SoftEntropyAccumulator cleared = known, reset = known;
  cleared.clear();
  cleared.update(z);
  CHECK(same_bits(cleared.estimate(), known.estimate()));
  reset.reset();
  reset.update(z);
  CHECK(same_bits(reset.estimate(), known.estimate()));
  SoftEntropyAccumulator resumed(kDimension, centred());
  load(resumed, saved(known));
  CHECK(same_bits(resumed.estimate(), known.estimate()));
  CHECK(resumed.estimate().centre == known.estimate().centre);
  CHECK(resumed.centre().equal(known.centre()));
  CHECK(saved(resumed) == saved(known));
  const at::Tensor more = rows({10, 40, kDimension}, 7);
  SoftEntropyAccumulator whole = known;
  whole.update(more);
  resumed.update(more);
  CHECK(saved(resumed) == saved(whole));
  resumed.clear();
  resumed.set_centre(at::Tensor());
  resumed.update(z);
  CHECK(same_bits(resumed.estimate(), fed(z, centred()).estimate()));
  CHECK(known.memory_bytes() > fed(z, SoftEntropyOptions().anchors(20)).memory_bytes());
}

TEST_CASE("centre: what cannot be one says why", "[estimator][centre]") {
  SoftEntropyAccumulator accumulator(kDimension, centred());
  CHECK_THROWS_MATCHES(SoftEntropyAccumulator(kDimension).set_centre(at::zeros({kDimension})), ArgumentError,
                       MessageMatches(ContainsSubstring("set SoftEntropyOptions::centre(true)")));
  CHECK_THROWS_MATCHES(
      accumulator.set_centre(at::zeros({3})), ShapeError,
      MessageMatches(ContainsSubstring("the centre must be [37] of a floating dtype, got [3] (Float)")));
  CHECK_THROWS_AS(accumulator.set_centre(at::zeros({kDimension}, at::kLong)), ShapeError);
  at::Tensor bad = at::zeros({kDimension});
  bad[4] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_MATCHES(accumulator.set_centre(bad), ArgumentError,
                       MessageMatches(ContainsSubstring("the centre is inf in dimension 4")));
  accumulator.update(rows({5, kDimension}));
  CHECK_THROWS_MATCHES(accumulator.set_centre(at::zeros({kDimension})), StateError,
                       MessageMatches(ContainsSubstring("has seen 5 rows: all its rows have one centre")));
  const SoftEntropyAccumulator other = fed(rows({5, kDimension}), centred(), at::ones({kDimension}));
  CHECK_THROWS_MATCHES(accumulator.merge(other), ArgumentError, MessageMatches(ContainsSubstring("centre (none and ")));
  CHECK_THROWS_MATCHES(accumulator.merge(fed(rows({5, kDimension}), SoftEntropyOptions().anchors(20))), ArgumentError,
                       MessageMatches(ContainsSubstring("search for a centre (yes and no)")));
  SoftEntropyAccumulator without(kDimension, SoftEntropyOptions().anchors(20));
  CHECK_THROWS_MATCHES(load(without, saved(accumulator)), ArgumentError,
                       Message("a saved state cannot be loaded by an accumulator that differs in: centre (no and "
                               "yes)"));
}

TEST_CASE("directions: a damaged state is refused, an older one does not know them", "[estimator][direction][state]") {
  const SoftEntropyAccumulator known = fed(rows({5, 20, kDimension}), SoftEntropyOptions().anchors(20));
  const std::string bytes = saved(known);
  std::istringstream in(bytes);
  const std::string content = state::read(in, "accumulator", kStateVersion).bytes;
  // Behind the measure, weights, stream, sums, two counts and the entropies of rows.
  state::Writer before;
  before.put_text("mixed");
  const std::size_t rows_at = 8 + 8 + 8 + 8 + before.content().size() + 8 + 1 + 1 + 8 + (8 + 20 * 8) + 8 + 8 + 8;
  const std::size_t rows_bytes = 1 + 1 + (8 + kDimension * 8) + 8 + 8;  // flags, directions, norms, no centre
  const auto sealed = [](const std::string& changed, std::uint32_t version) {
    std::ostringstream out;
    state::write(out, "accumulator", version, changed);
    return out.str();
  };
  SoftEntropyAccumulator target(kDimension, SoftEntropyOptions().anchors(20));
  std::string changed = content;
  changed[rows_at + 2 + 8 + 6] = '\x40';  // a sum of 2^54 units
  CHECK_THROWS_MATCHES(load(target, sealed(changed, kStateVersion)), IoError,
                       MessageMatches(ContainsSubstring("its directions are longer than its tokens")));
  changed = content;
  changed.erase(rows_at, rows_bytes);
  // Behind three counts, priorities, indices, sequences and rows of the sample, which holds all of them: documents.
  constexpr std::size_t kSample = 5 * 20;
  changed.erase(rows_at + 3 * 8 + (8 + kSample * 8) + (8 + kSample * 4) + (8 + kSample * 8) + (8 + kSample * 20 * 4),
                8);
  load(target, sealed(changed, 4));
  CHECK(std::isnan(target.estimate().mean_direction));
  CHECK(same_bits(target.estimate().entropy_nats, known.estimate().entropy_nats));
  SoftEntropyAccumulator again(kDimension, SoftEntropyOptions().anchors(20));
  load(again, saved(target));
  CHECK(std::isnan(again.estimate().mean_direction));
  target.update(rows({5, kDimension}));
  CHECK(std::isnan(target.estimate().mean_direction));
  target.clear();
  target.update(rows({5, kDimension}));
  CHECK(target.estimate().mean_direction > 0);
}

}  // namespace infoplane::estimator
