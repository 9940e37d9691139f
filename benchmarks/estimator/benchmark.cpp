#include "benchmark.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <infoplane/core/hash.hpp>
#include <infoplane/labels/key_table.hpp>
#include <limits>
#include <map>
#include <memory>
#include <span>

#include "estimator/oracle.hpp"

namespace infoplane::benchmark {
namespace {

bool processor_time = false;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables): set once, by main

double milliseconds() {
  if (!processor_time) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

labels::LabelAssignment assignment(const std::string& name, const std::vector<std::int64_t>& values) {
  auto table = std::make_shared<labels::KeyTable>(1);
  labels::LabelAssignment set{name, table, {}, 0, static_cast<std::int64_t>(values.size())};
  for (const std::int64_t& label : values) {
    set.rows.push_back(table->insert(std::span(&label, 1)));
  }
  set.row_count = table->size();
  return set;
}

bool report(const std::string& name, double value, double limit, bool met, const char* relation) {
  std::printf("  %s: %.3g, promised %s %.3g%s\n", name.c_str(), value, relation, limit, met ? "" : "  NOT MET");
  return met;
}

}  // namespace

void use_processor_time() {
  at::set_num_threads(1);
  processor_time = true;
}
bool uses_processor_time() noexcept { return processor_time; }

double fastest(int runs, const std::function<void()>& run) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < runs; ++i) {
    const double start = milliseconds();
    run();
    best = std::min(best, milliseconds() - start);
  }
  return best;
}

std::pair<double, double> fastest_of_two(int runs, const std::function<void()>& first,
                                         const std::function<void()>& second) {
  std::pair<double, double> best(std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity());
  for (int i = 0; i < runs; ++i) {
    best.first = std::min(best.first, fastest(1, first));
    best.second = std::min(best.second, fastest(1, second));
  }
  return best;
}

labels::Grouping grouping(std::int64_t n, int sets) {
  labels::Grouping result;
  result.positions = n;
  for (int s = 0; s < sets; ++s) {
    result.sets.push_back(assignment("set" + std::to_string(s),
                                     estimator::some_labels(n, std::int64_t{64} << s, static_cast<std::uint64_t>(s))));
  }
  return result;
}

labels::Grouping uniform_labels(std::int64_t n, int sets, std::int64_t labels) {
  labels::Grouping result;
  result.positions = n;
  for (int s = 0; s < sets; ++s) {
    result.sets.push_back(
        assignment("set" + std::to_string(s), estimator::some_labels(n, labels, 9 + static_cast<std::uint64_t>(s))));
  }
  return result;
}

std::vector<std::int64_t> ngrams(std::int64_t n, int order, bool output) {
  constexpr std::int64_t kVocabulary = 50000;
  std::vector<double> cumulative;
  double total = 0;
  for (std::int64_t x = 0; x < kVocabulary; ++x) {
    cumulative.push_back(total += 1 / static_cast<double>(x + 1));
  }
  const auto token = [&](std::int64_t i) {
    const double uniform = static_cast<double>(splitmix64(static_cast<std::uint64_t>(i)) >> 11U) * 0x1p-53 * total;
    return std::lower_bound(cumulative.begin(), cumulative.end() - 1, uniform) - cumulative.begin();
  };
  std::map<std::vector<std::int64_t>, std::int64_t> known;
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t first = output ? i + 1 : i - order + 1;
    std::vector<std::int64_t> key;
    for (std::int64_t k = first; k < first + order; ++k) {
      key.push_back(token(k));
    }
    result.push_back(known.emplace(std::move(key), static_cast<std::int64_t>(known.size())).first->second);
  }
  return result;
}

labels::Grouping ngram_grouping(std::int64_t n, int sets) {
  labels::Grouping result;
  result.positions = n;
  for (int s = 0; s < sets; ++s) {
    result.sets.push_back(assignment("set" + std::to_string(s), ngrams(n, s / 2 + 1, s % 2 == 1)));
  }
  return result;
}

bool at_most(const std::string& name, double value, double limit) {
  return report(name, value, limit, value <= limit, "at most");
}
bool at_least(const std::string& name, double value, double limit) {
  return report(name, value, limit, value >= limit, "at least");
}

}  // namespace infoplane::benchmark
