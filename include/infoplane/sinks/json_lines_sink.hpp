#pragma once

#include <infoplane/runs/open_mode.hpp>
#include <infoplane/sinks/sink.hpp>
#include <memory>
#include <string>

namespace infoplane::sinks {

/// Writes a run as JSON lines: the header object, then one object a point; read_run_file reads it.
///
/// Each line is handed to the operating system as a whole when it is written, so a killed process leaves whole lines. A
/// write that fails half-way is taken back, so the file goes on with whole lines once there is room again. Any
/// JSON parser reads the lines: numbers are written so that they read back as the same double, those that JSON lacks as
/// the texts "NaN", "Infinity" and "-Infinity"; bytes that are not UTF-8 become U+FFFD.
///
/// Appending first drops a last line that a crash cut off, and writes the new start's header behind the old points. A
/// header with other anchors (see differing_fields) is refused, and with it all points that follow.
class JsonLinesSink final : public Sink {
 public:
  /// The file is opened by open(), and stays locked against other sinks until it is closed. IoError there if it cannot
  /// be opened, is not empty (kRefuse), is no run file (kAppend), or another sink writes it.
  explicit JsonLinesSink(std::string path, runs::OpenMode mode = runs::OpenMode::kRefuse);
  ~JsonLinesSink() override;
  JsonLinesSink(JsonLinesSink&& other) noexcept;

  /// The file that it writes: the path that was given, or with kNewName, once it is open, the name that was free.
  const std::string& path() const noexcept { return path_; }

 protected:
  void open_output() override;
  /// Writes what the points belong to.
  void write_header(const runs::RunHeader& header) override;
  /// Writes a point.
  void write_point(const plane::Point& point) override;
  /// Ends the output.
  void close_output() override;

 private:
  struct Run;

  std::string path_;
  runs::OpenMode mode_;
  std::unique_ptr<Run> run_;
};

}  // namespace infoplane::sinks

namespace infoplane {
using sinks::JsonLinesSink;
}  // namespace infoplane
