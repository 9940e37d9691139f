#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <infoplane/sinks/console_sink.hpp>
#include <limits>
#include <sstream>
#include <string>

#include "report/markup.hpp"
#include "runs/samples.hpp"
#include "sinks/capture.hpp"

using infoplane::ConsoleSink;
using infoplane::ConsoleSinkOptions;
using infoplane::sinks::metric_heading;

TEST_CASE("the console writes one aligned line a point", "[sinks]") {
  std::ostringstream out;
  ConsoleSink sink(ConsoleSinkOptions().output(&out));
  sink.write(samples::point(50));
  auto made = samples::point(1600, "heldout");
  made.loss = std::numeric_limits<double>::quiet_NaN();
  made.mean["distance/unigram"] = std::numeric_limits<double>::quiet_NaN();
  made.mean["I(Y;Z)/output_unigram"] = -0.01;
  made.mean.erase("optimality/unigram");
  sink.write(made);
  REQUIRE(out.str() ==
          "step    50  train    loss 2.0431  complexity (plug-in)  0.2500  expressivity (plug-in)  0.1000  "
          "optimality (plug-in)  0.4000  distance (plug-in)  0.6000\n"
          "step  1600  heldout  loss      -  complexity (plug-in)  0.2500  expressivity (plug-in) -0.0100  "
          "optimality       -  distance (plug-in)     nan\n");
}

TEST_CASE("the console shows the gap to the curve of the data where there is one", "[sinks]") {
  std::ostringstream out;
  ConsoleSink sink(ConsoleSinkOptions().output(&out));
  auto made = samples::point(50);
  made.mean["curve_gap/unigram"] = -0.0123;
  sink.write(made);
  REQUIRE(out.str().ends_with("  distance (plug-in)  0.6000  curve gap (plug-in) -0.0123\n"));
}

TEST_CASE("the console tells what the run is measured with", "[sinks]") {
  std::ostringstream out;
  ConsoleSink sink(ConsoleSinkOptions().output(&out));
  sink.write(samples::header());
  REQUIRE(out.str() ==
          "run tiny-gpt: 100 anchors, d 64, temperature 0.0370495 (exact), 2 ranks, every 50 steps, window 16\n"
          "  sites: embedding, blocks.0\n"
          "  label sets: input_unigram, output_unigram\n");
}

TEST_CASE("the metrics shown can be chosen", "[sinks]") {
  std::ostringstream out;
  ConsoleSink sink(ConsoleSinkOptions().output(&out).metrics({"H(Z)", "optimality/bigram"}));
  sink.write(samples::point(50));
  REQUIRE(out.str() == "step    50  train    loss 2.0431  H(Z) (plug-in)  0.9000  optimality bigram       -\n");
  REQUIRE(metric_heading("I(X;Z)/input_unigram") == "complexity");
  REQUIRE(metric_heading("I(X;Z)/input_bigram/corrected") == "complexity bigram");
  REQUIRE(metric_heading("I(Y;Z)/output_quadgram") == "expressivity quadgram");
  REQUIRE(metric_heading("regularity/input_unigram") == "regularity");
  REQUIRE(metric_heading("distance_of_means/unigram") == "distance_of_means/unigram");
  REQUIRE(metric_heading("I(X;Z)/preference") == "I(X;Z)/preference");
}

TEST_CASE("names cannot make the console do or say anything", "[sinks]") {
  std::ostringstream out;
  ConsoleSink sink(ConsoleSinkOptions().output(&out).metrics({"m\n1"}));
  auto header = samples::header();
  header.run = std::string("\x1b[2Jrun\n");
  header.calibration = std::string("\x07");  // GCC 12 sees an overlap in the assignment of a literal
  header.sites = {"слой.0",
                  "\xE2\x80\xAE"
                  "x"};
  header.label_sets = {"a\rb"};
  sink.write(header);
  auto made = samples::point(0,
                             "st\x1b"
                             "ream");
  made.mean["m\n1"] = 0.5;
  sink.write(made);
  REQUIRE(out.str() ==
          "run \\x1b[2Jrun\\n: 100 anchors, d 64, temperature 0.0370495 (\\x07), 2 ranks, every 50 steps, window 16\n"
          "  sites: слой.0, \\u202ex\n"
          "  label sets: a\\rb\n"
          "step     0  st\\x1bream  loss 2.0431  m\\n1  0.5000\n");
}

TEST_CASE("a failing sink is told on one line", "[sinks]") {
  const CaptureErrors errors;
  const samples::Folder folder;
  std::ofstream full("/dev/full");
  ConsoleSink sink(ConsoleSinkOptions().output(&full));
  sink.write(samples::point(50));
  REQUIRE(samples::count(errors.text(), "\n") == 1);
}

TEST_CASE("a quiet console is silent, one on a terminal erases the progress line first", "[sinks]") {
  std::ostringstream out;
  ConsoleSink quiet(ConsoleSinkOptions().output(&out).quiet(true));
  quiet.write(samples::header());
  quiet.write(samples::point(50));
  REQUIRE(out.str().empty());
  ConsoleSink terminal(ConsoleSinkOptions().output(&out).terminal(true));
  terminal.write(samples::point(50));
  REQUIRE(out.str().starts_with("\r\x1b[Kstep    50"));
}

TEST_CASE("a console that cannot be written to is a failing sink", "[sinks]") {
  const CaptureErrors errors;
  std::ofstream full("/dev/full");
  ConsoleSink sink(ConsoleSinkOptions().output(&full));
  sink.write(samples::point(50));
  sink.write(samples::point(100));
  REQUIRE(sink.failures() == 2);
  REQUIRE(sink.first_error() == "a line could not be written");
}

TEST_CASE("the console says of a point that it holds too little", "[sinks]") {
  std::ostringstream out;
  ConsoleSink sink(ConsoleSinkOptions().output(&out));
  auto made = samples::point(50);
  made.reasons["window"] = "points of the train split have 256 tokens";
  sink.write(made);
  REQUIRE(out.str().ends_with("\nnote: points of the train split have 256 tokens\n"));
}
