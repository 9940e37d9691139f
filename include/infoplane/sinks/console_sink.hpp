#pragma once

#include <infoplane/core/option.hpp>
#include <infoplane/sinks/sink.hpp>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace infoplane::sinks {

/// A borrowed stream, as an option's type.
using Output = std::ostream*;

/// What a `ConsoleSink` prints, and where.
struct ConsoleSinkOptions {
  /// Borrowed for the life of the sink; null: std::cout.
  INFOPLANE_ARG(Output, output) = nullptr;
  /// Keys of Point::mean to show, as they are given: a plug-in value says that it is one, those that a point lacks are
  /// shown as "-". Empty: complexity, expressivity, optimality and distance of unigrams, and their gap to the IB curve
  /// in points that have it, as plane::shown_metric chooses them (corrected values where the point has them).
  INFOPLANE_ARG(std::vector<std::string>, metrics) = {};
  /// Writes nothing at all.
  INFOPLANE_ARG(bool, quiet) = false;
  /// Whether to erase a progress line first; without a value, whether the output is a terminal.
  INFOPLANE_ARG(std::optional<bool>, terminal) = std::nullopt;
};

/// Writes one line a point, each readable without those above it:
///
///     step   800  heldout  loss 2.0431  complexity  0.2840  expressivity  0.1221  optimality  0.4300  distance  0.5700
class ConsoleSink final : public Sink {
 public:
  /// Writes to the output of the options.
  explicit ConsoleSink(ConsoleSinkOptions options = {});

  /// What it was made with.
  const ConsoleSinkOptions& options() const noexcept { return options_; }

 protected:
  /// Writes what the points belong to.
  void write_header(const runs::RunHeader& header) override;
  /// Writes a point.
  void write_point(const plane::Point& point) override;
  /// Hands on what is held back.
  void flush_output() override;

 private:
  void write_text(const std::string& text);

  ConsoleSinkOptions options_;
  std::ostream* output_;
  bool terminal_;
  bool defaults_;
};

/// What a line of the console calls a metric: "complexity" for `I(X;Z)/input_unigram`, "expressivity bigram" for
/// `I(Y;Z)/output_bigram`, "optimality" for `optimality/unigram`; other keys as they are, all without "/corrected".
std::string metric_heading(const std::string& key);

}  // namespace infoplane::sinks

namespace infoplane {
using sinks::ConsoleSink;
using sinks::ConsoleSinkOptions;
}  // namespace infoplane
