#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <fstream>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/console_sink.hpp>
#include <infoplane/sinks/progress_line.hpp>
#include <limits>
#include <sstream>

#include "core/text.hpp"
#include "report/markup.hpp"
#include "runs/samples.hpp"
#include "sinks/capture.hpp"

using Catch::Matchers::Message;
using infoplane::ConsoleSink;
using infoplane::ConsoleSinkOptions;
using infoplane::ProgressLine;
using infoplane::ProgressLineOptions;
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
  header.run = "\x1b[2Jrun\n";
  header.calibration = "\x07";
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

namespace {

struct Progress {
  explicit Progress(ProgressLineOptions options, std::int64_t total = 1600)
      : line(total, options.output(&out).clock([this] { return now; })) {}

  /// What an update at that second writes.
  std::string at(double seconds, std::int64_t done, const std::string& note = "") {
    now = seconds;
    out.str("");
    line.update(done, note);
    return out.str();
  }

  double now = 0;
  std::ostringstream out;
  ProgressLine line;
};

}  // namespace

TEST_CASE("on a terminal the progress line rewrites itself", "[sinks]") {
  Progress progress(ProgressLineOptions().terminal(true));
  REQUIRE(progress.at(0, 0).empty());
  REQUIRE(progress.at(0.05, 1).empty());
  REQUIRE(progress.at(2, 40) == "\r\x1b[Kstep   40/1600    2 %  20.0 steps/s  1:18 left");
  REQUIRE(progress.at(2.05, 41).empty());
  REQUIRE(progress.at(10, 80, "loss 2.04") == "\r\x1b[Kstep   80/1600    5 %  8.00 steps/s  3:10 left  loss 2.04");
  REQUIRE(progress.at(11, 80, std::string(35, 'x') + "λλλλ").size() <= 3 + 1 + 79);
  const auto wide = progress.at(12, 81, "файл \x1b[0m\n" + std::string(30, '-') + "ы");
  REQUIRE(samples::count(wide, "\n") == 0);
  REQUIRE(samples::count(wide, "\x1b") == 1);  // that of the line itself
  REQUIRE(infoplane::text::columns(wide) == 79 + 4);
  progress.out.str("");
  progress.line.finish();
  progress.line.finish();
  REQUIRE(progress.out.str() == "\r\x1b[K");
}

TEST_CASE("the rate is that of the last 30 seconds and begins where the loop does", "[sinks]") {
  Progress progress(ProgressLineOptions().terminal(true), 1'000'000);
  progress.at(0, 5000);
  for (int second = 1; second <= 100; ++second) {
    progress.at(second, 5000 + second);
  }
  REQUIRE(progress.at(101, 5101) == "\r\x1b[Kstep    5101/1000000    0 %  1.00 steps/s  276:21:39 left");
  for (int second = 102; second <= 140; ++second) {
    progress.at(second, 5101 + 10 * (second - 101));
  }
  REQUIRE(progress.at(141, 5501) == "\r\x1b[Kstep    5501/1000000    0 %  10.0 steps/s  27:37:30 left");
}

TEST_CASE("elsewhere the progress is a plain line every so often, or nothing", "[sinks]") {
  Progress plain(ProgressLineOptions().terminal(false));
  REQUIRE(plain.at(0, 0).empty());
  REQUIRE(plain.at(9.9, 99).empty());
  REQUIRE(plain.at(10, 100) == "step  100/1600    6 %  10.0 steps/s  2:30 left\n");
  REQUIRE(plain.at(19, 190).empty());
  plain.line.finish();
  REQUIRE(plain.out.str().empty());
  Progress quiet(ProgressLineOptions().terminal(true).quiet(true));
  quiet.at(0, 0);
  REQUIRE(quiet.at(100, 500).empty());
  Progress none(ProgressLineOptions().terminal(false).plain_seconds(0));
  none.at(0, 0);
  REQUIRE(none.at(100, 500).empty());
}

TEST_CASE("progress options that cannot work are refused", "[sinks]") {
  REQUIRE_THROWS_MATCHES(ProgressLine(0), infoplane::ArgumentError,
                         Message("a progress line needs a total of at least 1 step, got 0"));
  REQUIRE_THROWS_MATCHES(ProgressLine(1, ProgressLineOptions().plain_seconds(-1)), infoplane::ArgumentError,
                         Message("a progress line cannot wait for 0.1 or -1 seconds: neither may be negative"));
}
