#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/plane/metric_keys.hpp>

namespace infoplane::callbacks {
namespace {

/// Of the share, either way: nobody knows beforehand whether it ends high or low, only that it moves while a model
/// learns.
Criterion at_rest(const std::string& output, Mode mode) {
  return Criterion()
      .monitor(plane::corrected_key(plane::share_key(output)))
      .mode(mode)
      .patience(kEndless)
      .min_delta(0)
      .min_delta_mode(DeltaMode::kRelative)
      .smoothing(3)
      .trend(12)
      .trend_errors(3);
}

}  // namespace

// What is measured on the plane comes to rest for a while in the middle of runs that go on learning, and sees
// overfitting late or not at all; the loss alone jumps from one check to the next. Together they end a run, and the
// loss says which step to keep. See docs/studies/stopping.md for the runs.
EarlyStoppingOptions EarlyStopping::compression(const std::string& output) {
  return EarlyStoppingOptions()
      .split("heldout")
      .monitor("loss")
      .patience(8)
      .min_delta(0.005)
      .min_delta_mode(DeltaMode::kRelative)
      .smoothing(5)
      .start_from_step(180)
      .also({at_rest(output, Mode::kMin), at_rest(output, Mode::kMax)})
      .combine(Combine::kAll);
}

}  // namespace infoplane::callbacks
