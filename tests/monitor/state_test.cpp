#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstring>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <sstream>

#include "core/odd_locale.hpp"
#include "estimator/state_samples.hpp"
#include "monitor/small_gpt.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::plane::Point;
using infoplane::test::SmallGPT;

namespace {

at::Tensor tokens_at(std::int64_t step, std::int64_t rows = 4) {
  return (at::arange(rows * 12) * (step + 7) + at::arange(rows * 12).div(3, "floor")).remainder(11).view({rows, 12});
}

// Two micro-batches of the train split and a held-out forward, as a trainer would.
std::vector<Point> step(Monitor& monitor, SmallGPT& model, std::int64_t step) {
  std::vector<Point> points;
  for (const std::int64_t part : {0, 1}) {
    const auto tokens = tokens_at(10 * step + part);
    const auto observation = monitor.observe(step, tokens);
    model->forward(tokens);
  }
  if (auto point = monitor.end_step(step, 1.0 / static_cast<double>(step + 1))) {
    points.push_back(*point);
    const auto tokens = tokens_at(3, 8);
    auto observation = monitor.observe_heldout(step, tokens);
    model->forward(tokens);
    observation.finish();
    points.push_back(*monitor.end_heldout(step, 2.0));
  }
  return points;
}

bool same_values(const infoplane::plane::Metrics& a, const infoplane::plane::Metrics& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& p, const auto& q) {
    return p.first == q.first && std::memcmp(&p.second, &q.second, sizeof(double)) == 0;
  });
}

void require_same(const std::vector<Point>& a, const std::vector<Point>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].step == b[i].step);
    REQUIRE(a[i].split == b[i].split);
    REQUIRE(a[i].tokens == b[i].tokens);
    REQUIRE(a[i].loss == b[i].loss);
    REQUIRE(same_values(a[i].mean, b[i].mean));
    REQUIRE(a[i].layers.size() == b[i].layers.size());
    for (std::size_t j = 0; j < a[i].layers.size(); ++j) {
      REQUIRE(a[i].layers[j].name == b[i].layers[j].name);
      REQUIRE(same_values(a[i].layers[j].metrics, b[i].layers[j].metrics));
    }
  }
}

MonitorOptions options() { return MonitorOptions().every(4).window(3); }

std::string saved(const Monitor& monitor) {
  std::ostringstream out;
  monitor.save(out);
  return out.str();
}

void load(Monitor& monitor, const std::string& bytes) {
  std::istringstream in(bytes);
  monitor.load(in);
}

}  // namespace

TEST_CASE("a monitor that was saved anywhere goes on to the same bits", "[monitor][state]") {
  SmallGPT model(11, 16, 2);
  model->eval();  // no dropout: two forwards are one
  for (std::int64_t interrupted = 0; interrupted <= 9; ++interrupted) {
    Monitor whole(model, options());
    for (std::int64_t i = 0; i < interrupted; ++i) {
      step(whole, model, i);
    }
    Monitor resumed(model, options());
    step(resumed, model, 3);  // replaced
    load(resumed, saved(whole));
    for (std::int64_t i = interrupted; i <= 12; ++i) {
      INFO("saved before step " << interrupted << ", now at " << i);
      require_same(step(resumed, model, i), step(whole, model, i));
    }
  }
}

TEST_CASE("time goes on where it was", "[monitor][state]") {
  SmallGPT model(11, 16, 1);
  model->eval();  // no dropout: two forwards are one
  Monitor whole(model, options());
  const double before = step(whole, model, 0).front().time;
  Monitor resumed(model, options());
  load(resumed, saved(whole));
  REQUIRE(resumed.seconds() > 0);
  step(resumed, model, 2);
  step(resumed, model, 3);
  REQUIRE(step(resumed, model, 4).front().time > before);
}

TEST_CASE("a state of other settings is refused and nothing changes", "[monitor][state]") {
  SmallGPT model(11, 16, 2);
  model->eval();  // no dropout: two forwards are one
  Monitor whole(model, options());
  step(whole, model, 2);
  Monitor same(model, options());
  step(same, model, 2);
  const auto refused = [&](MonitorOptions other, const std::string& text) {
    Monitor monitor(model, std::move(other));
    REQUIRE_THROWS_MATCHES(load(monitor, saved(whole)), infoplane::ArgumentError,
                           MessageMatches(ContainsSubstring(text)));
  };
  refused(options().every(5),
          "here every 5, window 3, input orders 1, 2, output orders 1, 2, sites embedding, blocks.0, blocks.1; there "
          "every 4, window 3");
  refused(options().sites("blocks.*"), "sites blocks.0, blocks.1; there");
  refused(options().labels(infoplane::labels::LabelOptions().input_orders({1})), "input orders 1, output");
  refused(options().estimator(infoplane::estimator::SoftEntropyOptions().seed(2)), "seed (2 and 0)");

  const std::string bytes = saved(whole);
  for (std::size_t i = 0; i < 60; ++i) {
    REQUIRE_THROWS_AS(load(same, bytes.substr(0, bytes.size() * i / 60)), infoplane::IoError);
  }
  std::ostringstream accumulator;
  infoplane::estimator::SoftEntropyAccumulator(16).save(accumulator);
  REQUIRE_THROWS_MATCHES(load(same, accumulator.str()), infoplane::IoError,
                         MessageMatches(ContainsSubstring("\"accumulator\", not \"monitor\"")));
  for (const std::int64_t i : {3, 4}) {
    require_same(step(same, model, i), step(whole, model, i));
  }
}

TEST_CASE("a hostile state gives an error or a monitor that works", "[monitor][state]") {
  SmallGPT model(11, 16, 1);
  model->eval();
  const auto small = options().estimator(infoplane::estimator::SoftEntropyOptions().anchors(4));
  Monitor monitor(model, small);
  step(monitor, model, 2);
  const std::string bytes = saved(monitor);
  int loaded = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Monitor target(model, small);
    try {
      load(target, infoplane::estimator::mutated(bytes, "monitor", 4, seed));
    } catch (const infoplane::Error&) {
      ++refused;
      REQUIRE(target.memory_bytes() == Monitor(model, small).memory_bytes());
      continue;
    }
    ++loaded;
    try {
      step(target, model, 3);
    } catch (const infoplane::Error& error) {  // of another width, or of a step that was
      REQUIRE(std::string(error.what()).size() > 10);
    }
    REQUIRE_FALSE(saved(target).empty());
  }
  REQUIRE(refused > 2000);
  REQUIRE(loaded > 4);
}

namespace {

/// The content that version 1 had: of one width, without what was dropped, axes, where a
/// forward ends, and the window.
std::string as_version_1(const std::string& bytes) {
  std::istringstream in(bytes);
  const std::string content = infoplane::state::read(in, "monitor", 4).bytes;
  infoplane::state::Reader reader(content);
  infoplane::state::Writer writer;
  const auto copy = [&]<typename T>(T value) {
    writer.put(value);
    return value;
  };
  writer.put_text(reader.get_text());
  copy(reader.get<double>());
  copy(reader.get<double>());
  reader.get_flag();
  for (auto sites = reader.get<std::uint32_t>(); sites > 0; --sites) {
    reader.get_text();
    reader.get_text();
    reader.get<std::uint8_t>();
    reader.get_flag();
  }
  for (auto stacks = reader.get<std::uint32_t>(); stacks > 0; --stacks) {
    reader.get_text();
    reader.get_flag();
  }
  reader.get_text();
  reader.get<std::int64_t>();
  reader.get_flag();
  reader.get_flag();
  for (int split = 0; split < 2; ++split) {
    const auto widths = reader.get<std::uint32_t>();
    REQUIRE(widths <= 1);
    writer.put(widths == 0 ? std::int64_t{0} : reader.get<std::int64_t>());
    writer.put_text(reader.get_text());
    copy(reader.get<std::int64_t>());
    copy(reader.get<std::int64_t>());
    for (int number = 0; number < 3; ++number) {
      reader.get<std::int64_t>();
    }
    reader.get_flag();
    for (int number = 0; number < 7 * 4; ++number) {
      reader.get<std::int64_t>();
    }
    for (auto sets = copy(reader.get<std::uint32_t>()); sets > 0; --sets) {
      writer.put_text(reader.get_text());
    }
    for (auto layers = copy(reader.get<std::uint32_t>()); layers > 0; --layers) {
      writer.put_text(reader.get_text());
      copy(reader.get<std::int64_t>());
      reader.get<std::uint32_t>();
      writer.put_text(reader.get_text());
    }
  }
  reader.get<std::uint32_t>();  // no centres of either split
  reader.get<std::uint32_t>();
  reader.end();
  std::ostringstream out;
  infoplane::state::write(out, "monitor", 1, writer.content());
  return out.str();
}

}  // namespace

TEST_CASE("a state of version 1 goes on to the same bits", "[monitor][state]") {
  SmallGPT model(11, 16, 2);
  model->eval();
  Monitor whole(model, options());
  for (std::int64_t i = 0; i < 7; ++i) {  // inside a window
    step(whole, model, i);
  }
  Monitor resumed(model, options());
  load(resumed, as_version_1(saved(whole)));
  for (std::int64_t i = 7; i <= 12; ++i) {
    require_same(step(resumed, model, i), step(whole, model, i));
  }
}

TEST_CASE("no state inside an observation", "[monitor][state]") {
  SmallGPT model(11, 16, 1);
  model->eval();  // no dropout: two forwards are one
  Monitor monitor(model, options());
  const std::string empty = saved(monitor);
  const auto tokens = tokens_at(0);
  const auto observation = monitor.observe(0, tokens);
  REQUIRE_THROWS_MATCHES(saved(monitor), infoplane::StateError,
                         Message("save() inside an observation: let the observation end first"));
  REQUIRE_THROWS_MATCHES(load(monitor, empty), infoplane::StateError,
                         Message("load() inside an observation: let the observation end first"));
}

TEST_CASE("a state goes from one locale of the program to another", "[monitor][state][locale]") {
  SmallGPT model(11, 16, 1);
  model->eval();
  const auto rare = options().every(2000).window(1500);
  Monitor monitor(model, rare);
  step(monitor, model, 2000);
  const std::string plain = saved(monitor);
  std::string there;
  {
    const OddLocale odd;
    there = saved(monitor);
    Monitor target(model, rare);
    load(target, plain);
    load(target, there);
  }
  Monitor target(model, rare);
  load(target, there);
  REQUIRE(there.size() == plain.size());
}

TEST_CASE("one damaged byte of a state is found, and nothing changes", "[monitor][state]") {
  SmallGPT model(11, 16, 1);
  model->eval();
  Monitor monitor(model, options());
  step(monitor, model, 2);
  const std::string whole = saved(monitor);
  Monitor target(model, options());
  const auto before = saved(target).size();
  for (std::size_t i = 0; i < whole.size(); i += 1 + whole.size() / 2000) {
    CAPTURE(i);
    auto damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
    REQUIRE_THROWS_AS(load(target, damaged), infoplane::IoError);
  }
  REQUIRE(saved(target).size() == before);
}
