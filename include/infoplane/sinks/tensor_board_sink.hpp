#pragma once

#include <infoplane/core/option.hpp>
#include <infoplane/sinks/sink.hpp>
#include <memory>
#include <string>

namespace infoplane::sinks {

/// What a `TensorBoardSink` writes.
struct TensorBoardSinkOptions {
  /// Scalars of each layer too, not only of the mean over the blocks.
  INFOPLANE_ARG(bool, layers) = true;
};

/// Writes a run as TensorBoard event files, without TensorFlow: `tensorboard --logdir <folder>` shows it.
///
/// Each split is a run of its own in a folder below, `<folder>/train` and `<folder>/heldout`, so that TensorBoard lays
/// the two over one another. Tags: `loss`, `mean/<metric>`, `<layer>/<metric>`, such as `mean/optimality/unigram`; the
/// dashboard groups them by what stands before the first "/". Values are float32, the format's own precision. Each
/// start writes new files, as TensorBoard expects it of a resumed run. A point is handed to the operating system as a
/// whole.
class TensorBoardSink final : public Sink {
 public:
  /// The folder is made by open(). IoError there if it cannot be.
  explicit TensorBoardSink(const std::string& folder, TensorBoardSinkOptions options = {});
  ~TensorBoardSink() override;
  TensorBoardSink(TensorBoardSink&& other) noexcept;

 protected:
  void open_output() override;
  void write_header(const runs::RunHeader& header) override;
  void write_point(const plane::Point& point) override;
  void close_output() override;

 private:
  struct Files;
  std::unique_ptr<Files> files_;
};

}  // namespace infoplane::sinks

namespace infoplane {
using sinks::TensorBoardSink;
using sinks::TensorBoardSinkOptions;
}  // namespace infoplane
