#pragma once

#include <infoplane/runs/open_mode.hpp>
#include <infoplane/sinks/sink.hpp>
#include <memory>
#include <string>

namespace infoplane::sinks {

/// Writes a run as CSV in long form, a row a value, as pandas, R and spreadsheets group it:
///
///     run,split,step,tokens,time,loss,layer,metric,value
///     demo,heldout,800,16384,35.2,2.0431,blocks.0,optimality/unigram,0.43
///
/// The means over the blocks are rows of the layer "mean". Numbers read back as the same double; what is not finite is
/// "NaN", "Inf" and "-Inf". A text with a comma, quote, tabulator or line feed is quoted (RFC 4180). One
/// that a spreadsheet would run as a formula, because it begins with = + - @ (or their full-width forms), a tabulator
/// or a line's end, has an apostrophe in front; so has one that begins with apostrophes and then with one of these, so
/// that taking one apostrophe off such a cell gives the text back. Numbers have none: -0.5 stays a number. The rows of
/// a point are handed to the operating system as a whole. After a resume from a checkpoint a step may come twice: the
/// later rows hold.
class CsvSink final : public Sink {
 public:
  /// The file is opened by open(). IoError there if it cannot be, is not empty (kRefuse), does not start with the row
  /// of names or has a quote in its middle that is never closed (kAppend), or another sink writes it.
  explicit CsvSink(std::string path, runs::OpenMode mode = runs::OpenMode::kRefuse);
  ~CsvSink() override;
  CsvSink(CsvSink&& other) noexcept;

  /// The file that it writes: the path that was given, or with kNewName, once it is open, the name that was free.
  const std::string& path() const noexcept { return path_; }

 protected:
  void open_output() override;
  void write_header(const runs::RunHeader& header) override;
  void write_point(const plane::Point& point) override;
  void close_output() override;

 private:
  struct Table;

  std::string path_;
  runs::OpenMode mode_;
  std::unique_ptr<Table> table_;
};

}  // namespace infoplane::sinks

namespace infoplane {
using sinks::CsvSink;
}  // namespace infoplane
