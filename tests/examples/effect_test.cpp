// What the options do to a run, as its run file tells it.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <infoplane/runs/run_file.hpp>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "program.hpp"
#include "small_run.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using examples_test::Program;
using examples_test::sentences;
using examples_test::small_run;
using examples_test::TemporaryFolder;

namespace {

struct Run {
  std::string out;
  infoplane::RunFile file;

  double first_loss() const { return file.points.front().loss; }
  std::int64_t last_step() const { return file.points.back().step; }
};

Run run(const std::vector<std::string>& arguments) {
  Program program(INFOPLANE_TRAIN_TEXT, arguments);
  const auto outcome = program.finish();
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  REQUIRE(outcome.err.empty());
  return {outcome.out, infoplane::read_run_file(program.file("run.jsonl"))};
}

std::vector<double> losses(const Run& run) {
  std::vector<double> found;
  for (const auto& point : run.file.points) {
    found.push_back(point.loss);
  }
  return found;
}

std::vector<std::int64_t> train_steps(const Run& run) {
  std::vector<std::int64_t> found;
  for (const auto& point : run.file.split("train")) {
    found.push_back(point.step);
  }
  return found;
}

// Tokens 0 … 7 in turn, little-endian.
std::string tokens_of_eight(std::size_t number) {
  std::string bytes;
  for (std::size_t i = 0; i < number; ++i) {
    bytes += static_cast<char>(i % 8);
    bytes += '\0';
  }
  return bytes;
}

}  // namespace

TEST_CASE("--out is where the run file goes, in place of an older one", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  const auto out = folder.write("elsewhere/b.jsonl", "an older file").string();
  Program program(INFOPLANE_TRAIN_TEXT, small_run(text, {"--steps", "2", "--out", out}));
  const auto outcome = program.finish();
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  REQUIRE_FALSE(std::filesystem::exists(program.file("run.jsonl")));
  REQUIRE(infoplane::read_run_file(out).points.size() == 2);
  REQUIRE_THAT(outcome.out, ContainsSubstring("run file " + out));
}

TEST_CASE("--steps and --every are the steps of the points", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  const auto done = run(small_run(text, {"--steps", "21", "--every", "7"}));
  REQUIRE(done.file.header.every == 7);
  REQUIRE(train_steps(done) == std::vector<std::int64_t>{0, 7, 14, 21});
}

TEST_CASE("--window is the number of steps whose tokens make a point", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  for (const std::int64_t window : {1, 4}) {
    const auto done = run(small_run(text, {"--steps", "20", "--every", "10", "--window", std::to_string(window)}));
    REQUIRE(done.file.header.window == window);
    REQUIRE(done.file.split("train").back().tokens == window * 2 * 8);
  }
  // Never longer than the steps between two points.
  REQUIRE(run(small_run(text, {"--steps", "3", "--every", "2", "--window", "50"})).file.header.window == 2);
}

TEST_CASE("--seed decides weights and batches", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  const auto with_seed = [&](const char* seed) {
    return losses(run(small_run(text, {"--steps", "10", "--every", "5", "--threads", "1", "--seed", seed})));
  };
  const auto one = with_seed("1");
  REQUIRE(one.size() == 6);
  REQUIRE(with_seed("1") == one);
  const auto two = with_seed("2");
  for (std::size_t i = 0; i < one.size(); ++i) {
    REQUIRE(two[i] != one[i]);
  }
}

TEST_CASE("--stop ends a run that without it goes on and says when it would have", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  // A model that does not learn does not improve either.
  std::vector<std::string> arguments{"--steps", "500", "--every", "20", "--lr", "1e-12"};
  const auto unstopped = run(small_run(text, arguments));
  REQUIRE(unstopped.last_step() == 500);
  REQUIRE_THAT(unstopped.out, ContainsSubstring("would have stopped at step "));
  arguments.emplace_back("--stop");
  const auto stopped = run(small_run(text, arguments));
  REQUIRE(stopped.last_step() >= 200);
  REQUIRE(stopped.last_step() < 500);
  REQUIRE_THAT(stopped.out, ContainsSubstring("stopped at step " + std::to_string(stopped.last_step())));
  REQUIRE_THAT(unstopped.out, ContainsSubstring("have stopped at step " + std::to_string(stopped.last_step())));

  // In which phase each block was: a line for each layer, from the first step to the last.
  const auto last = "–" + std::to_string(stopped.last_step());
  const auto heading = stopped.out.find("Phases of the held-out complexity, unigrams");
  REQUIRE(heading != std::string::npos);
  std::istringstream lines(stopped.out.substr(heading));
  std::string line;
  std::getline(lines, line);
  for (const auto& site : stopped.file.header.sites) {
    std::getline(lines, line);
    CAPTURE(line);
    REQUIRE(line.starts_with(site + " "));
    REQUIRE_THAT(line, ContainsSubstring(" 0–"));
    REQUIRE_THAT(line, ContainsSubstring(last));
  }
  // Which step was best: the lowest held-out loss but for what the rule asks an improvement to be.
  const std::string best = "Best step by the rule: ";
  const auto at = stopped.out.find(best);
  REQUIRE(at != std::string::npos);
  const auto step = std::stoll(stopped.out.substr(at + best.size()));
  REQUIRE_THAT(stopped.out, ContainsSubstring(" since step " + std::to_string(step)));
  bool found = false;
  infoplane::plane::Point lowest;
  lowest.loss = std::numeric_limits<double>::infinity();
  double best_loss = 0;
  for (const auto& point : stopped.file.split("heldout")) {
    lowest = point.loss < lowest.loss ? point : lowest;
    if (point.step == step) {
      found = true;
      best_loss = point.loss;
      std::array<char, 64> loss{};
      std::snprintf(loss.data(), loss.size(), "with a held-out loss of %.4f", point.loss);
      REQUIRE_THAT(stopped.out, ContainsSubstring(std::to_string(step) + ", " + loss.data()));
    }
  }
  REQUIRE(found);
  // Where a lower one was seen, why that is not the best.
  std::array<char, 128> words{};
  std::snprintf(words.data(), words.size(),
                "The lowest is %.4f, at step %lld: better, but not by the 0.5 %% that count", lowest.loss,
                static_cast<long long>(lowest.step));
  REQUIRE((stopped.out.find(words.data()) != std::string::npos) == (lowest.loss < best_loss));
}

TEST_CASE("--limit is how much of the text is trained on", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", std::string(10000, 'x')).string();
  REQUIRE_THAT(run(small_run(text, {"--steps", "1", "--limit", "1600"})).out,
               ContainsSubstring("1600 tokens to train on, 1000 held out"));
  REQUIRE_THAT(run(small_run(text, {"--steps", "1", "--limit", "0"})).out,
               ContainsSubstring("9000 tokens to train on, 1000 held out"));
}

TEST_CASE("--text is what is trained on", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  const auto other = folder.write("b.txt", std::string(1000, 'x')).string();
  const auto done = run(small_run(text, {"--steps", "100", "--every", "100"}));
  REQUIRE_THAT(done.out, ContainsSubstring(text + ": 4050 tokens to train on, 450 held out"));
  REQUIRE(std::get<std::string>(done.file.header.config.at("text")) == text);
  REQUIRE_THAT(done.first_loss(), WithinAbs(std::log(256.0), 0.2));
  // One letter over and over is learnt by far better.
  const auto easy = run(small_run(other, {"--steps", "100", "--every", "100"}));
  REQUIRE(easy.file.points.back().loss < 0.5 * done.file.points.back().loss);
}

TEST_CASE("--tokens is what is trained on, with the vocabulary that it needs or is told", "[examples][program]") {
  const TemporaryFolder folder;
  const auto file = folder.write("t.bin", tokens_of_eight(1000)).string();
  const auto own = run(small_run(file, {"--steps", "1"}, "--tokens"));
  REQUIRE_THAT(own.out, ContainsSubstring(file + ": 900 tokens to train on, 100 held out"));
  REQUIRE(std::get<std::string>(own.file.header.config.at("text")) == file);
  REQUIRE_THAT(own.first_loss(), WithinAbs(std::log(8.0), 0.2));
  const auto told = run(small_run(file, {"--steps", "1", "--vocabulary", "1000"}, "--tokens"));
  REQUIRE_THAT(told.first_loss(), WithinAbs(std::log(1000.0), 0.2));
}

TEST_CASE("the sizes of model and batch are as asked for", "[examples][program]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  const auto done = run({"--text", text, "--steps", "1", "--every", "1", "--width", "24", "--layers", "2", "--heads",
                         "3", "--batch", "3", "--context", "10", "--lr", "0.5"});
  REQUIRE(done.file.header.width == 24);
  REQUIRE(done.file.header.sites == std::vector<std::string>{"embedding", "blocks.0", "blocks.1"});
  REQUIRE(done.file.split("train").back().tokens == 3 * 10);
  REQUIRE(std::get<double>(done.file.header.config.at("learning_rate")) == 0.5);
}
