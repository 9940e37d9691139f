#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>

#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <functional>
#include <infoplane/estimator/differentiable.hpp>
#include <limits>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;

using Function = std::function<at::Tensor(const at::Tensor&)>;

at::Tensor gradient(const Function& f, const at::Tensor& z) {
  at::Tensor leaf = z.detach().clone().set_requires_grad(true);
  f(leaf).backward();
  return leaf.grad();
}

/// One thread while it lives: with two, products this small wait for one another by spinning.
struct OneThread {
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(threads); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  const int threads = at::get_num_threads();
};

/// Largest difference between the gradient and central differences, in units of the largest element of the gradient.
double worst_difference(const Function& f, const at::Tensor& z) {
  const OneThread one_thread;
  const at::Tensor analytic = gradient(f, z);
  double worst = 0;
  constexpr double kStep = 1e-6;
  for (std::int64_t i = 0; i < z.numel(); ++i) {
    const auto at = [&](double step) {
      const at::Tensor moved = z.clone();
      moved.view(-1)[i] += step;
      return f(moved).item<double>();
    };
    const double numeric = (at(kStep) - at(-kStep)) / (2 * kStep);
    worst = std::max(worst, std::abs(numeric - analytic.view(-1)[i].item<double>()));
  }
  return worst / analytic.abs().max().item<double>();
}

TEST_CASE("gradients: agree with finite differences in float64", "[estimator][differentiable]") {
  for (const auto& [n, d, m] :
       {std::tuple<std::int64_t, std::int64_t, std::int64_t>{1, 2, 2}, {7, 3, 5}, {12, 8, 20}, {6, 33, 100}}) {
    CAPTURE(n, d, m);
    const at::Tensor z = normal({n, d}).to(at::kDouble);
    auto labels = some_labels(n, 3);
    if (n > 4) {
      labels[2] = -1;
      labels[4] = -100;
    }
    const AnchoredSpace space(d, SoftEntropyOptions().anchors(m));
    const AnchoredSpace uniform(d, SoftEntropyOptions().anchors(m).label_weights(LabelWeights::kUniform));
    CHECK(worst_difference([&](const at::Tensor& x) { return soft_entropy(x, space); }, z) < 1e-6);
    if (n > 1) {  // of one row the information is 0 everywhere
      for (const AnchoredSpace& with : {space, uniform}) {
        const auto f = [&](const at::Tensor& x) { return soft_mutual_information(x, to_tensor(labels), with); };
        CHECK(worst_difference(f, z) < 1e-6);
      }
    }
  }
}

TEST_CASE("gradients: three axes and strides reach the leaf", "[estimator][differentiable]") {
  const at::Tensor z = normal({5, 3, 4}).to(at::kDouble);
  const at::Tensor labels = to_tensor(some_labels(15, 3)).reshape({3, 5});
  const AnchoredSpace space(4, SoftEntropyOptions().anchors(9));
  const auto f = [&](const at::Tensor& x) { return soft_mutual_information(x.transpose(0, 1), labels, space); };
  CHECK(worst_difference(f, z) < 1e-6);
}

TEST_CASE("gradients: a row's is at right angles to it and scales with 1/|z|", "[estimator][differentiable]") {
  const at::Tensor z = normal({20, 16});
  const AnchoredSpace space(16);
  const Function f = [&](const at::Tensor& x) { return soft_entropy(x, space); };
  const at::Tensor exact = gradient(f, z.to(at::kDouble));
  CHECK(exact.mul(z).sum(1).abs().max().item<double>() < 1e-13 * exact.abs().max().item<double>());
  const at::Tensor whole = gradient(f, z);
  CHECK(at::allclose(whole.to(at::kDouble), exact, 1e-4, 1e-7));
  for (const double scale : {1e-23, 1e-3, 1e10}) {
    CAPTURE(scale);
    CHECK(at::allclose(gradient(f, z * scale) * scale, whole, 1e-3, 1e-7));
  }
}

TEST_CASE("gradients: bad rows and rows without a label have none, and spoil no other", "[estimator][differentiable]") {
  at::Tensor z = normal({12, 6});
  z[0].zero_();
  z[1][0] = std::numeric_limits<double>::quiet_NaN();
  z[2][5] = -std::numeric_limits<double>::infinity();
  auto labels = some_labels(12, 3);
  labels[3] = -1;
  labels[4] = -100;
  const AnchoredSpace space(6, SoftEntropyOptions().anchors(20));
  const at::Tensor got =
      gradient([&](const at::Tensor& x) { return soft_mutual_information(x, to_tensor(labels), space); }, z);
  CHECK(got.slice(0, 0, 5).abs().max().item<double>() == 0);
  const at::Tensor good = to_tensor(std::vector<std::int64_t>(labels.begin() + 5, labels.end()));
  const at::Tensor expected = gradient([&](const at::Tensor& x) { return soft_mutual_information(x, good, space); },
                                       z.slice(0, 5, 12).contiguous());
  CHECK(at::equal(got.slice(0, 5, 12), expected));
  CHECK(gradient([&](const at::Tensor& x) { return soft_entropy(x, space); }, at::zeros({3, 6}))
            .abs()
            .sum()
            .item<double>() == 0);
}

// At d = 2 with many anchors most assignments are exactly 0 in float32, whose logarithm must not meet a gradient.
TEST_CASE("gradients: stay finite where assignments are 0", "[estimator][differentiable]") {
  const at::Tensor z = normal({5, 2});
  const AnchoredSpace space(2, SoftEntropyOptions().anchors(1024));
  const at::Tensor labels = to_tensor({0, 1, 2, 1, 4});
  for (const auto type : {at::kFloat, at::kDouble}) {
    const at::Tensor got =
        gradient([&](const at::Tensor& x) { return soft_mutual_information(x, labels, space); }, z.to(type));
    CHECK(at::isfinite(got).all().item<bool>());
    CHECK(got.abs().max().item<double>() > 0);
  }
}

TEST_CASE("gradients: come back in the dtype of z, with and without autocast", "[estimator][differentiable]") {
  const at::Tensor z = normal({64, 32});
  const at::Tensor labels = to_tensor(some_labels(64, 4));
  const AnchoredSpace space(32);
  const Function f = [&](const at::Tensor& x) { return soft_mutual_information(x, labels, space); };
  const at::Tensor expected = gradient(f, z);
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor got = gradient(f, z.to(type));
    CHECK(got.scalar_type() == type);
    CHECK(at::allclose(got.to(at::kFloat), gradient(f, z.to(type).to(at::kFloat)), 1e-2, 1e-5));
  }
  const at::Tensor leaf = z.clone().set_requires_grad(true);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor information = f(leaf);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  information.backward();  // outside, where LibTorch wants backward passes: inside, it runs their products in bfloat16
  CHECK(at::equal(leaf.grad(), expected));
}

TEST_CASE("gradients: none are recorded where the caller wants none", "[estimator][differentiable]") {
  const AnchoredSpace space(8);
  const at::Tensor leaf = normal({10, 8}).set_requires_grad(true);
  CHECK(soft_entropy(leaf, space).requires_grad());
  CHECK_FALSE(soft_entropy(leaf.detach(), space).requires_grad());
  CHECK_FALSE(space.weight().requires_grad());
  const at::NoGradGuard no_grad;
  CHECK_FALSE(soft_entropy(leaf, space).requires_grad());
}

TEST_CASE("gradients: as a loss term they press information out of representations", "[estimator][differentiable]") {
  at::Tensor z = normal({256, 16});
  const at::Tensor labels = to_tensor(some_labels(256, 4));
  z = z + at::one_hot(labels, 16).to(at::kFloat) * 3;
  const AnchoredSpace space(16);
  const at::Tensor target = z.clone();
  const double before = soft_mutual_information(z, labels, space).item<double>();
  for (int step = 0; step < 40; ++step) {
    at::Tensor leaf = z.clone().set_requires_grad(true);
    const at::Tensor loss = (leaf - target).square().mean() + soft_mutual_information(leaf, labels, space);
    CHECK(loss.scalar_type() == at::kFloat);
    loss.backward();
    z = z - 20 * leaf.grad();
  }
  const double after = soft_mutual_information(z, labels, space).item<double>();
  CHECK(after < 0.5 * before);
}

}  // namespace
}  // namespace infoplane::estimator
