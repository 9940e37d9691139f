#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/report/report.hpp>
#include <infoplane/sinks/sink.hpp>
#include <memory>
#include <string>
#include <vector>

namespace infoplane::sinks {

/// How often an `HtmlSink` draws its page, and what is on it.
struct HtmlSinkOptions {
  /// Title of the page; empty: the run's name.
  INFOPLANE_ARG(std::string, title);
  /// Seconds between two pages at least.
  INFOPLANE_ARG(double, seconds) = 30;
  /// Points between two pages at least.
  INFOPLANE_ARG(std::int64_t, points) = 1;
  /// For a resumed run: the run file whose points come before those of this start. Empty: none.
  INFOPLANE_ARG(std::string, run_file);
  /// IB curves of the data, see report_curve.
  INFOPLANE_ARG(std::vector<report::ReportCurve>, curves) = {};
};

/// Keeps a run's report (see html_report) up to date while the run trains: one self-contained page, which a browser
/// that shows it loads again by itself.
///
/// The page is there once the sink is open, and is replaced as a whole, so that a reader never sees half of one. It is
/// drawn with the point that comes when `seconds` and `points` have passed, on flush() and on close(), and with the
/// sink's end. Drawing takes 1 % of the time at most: a page that took a second is left alone for 100. Of long runs,
/// few points keep their layers in memory.
class HtmlSink final : public Sink {
 public:
  /// @throws ArgumentError if seconds is negative or not finite, or points is below 1.
  /// IoError from open() if the page cannot be written, if the path holds something else than a page, is a pipe, or is
  /// written by another sink, or if the run file cannot be read.
  explicit HtmlSink(std::string path, HtmlSinkOptions options = {});
  ~HtmlSink() override;
  HtmlSink(HtmlSink&& other) noexcept;

 protected:
  void open_output() override;
  /// Writes what the points belong to.
  void write_header(const runs::RunHeader& header) override;
  /// Writes a point.
  void write_point(const plane::Point& point) override;
  /// Hands on what is held back.
  void flush_output() override;
  /// Ends the output.
  void close_output() override;

 private:
  struct Page;

  std::string path_;
  HtmlSinkOptions options_;
  std::unique_ptr<Page> page_;  // once it is open
};

}  // namespace infoplane::sinks

namespace infoplane {
using sinks::HtmlSink;
using sinks::HtmlSinkOptions;
}  // namespace infoplane
