#include <algorithm>
#include <chrono>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/html_sink.hpp>
#include <utility>

#include "core/whole_file.hpp"
#include "runs/run_builder.hpp"

namespace infoplane::sinks {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::int64_t kLayerPoints = 400;  // more than a figure shows
constexpr double kLeastShare = 100;         // of the time between two pages, drawing is one part in so many

}  // namespace

struct HtmlSink::Page {
  Page(std::string page_path, HtmlSinkOptions page_options)
      : path(std::move(page_path)), options(std::move(page_options)), builder(runs.front().file, kLayerPoints) {
    runs.front().curves = options.curves();
  }

  std::string path;
  HtmlSinkOptions options;
  std::vector<report::ReportRun> runs = std::vector<report::ReportRun>(1);
  runs::RunBuilder builder;
  std::int64_t waiting = 0;  // points since the page was drawn
  Clock::time_point drawn;
  Seconds cost{0};

  void add(plane::Point point) {
    builder.add(std::move(point));
    ++waiting;
  }

  bool due() const {
    const Seconds passed = Clock::now() - drawn;
    return waiting >= options.points() && passed.count() >= std::max(options.seconds(), kLeastShare * cost.count());
  }

  void draw(bool training) {
    const auto start = Clock::now();
    const auto text = page(training);
    std::string reason;
    try {
      replace_file(path, text);
    } catch (const IoError& error) {
      reason = error.what();
    }
    drawn = Clock::now();
    cost = drawn - start;
    INFOPLANE_CHECK(reason.empty(), IoError, "the page ", path, " cannot be written: ", reason,
                    "; it is tried again with a later point");
    waiting = 0;
  }

 private:
  std::string page(bool training) {
    builder.settle();
    const auto refresh = static_cast<std::int64_t>(std::ceil(std::max(options.seconds(), 5.0)));
    return report::html_report(runs,
                               report::ReportOptions().title(options.title()).refresh_seconds(training ? refresh : 0));
  }
};

HtmlSink::HtmlSink(std::string path, HtmlSinkOptions options)
    : Sink("the HTML sink " + path), path_(std::move(path)), options_(std::move(options)) {
  INFOPLANE_CHECK(std::isfinite(options_.seconds()) && options_.seconds() >= 0, ArgumentError,
                  "a page was to be drawn every ", options_.seconds(), " seconds: give 0 or more");
  INFOPLANE_CHECK(options_.points() >= 1, ArgumentError, "a page was to be drawn every ", options_.points(),
                  " points: give at least 1");
}

void HtmlSink::open_output() {
  const auto target = find_target(path_);
  const bool file = target.kind == OutputTarget::Kind::kFile;
  const auto before = file ? first_bytes(path_, kKindBytes) : std::string();
  INFOPLANE_CHECK(before.empty() || before.starts_with("<!DOCTYPE html>"), IoError, path_,
                  " is there and is no page: give another path, or remove it");
  INFOPLANE_CHECK(target.kind != OutputTarget::Kind::kPipe, IoError, path_,
                  " is a pipe, in which no page can take the place of the one before: give the path of a file");
  auto page = std::make_unique<Page>(path_, options_);
  if (const auto& earlier = options_.run_file(); !earlier.empty()) {
    auto run = runs::read_run_file(earlier, runs::RunFileOptions().max_layer_points(kLayerPoints));
    page->builder.add(std::move(run.header));
    for (auto& header : run.resumed) {
      page->builder.add(std::move(header));
    }
    for (auto& point : run.points) {
      page->add(std::move(point));
    }
  }
  page->draw(true);
  page_ = std::move(page);
}

HtmlSink::~HtmlSink() { close(); }
HtmlSink::HtmlSink(HtmlSink&& other) noexcept = default;

void HtmlSink::write_header(const runs::RunHeader& header) {
  page_->builder.add(header);
  page_->draw(true);
}

void HtmlSink::write_point(const plane::Point& point) {
  page_->add(point);
  if (page_->due()) {
    page_->draw(true);
  }
}

void HtmlSink::flush_output() {
  if (page_ && page_->waiting > 0) {
    page_->draw(true);
  }
}

void HtmlSink::close_output() {
  if (page_) {
    page_->draw(false);
  }
}

}  // namespace infoplane::sinks
