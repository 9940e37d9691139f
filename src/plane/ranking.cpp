#include <algorithm>
#include <cmath>
#include <infoplane/plane/correlation.hpp>
#include <infoplane/plane/ranking.hpp>
#include <limits>

namespace infoplane::plane {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kSignificance = 0.05;

/// Two-sided p of the difference; 1 for two equal values without noise. Degrees of freedom by Welch and Satterthwaite.
double p_of(double difference, const Measured& a, const Measured& b) {
  if (difference == 0) {
    return 1;
  }
  const auto error = std::hypot(a.standard_error, b.standard_error);
  const auto share = [&](const Measured& each) {
    const auto part = std::pow(each.standard_error / error, 4);
    return part > 0 ? part / each.degrees : 0;  // without noise it takes no part
  };
  const auto degrees = 1 / (share(a) + share(b));
  return error > 0 && std::isfinite(degrees) && degrees > 0 ? student_p(difference / error, degrees)
                                                            : std::erfc(std::abs(difference) / error / std::sqrt(2));
}

/// Holm: the k-th smallest of n p values times n − k + 1, never below one before it.
void correct(std::vector<Ranked>& ranked) {
  std::vector<Ranked*> tested;
  for (auto& each : ranked) {
    if (!std::isnan(each.p_value)) {
      tested.push_back(&each);
    }
  }
  std::sort(tested.begin(), tested.end(), [](const auto* a, const auto* b) { return a->p_value < b->p_value; });
  double before = 0;
  for (std::size_t i = 0; i < tested.size(); ++i) {
    before = std::min(1.0, std::max(before, tested[i]->p_value * static_cast<double>(tested.size() - i)));
    tested[i]->p_value = before;
    tested[i]->verdict = before < kSignificance ? Verdict::kWorse : Verdict::kTied;
  }
}

}  // namespace

const char* to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::kBest:
      return "best";
    case Verdict::kTied:
      return "tied";
    case Verdict::kWorse:
      return "worse";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kUndefined:
      break;
  }
  return "undefined";
}

std::vector<Ranked> rank(const std::vector<Measured>& values, bool smaller_is_better) {
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < values.size(); ++i) {
    ranked.push_back({i, kNaN, kNaN, kNaN, Verdict::kUndefined});
  }
  std::stable_sort(ranked.begin(), ranked.end(), [&](const Ranked& a, const Ranked& b) {
    const auto one = values[a.index].value, other = values[b.index].value;
    if (!std::isfinite(one) || !std::isfinite(other)) {
      return std::isfinite(one) && !std::isfinite(other);
    }
    return smaller_is_better ? one < other : one > other;
  });
  if (ranked.empty() || !std::isfinite(values[ranked.front().index].value)) {
    return ranked;
  }
  const auto best = values[ranked.front().index];
  for (auto& each : ranked) {
    const auto& mine = values[each.index];
    if (!std::isfinite(mine.value)) {
      continue;
    }
    each.difference = mine.value - best.value;
    if (&each == &ranked.front()) {
      each.verdict = Verdict::kBest;
      continue;
    }
    each.standard_error = std::hypot(mine.standard_error, best.standard_error);
    each.verdict = Verdict::kUnknown;
    if (std::isfinite(each.standard_error)) {
      each.p_value = p_of(each.difference, mine, best);
    }
  }
  correct(ranked);
  return ranked;
}

}  // namespace infoplane::plane
