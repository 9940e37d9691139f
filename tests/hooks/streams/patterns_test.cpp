// Patterns match exactly the names that describe() prints, before the first forward as after it.
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>

#include "hooks/streams/streams.hpp"

using namespace infoplane::streams;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::Monitor;
using infoplane::MonitorOptions;

namespace {

using Names = std::vector<std::string>;

struct Translator : Traced {
  Translator() {
    source = register_module("source", embedding());
    target = register_module("target", embedding());
    transformer = register_module(
        "transformer", nn::Transformer(nn::TransformerOptions(kWidth, 2, 2, 2).dim_feedforward(16).dropout(0.0)));
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) override {
    return head(transformer(source(tokens.t()), target(tokens.slice(1, 0, 4).t())));
  }
  nn::Embedding source{nullptr}, target{nullptr};
  nn::Transformer transformer{nullptr};
  nn::Linear head{nullptr};
};

const Names kEncoder = {"transformer.encoder.layers.0", "transformer.encoder.layers.1"};
const Names kDecoder = {"transformer.decoder.layers.embedding", "transformer.decoder.layers.0",
                        "transformer.decoder.layers.1"};

Names operator+(Names left, const Names& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Names names_of(const std::vector<Site>& sites) {
  Names names;
  for (const auto& site : sites) {
    names.push_back(site.name);
  }
  return names;
}

/// The names in the first column of the table.
Names printed(const Watcher& watcher) {
  Names names;
  std::istringstream lines(watcher.describe());
  bool in_table = false;
  for (std::string line; std::getline(lines, line);) {
    if (in_table) {
      names.push_back(line.substr(0, line.find(' ')));
    }
    in_table = in_table || line.starts_with("site ");
  }
  return names;
}

/// What a pattern chooses, the same before the first forward, in it, after it, and in the next.
Names chosen(const Names& patterns) {
  Translator model;
  Watcher watcher(model, WatchOptions().sites(patterns));
  const auto names = names_of(watcher.sites());
  REQUIRE(printed(watcher) == names);
  for (int pass = 0; pass < 2; ++pass) {
    Names captured;
    for (const auto& [site, stream] : observe(watcher, model).streams) {
      captured.push_back(site.name);
    }
    INFO(watcher.describe());
    REQUIRE_NOTHROW(watcher.verify());
    std::sort(captured.begin(), captured.end());
    auto sorted = names;
    std::sort(sorted.begin(), sorted.end());
    REQUIRE(captured == sorted);
    REQUIRE(names_of(watcher.sites()) == names);
    REQUIRE(printed(watcher) == names);
  }
  return names;
}

}  // namespace

TEST_CASE("an asterisk stands for any text of a site's name", "[streams]") {
  REQUIRE(chosen({"auto"}) == Names{"embedding"} + kEncoder + kDecoder);
  REQUIRE(chosen({"*decoder*"}) == kDecoder);
  REQUIRE(chosen({"*encoder*"}) == kEncoder);
  REQUIRE(chosen({"transformer.*"}) == kEncoder + kDecoder);
  REQUIRE(chosen({"transformer.decoder*"}) == kDecoder);
  REQUIRE(chosen({"transformer.decoder.*"}) == kDecoder);
  REQUIRE(chosen({"transformer.encoder.*"}) == kEncoder);
  REQUIRE(chosen({"*.layers.?"}) == kEncoder + Names{kDecoder[1], kDecoder[2]});
  REQUIRE(chosen({"*"}) == Names{"embedding"} + kEncoder + kDecoder);
  REQUIRE(chosen({"*embedding"}) == Names{"embedding", kDecoder[0]});
  REQUIRE(chosen({"blocks.*"}) == kEncoder);  // by order, of the first stack
}

TEST_CASE("each name that is printed is a pattern that matches itself alone", "[streams]") {
  for (const auto& name : Names{"embedding"} + kEncoder + kDecoder) {
    REQUIRE(chosen({name}) == Names{name});
  }
}

TEST_CASE("a pattern of norms names what enters them", "[streams]") {
  REQUIRE(chosen({"transformer.decoder.layers.*.norm3"}) ==
          Names{"transformer.decoder.layers.0.norm3", "transformer.decoder.layers.1.norm3"});
  REQUIRE(chosen({"transformer.*.norm"}) == Names{kEncoder[1], kDecoder[2]});
}

TEST_CASE("a monitor refuses a pattern that matches nothing, when it is made", "[streams]") {
  Translator model;
  for (const auto* pattern :
       {"blocks.*.ln1", "transformer.layers.*", "decoder", "transformer.decoder.layers.7", "*.x"}) {
    INFO(pattern);
    REQUIRE_THROWS_MATCHES(
        Monitor(model, MonitorOptions().sites({"embedding", pattern})), infoplane::SiteError,
        MessageMatches(ContainsSubstring(std::string("MonitorOptions::sites: \"") + pattern +
                                         "\" matches no site and no norm of the model. Its sites are "
                                         "\"embedding\", \"transformer.encoder.layers.0\"")));
  }
  REQUIRE_NOTHROW(Monitor(model, MonitorOptions().sites({"embedding"}).taps("decoder")));
  REQUIRE_NOTHROW(Monitor(model, MonitorOptions().sites("*.norm?").pipeline(true)));
  REQUIRE_NOTHROW(Monitor(MonitorOptions().sites("anything")));
  REQUIRE_THROWS_MATCHES(Monitor(model, MonitorOptions().blocks("stages.*")), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("WatchOptions::blocks(\"stages.*\") matches no module")));
}

TEST_CASE("a monitor takes the choice of the blocks", "[streams]") {
  Translator model;
  const auto names = [&](const MonitorOptions& options) { return names_of(Monitor(model, options).sites()); };
  REQUIRE(names(MonitorOptions().blocks("transformer.encoder.layers.*")) == Names{"embedding"} + kEncoder);
  REQUIRE(names(MonitorOptions().blocks("transformer.decoder.layers.*")) ==
          Names{"embedding", kDecoder[1], kDecoder[2]});
  REQUIRE(names(MonitorOptions().blocks("transformer.*.layers.*")) == Names{"embedding"} + kEncoder + kDecoder);
}

TEST_CASE("taps that a monitor is told of come beside the sites of the model", "[streams]") {
  struct Tapping : Translator {
    Tensor forward(const Tensor& tokens) override {
      infoplane::tap("lookups", source(tokens));
      return Translator::forward(tokens);
    }
  };
  Tapping model;
  Monitor monitor(model, MonitorOptions().every(1).sites("transformer.encoder.layers.1").taps("lookups.*"));
  const auto tokens = infoplane::zoo::batch(0).first;
  for (int64_t step = 0; step < 2; ++step) {
    const auto observation = monitor.observe(step, tokens);
    model.forward(tokens);
    const auto point = monitor.end_step(step);
    REQUIRE(point.has_value());
    REQUIRE(point->layers.size() == 2);
    REQUIRE(point->layers[0].name == "transformer.encoder.layers.1");
    REQUIRE(point->layers[1].name == "lookups.0");
    REQUIRE(point->mean.at("H(Z)") == point->layers[0].metrics.at("H(Z)"));
  }
}
