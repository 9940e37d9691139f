#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/report/report.hpp>

#include "report/made_run.hpp"
#include "report/markup.hpp"

// The planes of the context and of what goes through the input, and where complexity lies.
using Catch::Matchers::ContainsSubstring;
using infoplane::report::html_report;
using infoplane::report::run_summary;
using samples::count;
using samples::made_run;

namespace {

/// A run whose layers forget the last token while they take in more of the pair and of the context.
infoplane::report::ReportRun run_with_context() {
  auto run = made_run();
  const auto add = [](infoplane::plane::Metrics& metrics, double t) {
    metrics["I(X;Z)/input_unigram"] = 0.35 - 0.15 * t;
    metrics["I(X;Z)/input_bigram"] = 0.36 + 0.02 * t;
    metrics["I(Y;Z)/output_bigram"] = 0.2;
    metrics["I(X;Z)/input_bigram|unigram"] = 0.01 + 0.17 * t;
    metrics["I(X;Z)/context"] = 0.4 + 0.1 * t;
    metrics["I(X;Z)/context|bigram"] = 0.04 + 0.08 * t;
    metrics["share/output_unigram"] = 0.3;
    metrics["share/output_bigram"] = 0.4;
    metrics["I(Y;Z)/through_unigram"] = 0.1 - 0.05 * t;
    metrics["optimality_through/unigram"] = 0.3;
    metrics["I(Y;Z)/from_context_unigram"] = 0.05 + 0.05 * t;
    metrics["efficiency/unigram"] = 0.5;
  };
  for (auto& point : run.file.points) {
    const double t = static_cast<double>(point.step) / 1000;
    add(point.mean, t);
    for (auto& layer : point.layers) {
      add(layer.metrics, t);
    }
  }
  return run;
}

}  // namespace

TEST_CASE("a page has three planes of an order, and the bands of each layer", "[report][views]") {
  const auto page = html_report({run_with_context()});
  // Of unigrams the paper's, the context's and that through the input, of bigrams without the last: on two splits.
  CHECK(count(page, "data-kind=\"plane\"") == 2 * (3 + 2));
  CHECK(count(page, "data-kind=\"bands\"") == 3);  // the mean and two layers
  CHECK(count(page, "All that was read, and the next token") == 1);
  CHECK(count(page, "Through the last token alone") == 1);
  CHECK(count(page, "what is kept about all that was read →") == 4);
  CHECK(count(page, "about what comes next, by the input alone →") == 2);
  CHECK(count(page, "the rest of the context") == 3 + 3);  // drawn, and said in words
  for (const auto* panel : {">Context</text>", ">Share of the context</text>", ">Through the input</text>",
                            ">From the context</text>", ">Efficiency</text>"}) {
    CAPTURE(panel);
    CHECK(count(page, panel) >= 1);
  }
}

TEST_CASE("the sentence on top says whether the token, the pair or the context was forgotten", "[report][views]") {
  const auto sentences = run_summary(run_with_context());
  CHECK_THAT(sentences.at(0), ContainsSubstring("about the last token that it read"));
  CHECK_THAT(sentences.at(1), ContainsSubstring("less and less is kept about the last token since step") &&
                                  ContainsSubstring("more and more is kept about the last pair of tokens") &&
                                  ContainsSubstring("more and more is kept about all that was read (0.400 to 0.500)"));
}

TEST_CASE("a run of version 0.1 has the paper's plane, as before", "[report][views]") {
  const auto page = html_report({made_run()});
  CHECK(count(page, "data-kind=\"plane\"") == 2);
  CHECK(count(page, "data-kind=\"bands\"") == 0);
  CHECK(count(page, "about the last token that it read") == 0);
  CHECK_THAT(run_summary(made_run()).at(0), ContainsSubstring("the text that it read"));
}
