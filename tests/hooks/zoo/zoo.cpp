#include "hooks/zoo/zoo.hpp"

#include <filesystem>
#include <fstream>
#include <map>

namespace infoplane::zoo {

std::vector<Streams> RecordingMonitor::records;
std::vector<plane::Point> RecordingMonitor::points;
bool RecordingMonitor::recording = false;

std::pair<Tensor, Tensor> batch(int64_t step) {
  const auto position = at::arange(21, at::kLong);
  const auto tokens = position.mul(7 + step).add(position.square().mul(3)).remainder(kVocabulary).view({3, 7});
  return {tokens.slice(1, 0, 6).contiguous(), tokens.slice(1, 1).contiguous()};
}

Tensor loss_of(const Tensor& logits, const Tensor& targets) {
  return nn::functional::cross_entropy(logits.reshape({-1, logits.size(-1)}), targets.reshape({-1}));
}

nn::LayerNorm layer_norm() { return nn::LayerNorm(nn::LayerNormOptions({kWidth})); }
nn::Embedding embedding() { return nn::Embedding(kVocabulary, kWidth); }
nn::Linear output_head() { return nn::Linear(nn::LinearOptions(kWidth, kVocabulary).bias(false)); }

std::string numbered(const char* prefix, int64_t number) {
  std::string name(prefix);
  name.append(std::to_string(number));
  return name;
}

void witness(const std::string& site, const Tensor& stream) {
  if (!RecordingMonitor::recording) {
    return;
  }
  auto& truth = RecordingMonitor::records.back().truth;
  const auto known = [&](const auto& entry) { return entry.first == site; };
  if (std::none_of(truth.begin(), truth.end(), known)) {
    truth.emplace_back(site, stream.detach().clone());
  }
}

RecordingMonitor::Observation RecordingMonitor::record(infoplane::Observation observation) {
  records.emplace_back();
  recording = true;
  scope_.emplace(watcher_.observe(
      [](const hooks::Site& site, const Tensor& stream) { records.back().seen.emplace_back(site, stream.clone()); }));
  return {*this, std::move(observation)};
}

void RecordingMonitor::close() {
  scope_.reset();
  recording = false;
}

void RecordingMonitor::settle() {
  close();
  watcher_.rethrow_pending();
  watcher_.verify();
}

void RecordingMonitor::check(const std::optional<plane::Point>& point) {
  REQUIRE(point.has_value());
  points.push_back(*point);
  std::map<std::string, estimator::SoftEntropyAccumulator> direct;
  for (; first_of_step_ < records.size(); ++first_of_step_) {
    for (const auto& [site, stream] : records[first_of_step_].truth) {
      labels::Grouping none;
      none.positions = stream.numel() / stream.size(-1);
      direct.try_emplace(site, stream.size(-1)).first->second.update(stream, none);
    }
  }
  REQUIRE(point->layers.size() == direct.size());
  for (const auto& layer : point->layers) {
    INFO(layer.name);
    const auto& accumulator = direct.at(layer.name);
    const auto entropy = accumulator.estimate().entropy_nats / std::log(100.);
    REQUIRE(layer.metrics.at("H(Z)") == Catch::Approx(entropy).epsilon(1e-5));
  }
}

namespace {

Losses run(Losses (*train)()) {
  at::manual_seed(3);
  auto losses = train();
  losses.push_back(at::rand({1}).item<float>());  // the state of the generator
  return losses;
}

struct Lines {
  int loop = 0;
  int model = 0;
  int rescans = 0;
};

/// Lines that mention infoplane, a monitor or an observation, outside of comments, includes, namespaces and the test.
Lines added_lines(const char* file) {
  // The folder by itself: where a compiler cache rewrites paths, __FILE__ is relative to the build.
  std::ifstream source(std::filesystem::path(INFOPLANE_ZOO) / std::filesystem::path(file).filename());
  REQUIRE(source.good());
  Lines lines;
  for (std::string line; std::getline(source, line) && !line.starts_with("TEST_CASE");) {
    const auto code = line.substr(0, line.find("//"));
    const auto has = [&](const char* word) { return code.find(word) != std::string::npos; };
    if (code.starts_with("#include") || code.starts_with("namespace infoplane") || code.starts_with("template <")) {
      continue;
    }
    if (has("infoplane::") || has("INFOPLANE_") || has("hooks::") || has("tap(") || has("Watcher") || has("Scope")) {
      ++lines.model;
    } else if (has(".rescan()")) {
      ++lines.rescans;
    } else if (has("onitor") || has("bserv")) {
      ++lines.loop;
    }
  }
  return lines;
}

}  // namespace

void check(const char* file, Losses (*without)(), Losses (*with)(), Losses (*bare)(), const Promise& promise) {
  const auto plain = run(without);
  REQUIRE(plain == run(bare));
  const auto watched = run(with);
  REQUIRE(plain.size() == kSteps + 1);
  REQUIRE(plain == watched);

  REQUIRE(RecordingMonitor::records.size() == static_cast<std::size_t>(promise.observations));
  for (const auto& [seen, truth] : RecordingMonitor::records) {
    REQUIRE(seen.size() == truth.size());
    REQUIRE_FALSE(seen.empty());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const auto& [site, stream] = seen[i];
      INFO(site.name << " at " << site.source);
      REQUIRE(site.name == truth[i].first);
      const auto of_block = i + 1 == seen.size() ? promise.last.value_or(promise.blocks) : promise.blocks;
      REQUIRE(site.kind == (site.index < 0 ? promise.embedding : of_block));
      if (site.kind == hooks::SiteKind::kNormalisedStream) {
        REQUIRE(at::cosine_similarity(stream, truth[i].second, -1).min().item<double>() > 1 - 1e-5);
      } else {
        REQUIRE(at::equal(stream, truth[i].second));
      }
    }
  }
  RecordingMonitor::records.clear();

  const auto [loop, model, rescans] = added_lines(file);
  REQUIRE(loop == promise.lines);
  REQUIRE(loop <= 3);
  REQUIRE(model == promise.taps);
  REQUIRE(rescans == promise.rescans);
}

}  // namespace infoplane::zoo
