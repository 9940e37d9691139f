#pragma once

#include <cstdint>
#include <infoplane/plane/point.hpp>
#include <infoplane/runs/run_header.hpp>
#include <memory>
#include <string>
#include <utility>

namespace infoplane::sinks {

/// Where the points of a run go: a front that locks, over virtuals that write.
///
/// The front may be called from several threads at once, and never throws: training goes on without its log. What a
/// virtual throws is counted, and the first of them told on stderr. Only open() throws. A closed pipe is such a failure
/// too: SIGPIPE and SIGXFSZ are held back from the calling thread meanwhile. Moving a sink is not thread-safe; a
/// moved-from sink takes calls and ignores them.
class Sink {
 public:
  virtual ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  Sink& operator=(Sink&&) = delete;

  /// Opens what the sink writes to: a sink that was only made touches no file. Monitor::add_sink does so, on rank 0; of
  /// a sink that nobody opened the first write() does. Opening again does nothing.
  /// @throws StateError after close(); else what the sink says of its output, and then it is still to be opened.
  void open();
  /// Tells what the points belong to; comes before the first of them.
  void write(const runs::RunHeader& header) noexcept;
  /// A point of the run that was told.
  void write(const plane::Point& point) noexcept;
  /// Hands on what is still held back.
  void flush() noexcept;
  /// Ends the sink. What is written afterwards counts as a failure; closing again does nothing.
  void close() noexcept;

  /// Such as "the JSON lines sink run.jsonl".
  const std::string& name() const noexcept { return name_; }
  /// Calls that failed.
  std::int64_t failures() const noexcept;
  /// What the first failure said; empty without one.
  std::string first_error() const;

 protected:
  /// `name` is what messages call it.
  explicit Sink(std::string name);
  Sink(Sink&& other) noexcept;

  /// One call at a time. What they throw ends in failures() and first_error(), but for what open() throws. The output
  /// may not be open where it is flushed or closed.
  virtual void open_output() {}
  /// Writes what the points belong to.
  virtual void write_header(const runs::RunHeader& header) = 0;
  /// Writes a point.
  virtual void write_point(const plane::Point& point) = 0;
  /// Hands on what is held back.
  virtual void flush_output() {}
  /// Ends the output.
  virtual void close_output() {}

  /// For open_output(), where only that knows the output's name.
  void rename(std::string name) { name_ = std::move(name); }

 private:
  struct State;
  void ensure_open();
  template <typename Work>
  void guarded(const Work& work) noexcept;

  std::string name_;
  std::unique_ptr<State> state_;
};

}  // namespace infoplane::sinks
