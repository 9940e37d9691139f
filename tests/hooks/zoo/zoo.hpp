#pragma once

#include <torch/nn.h>
#include <torch/optim/adamw.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <infoplane/infoplane.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hooks/blocks.hpp"

/// Small trainers, one file each, in the manners of public ones. In each, the lines with `monitor` are all that
/// infoplane adds; `witness` is the test's own record of what the streams were, not a part of the manner.
namespace infoplane::zoo {

namespace nn = torch::nn;
using testing::Attention;
using testing::Block;
using testing::BlockImpl;
using testing::kVocabulary;
using testing::kWidth;
using testing::Mlp;
using testing::TreeImpl;
using torch::Tensor;

constexpr int64_t kSteps = 4;
constexpr double kDropout = 0.1;

using Losses = std::vector<float>;

/// Inputs and targets, int64 [3, 6], the same for the same step, without random numbers.
std::pair<Tensor, Tensor> batch(int64_t step);

/// Cross-entropy of logits [.., vocabulary] and targets [..], mean.
Tensor loss_of(const Tensor& logits, const Tensor& targets);

nn::LayerNorm layer_norm();
nn::Embedding embedding();
nn::Linear output_head();

/// "blocks." and 3: "blocks.3". GCC 12 warns falsely about `+` of the two.
std::string numbered(const char* prefix, int64_t number);

/// Notes what the stream of that site is, while a watched run observes; the first one in an observation counts.
void witness(const std::string& site, const Tensor& stream);

/// Stands for `infoplane::Monitor` in the run without it.
class NoMonitor {
 public:
  struct Observation {
    ~Observation() {}  // NOLINT(modernize-use-equals-default): as of a guard, so that holding it is no unused variable
  };
  explicit NoMonitor(const MonitorOptions& /*options*/) {}
  template <typename Model>
  explicit NoMonitor(const Model& /*model*/, const MonitorOptions& /*options*/ = {}) {}
  Observation observe(int64_t, const Tensor&, const Tensor& = {}) { return {}; }
  Observation observe(int64_t, const BatchDetails&) { return {}; }
  Observation observe_heldout(int64_t, const Tensor&, const Tensor& = {}) { return {}; }
  void end_step(int64_t, const Tensor&) {}
  void end_step(int64_t, double) {}
  void rescan() {}
};

/// The streams of one observation.
struct Streams {
  std::vector<std::pair<hooks::Site, Tensor>> seen;
  std::vector<std::pair<std::string, Tensor>> truth;
};

/// `infoplane::Monitor`, and beside it a watcher of the same sites that keeps the streams.
class RecordingMonitor {
 public:
  class Observation {
   public:
    Observation(RecordingMonitor& owner, infoplane::Observation observation)
        : owner_(owner), observation_(std::move(observation)) {}
    Observation(const Observation&) = delete;
    Observation& operator=(const Observation&) = delete;
    ~Observation() { owner_.close(); }

   private:
    RecordingMonitor& owner_;
    infoplane::Observation observation_;
  };

  explicit RecordingMonitor(const MonitorOptions& options)  // of a trainer without LibTorch
      : monitor_(options), watcher_(hooks::WatchOptions().sites(options.sites())) {
    records.clear();
    points.clear();
  }
  template <typename Model>
  explicit RecordingMonitor(const Model& model, const MonitorOptions& options = {})
      : monitor_(model, options), watcher_(model, hooks::WatchOptions().sites(options.sites())) {
    records.clear();
    points.clear();
  }
  RecordingMonitor(const RecordingMonitor&) = delete;
  RecordingMonitor& operator=(const RecordingMonitor&) = delete;
  ~RecordingMonitor() { close(); }

  Observation observe(int64_t step, const Tensor& tokens, const Tensor& targets = {}) {
    return record(monitor_.observe(step, tokens, targets));
  }
  Observation observe(int64_t step, const BatchDetails& details) { return record(monitor_.observe(step, details)); }
  /// Requires that the point has exactly the layers of the record, with the entropy of the record's streams.
  template <typename Loss>
  void end_step(int64_t step, const Loss& loss) {
    settle();
    check(monitor_.end_step(step, loss));
  }
  void rescan() {
    monitor_.rescan();
    watcher_.rescan();
  }

  static std::vector<Streams> records;      ///< one for each observation of the last watched run
  static std::vector<plane::Point> points;  ///< one for each of its steps
  static bool recording;

 private:
  Observation record(infoplane::Observation observation);
  void close();
  void settle();
  void check(const std::optional<plane::Point>& point);

  infoplane::Monitor monitor_;
  hooks::Watcher watcher_;
  std::optional<hooks::Scope> scope_;
  std::size_t first_of_step_ = 0;
};

/// What a trainer of the zoo promises.
struct Promise {
  hooks::SiteKind blocks = hooks::SiteKind::kNormInput;
  hooks::SiteKind embedding = hooks::SiteKind::kNormInput;
  std::optional<hooks::SiteKind> last = std::nullopt;  ///< of the last block, where it differs
  int lines = 3;                                       ///< that infoplane adds to the loop
  int taps = 0;                                        ///< and to the model
  int rescans = 0;                                     ///< and where the model is taken apart
  int64_t observations = kSteps;
};

/// Trains without, with a recording monitor and with `infoplane::Monitor` alone, and requires: bit-identical losses,
/// parameters' random numbers and all; each witnessed stream captured under its name, in order, bit by bit (its
/// direction for a normalised stream); and no more lines of `file` that mention infoplane than promised.
void check(const char* file, Losses (*without)(), Losses (*with)(), Losses (*bare)(), const Promise& promise = {});

}  // namespace infoplane::zoo
