#include "benchmark.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <infoplane/labels/key_table.hpp>
#include <limits>
#include <memory>
#include <span>

#include "estimator/oracle.hpp"

namespace infoplane::benchmark {
namespace {

labels::LabelAssignment assignment(const std::string& name, std::int64_t n, std::int64_t labels, std::uint64_t salt) {
  auto table = std::make_shared<labels::KeyTable>(1);
  labels::LabelAssignment set{name, table, {}, 0, n};
  for (const std::int64_t& label : estimator::some_labels(n, labels, salt)) {
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

double fastest(int runs, const std::function<void()>& run) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  return best;
}

labels::Grouping grouping(std::int64_t n, int sets) {
  labels::Grouping result;
  result.positions = n;
  for (int s = 0; s < sets; ++s) {
    result.sets.push_back(
        assignment("set" + std::to_string(s), n, std::int64_t{64} << s, static_cast<std::uint64_t>(s)));
  }
  return result;
}

labels::Grouping uniform_labels(std::int64_t n, std::int64_t labels) {
  labels::Grouping result;
  result.positions = n;
  result.sets.push_back(assignment("x", n, labels, 9));
  return result;
}

bool at_most(const std::string& name, double value, double limit) {
  return report(name, value, limit, value <= limit, "at most");
}
bool at_least(const std::string& name, double value, double limit) {
  return report(name, value, limit, value >= limit, "at least");
}

}  // namespace infoplane::benchmark
